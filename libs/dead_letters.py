"""Takes what the broker gave up on (`<queue>.dead`) into the database, where a person can see it and replay it.

A message is given up after it was returned as often as flow.yaml allows. Its events are handled one after the
other, so the first one that is not in the inbox is the one the hearer died on: it is set aside without being
tried. Those behind it never had their turn: they are handled now, each alone. If one of them kills the process
too, the message is still there after the restart, and that one is then the first. So every crash sets one event
aside, and no neighbour is dragged along. The message is acknowledged when all its events are in the database.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs import inbox, traces
from libs.broker import open_connection
from libs.commits import Commits
from libs.deeds import Deed, Run
from libs.envelope import Bad, Event, decode
from libs.hearing import Dispatch
from libs.metrics import DEAD_LETTERS, DEAD_TAKEN
from libs.work import Work

LOG = structlog.get_logger(__name__)
LOOK_S = 5.0
GIVEN_UP = "delivery_limit"  # the broker's word for it, and the letter's code


class DeadLetters:
    """One hearer's dead-letter queue; ``depth`` is how many messages were in it when last looked at."""

    def __init__(
        self, url: str, queue: str, engine: AsyncEngine, dispatch: Dispatch, commits: Commits
    ) -> None:
        self._url = url
        self._queue = f"{queue}.dead"
        self._engine = engine
        self._dispatch = dispatch
        self._commits = commits
        self._connection: AbstractConnection | None = None
        self.depth = 0

    async def run(self) -> None:
        """Look every few seconds until cancelled; a broker or database that is away is tried again."""
        try:
            while True:
                try:
                    await self.look()
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    await self._let_go()  # the library's: a connection that broke
                except Exception as failed:
                    LOG.warning(
                        "dead_letters_not_read", error=type(failed).__name__, detail=str(failed)[:200]
                    )
                    await self._let_go()
                await asyncio.sleep(LOOK_S)
        finally:
            await self._let_go()

    async def look(self) -> None:
        """Count the queue and take whatever is in it; a message leaves it only when it is in the database."""
        if self._connection is None or self._connection.is_closed:
            self._connection = await open_connection(self._url, timeout_s=10)
        async with self._connection.channel() as channel:
            queue = await channel.declare_queue(self._queue, passive=True, timeout=10)
            self._note_depth(queue.declaration_result.message_count or 0)
            while self.depth:
                message = await queue.get(fail=False, timeout=10)
                if message is None:
                    self._note_depth(0)
                    return
                await self.take(message)
                await message.ack()
                self._note_depth(self.depth - 1)

    def _note_depth(self, depth: int) -> None:
        self.depth = depth
        DEAD_LETTERS.set(depth)

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await asyncio.wait_for(connection.close(), 5)
            except Exception as failed:
                LOG.info("dead_letters_not_closed", error=type(failed).__name__)

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Every event of the message is in the database when this returns."""
        reason, deaths = _death(message)
        culprit_found = reason != GIVEN_UP
        LOG.error("dead_letter_taken", reason=reason, deaths=deaths, bytes=len(message.body))
        for element in decode(message.body, message.content_type):
            if isinstance(element, Bad):
                await self._keep(inbox.unreadable(element.body, element.reason))
            elif await self._known(element):
                DEAD_TAKEN.labels("known").inc()
            elif culprit_found:
                await self._hear(element)
            else:
                culprit_found = True
                text = f"returned {deaths or 'too many'} times: its hearer died on it, or while holding it"
                identity = (element.source, element.id, element.type, element.subject)
                await self._keep(
                    inbox.SetAside(*identity, element.to_json(), GIVEN_UP, text, deaths or 1), element
                )

    async def _known(self, event: Event) -> bool:
        async with self._engine.connect() as connection:
            sql = "SELECT 1 FROM inbox WHERE source = $1 AND id = $2"
            found = await connection.exec_driver_sql(sql, (event.source, event.id))
            return found.first() is not None

    async def _hear(self, event: Event) -> None:
        async def run(work: Work) -> None:
            await self._dispatch(work, event)

        DEAD_TAKEN.labels("heard").inc()
        await self._submit(f"on {event.type}", run, event)

    async def _keep(self, given_up: inbox.SetAside, event: Event | None = None) -> None:
        async def keep(work: Work) -> None:
            connection = await work.shared.sql()
            if event is not None and not await inbox.hear(connection, event):
                return  # another process took it in the meantime
            if event is None and await _open_letter(connection, given_up):
                return  # taken before, and not acknowledged
            await inbox.set_aside(connection, given_up)

        DEAD_TAKEN.labels("set_aside").inc()
        await self._submit("set aside", keep, None)

    async def _submit(self, name: str, run: Run, event: Event | None) -> None:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        parent = traces.origin(event.traceparent) if event else None
        await self._commits.submit(Deed(name, run, done, parent, event=event, alone=True, patient=True))


async def _open_letter(connection: AsyncConnection, given_up: inbox.SetAside) -> bool:
    sql = "SELECT 1 FROM set_aside WHERE source = $1 AND id = $2 AND settled_at IS NULL"
    found = await connection.exec_driver_sql(sql, (given_up.source, given_up.id))
    return found.first() is not None


def _death(message: AbstractIncomingMessage) -> tuple[str, int]:
    """Why the broker gave the message up, and how often it had been returned (0: it does not say)."""
    headers = message.headers or {}
    deaths: Any = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    returned = headers.get("x-delivery-count", 0)
    reason = str(first.get("reason", GIVEN_UP))
    return reason, returned if isinstance(returned, int) else 0
