"""What keeps being delivered and never finished: handled alone, later set aside before it is tried.

A quorum queue counts an unfinished delivery against everything its consumer held, and a broken connection like
a death: the count alone condemns nobody. So a suspect first becomes a letter, for everybody to see, and is then
heard again at once. Whoever is innocent is handled and its letter settled; what kills its process has been set
aside already, is recognised by the inbox when it comes again, and takes no neighbour along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from libs import letters
from libs.broker import open_connection
from libs.commits import Commits
from libs.deeds import Deed
from libs.envelope import Bad, Event, decode
from libs.work import Work

LOG = structlog.get_logger(__name__)
SUSPECT_FROM = (
    2  # unfinished deliveries after which a message is handled alone; one may be anybody's bad luck
)
ASIDE_FROM = 3  # … after which each event of it is set aside before it is tried; far below the broker's limit
ACTOR = "listener"  # who hears these letters again
Settle = Callable[[Any, bool], Awaitable[None]]


class KillsItsHandler(Exception):
    """An event that was delivered again and again and never finished; the letter stays if it is never handled."""

    code = "kills_its_handler"


def unfinished(raw: Any) -> int:
    """How often this message was delivered before and not finished, as the quorum queue counts."""
    count = raw.headers.get("x-delivery-count", 0)
    return count if isinstance(count, int) else 0


class Suspects:
    """Those in one queue; ``settle`` handles and acknowledges a message."""

    def __init__(self, url: str, queue: str, commits: Commits, settle: Settle) -> None:
        self._url = url
        self._queue = queue
        self._commits = commits
        self._settle = settle

    async def take(self) -> None:
        """One message at a time is ours, so only that one counts a death; until one is above suspicion."""
        async with await open_connection(self._url, timeout_s=10) as connection:
            queue = await (await connection.channel()).get_queue(self._queue, ensure=False)
            while (message := await queue.get(fail=False, timeout=10)) is not None:
                count = unfinished(message)
                if count >= ASIDE_FROM:
                    for element in decode(bytes(message.body), message.content_type):
                        await self._try(element, count)
                await self._settle(message, True)
                if count < SUSPECT_FROM:
                    return

    async def _try(self, element: Event | Bad, count: int) -> None:
        """Set it aside, then hear the letter; nothing happens to what the inbox knows."""
        if isinstance(element, Bad):
            return
        aside: list[Event] = []

        async def set_aside(work: Work) -> None:
            aside.append(element)  # only what the inbox does not know comes here
            raise KillsItsHandler(f"delivered {count} times and never finished")

        async def hear(work: Work) -> None:
            sql = "SELECT max(seq) FROM set_aside WHERE source = $1 AND id = $2 AND settled_at IS NULL"
            found = await (await work.shared.sql()).exec_driver_sql(sql, (element.source, element.id))
            await letters.hear_letter(work, self._commits.hearing, found.scalar_one(), ACTOR)

        future = asyncio.get_running_loop().create_future
        await self._commits.submit(
            Deed(f"set aside {element.type}", set_aside, future(), event=element, alone=True)
        )
        if not aside:
            return
        try:
            await self._commits.submit(Deed(f"hear {element.type}", hear, future(), alone=True, patient=True))
        except Exception as failed:  # the letter stays open
            LOG.error(
                "suspect_stays_aside", event_type=element.type, id=element.id, error=type(failed).__name__
            )
