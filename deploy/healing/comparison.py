"""Which deliveries are lost: confirmed by the broker, in no queue any more, and not in the hearer's inbox.

An event is confirmed only after it stands in every queue that is bound for it, and a hearer acknowledges it only
after its inbox row is committed. So if it was confirmed before the queue was seen empty, and the inbox read
after that does not have it, the queue has lost it: purged, deleted, or a broker that came back without its data.
A queue that is never empty shows it by order: what was sent well after it has been heard, and queues keep order.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import httpx

from deploy.healing.outboxes import Databases, Identity, Sent
from libs.flow import Flow

RIPE_S = 15.0  # the broker counts its queues every 5 s: a count is never older than a ripe event
# Its own counts; those of the statistics behind the management's pages are another 5 s old.
_TOTALS = {"disable_stats": "true", "enable_queue_totals": "true"}
MOST_CHUNKS = 20  # of one outbox in one look; the next look goes on from there
MOST_LOOKED_UP = 20_000  # the oldest missing ones of one hearer: more is a hearer far behind
OVERTAKEN_S = 30.0  # redelivery after a broken connection puts events back in front, never behind;
# a reader that was held up sees more as sent at once than was: the worst is an event sent again that would have come
A = TypeVar("A")
_NOT_THERE = (
    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lost:
    """One delivery that a hearer will never get unless it is sent again."""

    sent: Sent
    hearer: str


class Comparison:
    """Remembers what is still missing from one look to the next, so that a look costs what is new.

    A database that does not answer, or is not migrated yet, is left out of a look and named in ``not_asked``: the
    others are compared all the same.

    ``broker`` is its management's address with a login that may look; ``?cafile=FILE`` names the authority it trusts.
    """

    def __init__(
        self, flow: Flow, databases: Mapping[str, str], broker: str, *, ripe_s: float = RIPE_S
    ) -> None:
        self._flow = flow
        self._databases = Databases(databases)
        self._broker = broker
        self._ripe_s = ripe_s
        self._departments = [name.partition(".")[2] for name in databases if "." in name]
        self._missing: dict[str, dict[Identity, Sent]] = {name: {} for name in databases}
        self._heard_until: dict[tuple[str, str], float] = {}
        self.compared = 0
        self.not_asked: dict[str, str] = {}  # database to reason, of the last look

    @property
    def missing(self) -> dict[str, int]:
        """Deliveries confirmed and not yet heard, by hearer: lost or still waiting in its queue."""
        return {hearer: len(events) for hearer, events in self._missing.items()}

    async def look(self) -> list[Lost]:
        """Compare what is new and what was missing before; OSError and the like when the broker is away."""
        self.not_asked = {}
        try:
            for speaker in self._databases.names:
                await self._ask(speaker, self._read)
            waiting = [hearer for hearer in self._missing if await self._ask(hearer, self._look_up)]
            if not waiting:
                return []
            depths = await self._depths()
            # Looked up once more after the queues were counted: what was acknowledged is in the inbox now.
            found = [await self._ask(hearer, lambda each: self._lost(each, depths)) for hearer in waiting]
            return [lost for each in found for lost in each or ()]
        except BaseException:
            await self._databases.close()
            raise

    async def _ask(self, name: str, question: Callable[[str], Awaitable[A]]) -> A | None:
        """The answer of one database; None, and it is noted, when there is none."""
        if name in self.not_asked:
            return None
        try:
            return await question(name)
        except _NOT_THERE as why:
            self.not_asked[name] = f"{type(why).__name__}: {why}"
            self._databases.let_go(name)
            return None

    async def close(self) -> None:
        """Let go of the databases."""
        await self._databases.close()

    async def _read(self, speaker: str) -> None:
        await self._databases.read_again(speaker)
        for _ in range(MOST_CHUNKS):
            if not await self._databases.read_on(speaker):
                break
        self._await(self._databases.ripe(speaker, self._ripe_s))

    def _await(self, found: Sequence[Sent]) -> None:
        for sent in found:
            for hearer in self._hearers(sent):
                self.compared += 1
                self._missing[hearer][sent.identity] = sent

    def _hearers(self, sent: Sent) -> Iterator[str]:
        """The databases it must reach: of the center's services, of one department, or of every department."""
        rule = self._flow.rules.get(sent.type)
        for service in rule.heard_by if rule else ():
            if self._flow.services[service]["per"] != "department":
                yield from [service] if service in self._missing else []
            else:
                chosen = [sent.department] if rule and rule.sent_to else self._departments
                yield from (f"{service}.{code}" for code in chosen if f"{service}.{code}" in self._missing)

    async def _look_up(self, hearer: str) -> list[Sent]:
        """The oldest of the hearer's missing events that its inbox still does not have."""
        events = self._missing[hearer]
        asked = list(islice(events, MOST_LOOKED_UP))
        found = await self._databases.heard(hearer, asked)
        for identity in found:
            sent = events.pop(identity)
            way = (sent.speaker, hearer)
            self._heard_until[way] = max(self._heard_until.get(way, 0.0), sent.seen_at)
        return [events[identity] for identity in asked if identity not in found]

    async def _depths(self) -> dict[str, int]:
        parts = urlsplit(self._broker)
        base = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        login = (unquote(parts.username or ""), unquote(parts.password or ""))
        authority = parse_qs(parts.query).get("cafile")
        trust = ssl.create_default_context(cafile=authority[0]) if authority else True
        async with httpx.AsyncClient(base_url=base, auth=login, timeout=10, verify=trust) as client:
            answer = await client.get("/api/queues", params=_TOTALS)
            answer.raise_for_status()
        return {queue["name"]: int(queue.get("messages", 0)) for queue in answer.json()}

    async def _lost(self, hearer: str, depths: Mapping[str, int]) -> list[Lost]:
        """A queue that does not exist holds nothing; dead letters are on their way into the database."""
        empty = not depths.get(hearer) and not depths.get(f"{hearer}.dead")
        return [
            Lost(sent, hearer)
            for sent in await self._look_up(hearer)
            if empty or sent.seen_at + OVERTAKEN_S < self._heard_until.get((sent.speaker, hearer), 0.0)
        ]
