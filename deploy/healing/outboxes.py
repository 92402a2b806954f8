"""Reads outboxes and inboxes through read-only roles, each row once or twice however long it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

CHUNK = 5000
# An outbox number may be taken before its row is committed; statements end after 15 s, idle transactions after 30.
GAP_S = 120.0
Identity = tuple[str, str]

_ROWS = """
SELECT seq, source, id, type, department,
       extract(epoch FROM clock_timestamp() - sent_at)::float8 AS sent_s,
       extract(epoch FROM sent_at)::float8 AS sent_at
FROM outbox WHERE {which} ORDER BY seq
"""
_NEW = _ROWS.format(which="seq > $1") + " LIMIT $2"
_AGAIN = _ROWS.format(which="seq = ANY($1::bigint[])")
_HEARD = """
SELECT source, id FROM inbox JOIN unnest($1::text[], $2::text[]) AS asked(source, id) USING (source, id)
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that the broker confirmed; ``sent_at`` is its speaker's own clock, in seconds."""

    speaker: str
    source: str
    id: str
    type: str
    department: str | None
    sent_at: float

    @property
    def identity(self) -> Identity:
        """An event's identity is (source, id)."""
        return self.source, self.id


@dataclass
class Mark:
    """How far one outbox was read, and which numbers at or below are still to be read (again), until when."""

    seq: int = 0
    later: dict[int, float] = field(default_factory=dict)


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

    async def sent_later(self, speaker: str, ripe_s: float) -> list[Sent]:
        """Events that were read before and were confirmed at least ``ripe_s`` seconds ago only now."""
        connection, mark = await self._connection(speaker), self._marks[speaker]
        found = _take(await connection.fetch(_AGAIN, list(mark.later)), mark, speaker, ripe_s)
        now = time.monotonic()
        mark.later = {seq: until for seq, until in mark.later.items() if until > now}
        return found

    async def newly_sent(self, speaker: str, ripe_s: float) -> tuple[list[Sent], bool]:
        """Events of the next rows that were confirmed so long ago; and whether there may be more rows."""
        connection, mark = await self._connection(speaker), self._marks[speaker]
        rows = await connection.fetch(_NEW, mark.seq, CHUNK)
        return _take(rows, mark, speaker, ripe_s), len(rows) == CHUNK

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

    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        for connection in self._open.values():
            connection.terminate()
        self._open.clear()


def _take(rows: Sequence[asyncpg.Record], mark: Mark, speaker: str, ripe_s: float) -> list[Sent]:
    """The ripe ones; what is not, and numbers that nobody has committed yet, are read again later."""
    until = time.monotonic() + GAP_S
    found = []
    for row in rows:
        seq = row["seq"]
        for missing in range(mark.seq + 1, seq):
            mark.later[missing] = until
        mark.seq = max(mark.seq, seq)
        if row["sent_s"] is None or row["sent_s"] < ripe_s:
            mark.later[seq] = float("inf")
        else:
            mark.later.pop(seq, None)
            found.append(
                Sent(speaker, row["source"], row["id"], row["type"], row["department"], row["sent_at"])
            )
    return found
