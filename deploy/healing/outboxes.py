"""Reads outboxes and inboxes through read-only roles, each row once or twice however long it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

CHUNK = 5000
# An outbox number may be taken before its row is committed; statements end after 15 s, idle transactions after 30.
GAP_S = 120.0
Identity = tuple[str, str]

_ROWS = """
SELECT seq, source, id, type, department, unsent.seq IS NULL AS is_sent
FROM outbox LEFT JOIN unsent USING (seq) WHERE {which} ORDER BY seq
"""
_NEW = _ROWS.format(which="outbox.seq > $1") + " LIMIT $2"
_AGAIN = _ROWS.format(which="outbox.seq = ANY($1::bigint[])")
_HEARD = """
SELECT source, id FROM inbox JOIN unnest($1::text[], $2::text[]) AS asked(source, id) USING (source, id)
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that the broker has confirmed; ``seen_at`` is when it was first seen to be, in seconds from anywhere."""

    speaker: str
    source: str
    id: str
    type: str
    department: str | None
    seen_at: float

    @property
    def identity(self) -> Identity:
        """An event's identity is (source, id)."""
        return self.source, self.id


@dataclass
class Mark:
    """How far one outbox was read, which numbers at or below are to be read again until when, and what ripens."""

    seq: int = 0
    later: dict[int, float] = field(default_factory=dict)
    ripening: deque[Sent] = field(default_factory=deque)

    def take(self, rows: Sequence[Mapping[str, Any]], speaker: str, now: float) -> None:
        """What is sent ripens; what is not, and numbers that nobody has committed yet, are read again later."""
        for row in rows:
            seq = row["seq"]
            for missing in range(self.seq + 1, seq):
                self.later[missing] = now + GAP_S
            self.seq = max(self.seq, seq)
            if row["is_sent"]:
                self.later.pop(seq, None)
                event = (row["source"], row["id"], row["type"], row["department"])
                self.ripening.append(Sent(speaker, *event, now))
            else:
                self.later[seq] = float("inf")

    def ripe(self, until: float) -> list[Sent]:
        """What was seen to be sent by this instant; each is given out once."""
        found = []
        while self.ripening and self.ripening[0].seen_at <= until:
            found.append(self.ripening.popleft())
        return found


class Databases:
    """Every database of a center, by its read-only address; connections are kept between rounds."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)
        self._open: dict[str, asyncpg.Connection] = {}
        self._marks = {name: Mark() for name in urls}

    @property
    def names(self) -> list[str]:
        """The databases: ``intake``, ``review.fire``."""
        return list(self._urls)

    async def read_again(self, speaker: str) -> None:
        """Look once more at rows that were read before they were sent, and at numbers that had no row."""
        connection, mark = await self._connection(speaker), self._marks[speaker]
        rows = await connection.fetch(_AGAIN, list(mark.later))
        now = time.monotonic()
        mark.take(rows, speaker, now)
        mark.later = {seq: until for seq, until in mark.later.items() if until > now}

    async def read_on(self, speaker: str) -> bool:
        """Read the next rows; whether there may be more."""
        connection, mark = await self._connection(speaker), self._marks[speaker]
        rows = await connection.fetch(_NEW, mark.seq, CHUNK)
        mark.take(rows, speaker, time.monotonic())
        return len(rows) == CHUNK

    def ripe(self, speaker: str, ripe_s: float) -> list[Sent]:
        """Events seen to be confirmed at least ``ripe_s`` seconds ago; each is given out once."""
        return self._marks[speaker].ripe(time.monotonic() - ripe_s)

    async def heard(self, hearer: str, identities: Sequence[Identity]) -> set[Identity]:
        """Those of these events that stand in the hearer's inbox, in whatever state."""
        if not identities:
            return set()
        connection = await self._connection(hearer)
        columns = ([source for source, _ in identities], [event_id for _, event_id in identities])
        return {(row["source"], row["id"]) for row in await connection.fetch(_HEARD, *columns)}

    async def _connection(self, name: str) -> asyncpg.Connection:
        connection = self._open.get(name)
        if connection is None or connection.is_closed():
            url = self._urls[name].replace("postgresql+asyncpg://", "postgresql://")
            connection = self._open[name] = await asyncpg.connect(url, timeout=10, command_timeout=30)
        return connection

    def let_go(self, name: str) -> None:
        """Let go of one connection; the next question opens a new one."""
        if connection := self._open.pop(name, None):
            connection.terminate()

    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        for connection in self._open.values():
            connection.terminate()
        self._open.clear()
