"""The transaction that deeds share: the connection, the loaded records, and what is staged until all have run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from opentelemetry.trace import SpanContext
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import Event
from libs.numbers import Numbers
from libs.records import Key, Records
from libs.signatures import KeyDirectory, Signer
from libs.speaker import Speaker

F = TypeVar("F")
Place = tuple[Records[Any], Key]


@dataclass(frozen=True, slots=True)
class House:
    """What a service brings to every deed: its voice, its signing key, the keys it trusts, its settings."""

    speaker: Speaker
    settings: Any = None
    signer: Signer | None = None
    keys: KeyDirectory | None = None
    numbers: Numbers = field(default_factory=Numbers)


class Shared:
    """What the deeds of one transaction have in common: the connection, the loaded records, what is staged."""

    def __init__(self, connection: AsyncConnection, house: House, now: datetime) -> None:
        self.connection = connection
        self.house = house
        self.now = now
        self.said: list[Event] = []
        self.touched: dict[str, SpanContext | None] = {}
        self.wrote = False
        self._records: dict[Place, Any] = {}
        self._stored: set[Place] = set()
        self._dirty: dict[Place, Any] = {}
        self._adds: list[tuple[sa.Table, dict[str, Any]]] = []
        self._under: set[Place] = set()  # key beginnings of which every record is known
        self._found: dict[Hashable, Any] = {}
        self._numbers: dict[str, int] = {}

    def known(self, place: Place) -> tuple[bool, Any]:
        """(whether it was loaded or put in this transaction, the record or None)."""
        if place in self._records:
            return True, self._records[place]
        records, key = place
        return any((records, key[:parts]) in self._under for parts in range(1, len(key))), None

    async def once(self, what: Hashable, find: Callable[[], Awaitable[F]]) -> F:
        """What ``find`` finds, looked up once until something is written."""
        if what not in self._found:
            self._found[what] = await find()
        return self._found[what]  # type: ignore[no-any-return]

    async def number(self, sequence: str) -> int:
        """The next number of a sequence, whichever deed of this transaction asks."""
        asked = self._numbers[sequence] = self._numbers.get(sequence, 0) + 1
        return await self.house.numbers.next(self.connection, sequence, asked)

    async def load(self, places: Iterable[Place]) -> None:
        """Load and lock these records, table by table in name order, unless they are known already.

        A place whose key is shorter than its table's means every record whose key begins so.
        """
        wanted: dict[Records[Any], set[Key]] = {}
        under: dict[Records[Any], set[Key]] = {}
        for place in places:
            records, key = place
            if len(key) < len(records.key):
                if place not in self._under:
                    under.setdefault(records, set()).add(key)
            elif not self.known(place)[0]:
                wanted.setdefault(records, set()).add(key)
        for records in sorted({*wanted, *under}, key=lambda table: table.name):
            keys, beginnings = wanted.get(records, set()), under.get(records, set())
            found = await records.load(self.connection, keys, lock=True)
            found |= await records.load_under(self.connection, beginnings, lock=True)
            self._under.update((records, beginning) for beginning in beginnings)
            for key in {*keys, *found}:
                self._records.setdefault((records, key), found.get(key))
                if key in found:
                    self._stored.add((records, key))

    def absorb(
        self,
        puts: dict[Place, Any],
        adds: list[tuple[sa.Table, dict[str, Any]]],
        said: list[Event],
        touched: dict[str, SpanContext | None],
    ) -> None:
        """Take over what a deed that succeeded has staged."""
        self.wrote = self.wrote or bool(puts or adds or said or touched)
        self._records.update(puts)
        self._dirty.update(puts)
        self._adds.extend(adds)
        self.said.extend(said)
        self.touched.update(touched)

    async def flush(self) -> None:
        """Write what is staged: records table by table, then the append-only rows."""
        dirty, self._dirty = self._dirty, {}
        adds, self._adds = self._adds, []
        if dirty or adds:
            self._found.clear()
        unknown = [place for place in dirty if place not in self._records or place not in self._stored]
        await self._find_stored(unknown)
        grouped: dict[Records[Any], tuple[list[Any], list[Any]]] = {}
        for place, record in dirty.items():
            new, changed = grouped.setdefault(place[0], ([], []))
            (changed if place in self._stored else new).append(record)
            self._stored.add(place)
        for records, (new, changed) in grouped.items():
            await records.write(self.connection, new, changed)
        by_shape: dict[tuple[str, tuple[str, ...]], tuple[sa.Table, list[dict[str, Any]]]] = {}
        for table, values in adds:
            by_shape.setdefault((table.name, tuple(sorted(values))), (table, []))[1].append(values)
        for table, rows in by_shape.values():
            await self.connection.execute(sa.insert(table), rows)

    async def _find_stored(self, places: Sequence[Place]) -> None:
        wanted: dict[Records[Any], set[Key]] = {}
        for records, key in places:
            wanted.setdefault(records, set()).add(key)
        for records, keys in wanted.items():
            found = await records.load(self.connection, keys, lock=True)
            self._stored.update((records, key) for key in found)
