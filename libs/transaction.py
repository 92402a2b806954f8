"""The transaction that deeds share: the connection, the loaded records, and what is staged until all have run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import Event
from libs.numbers import Numbers
from libs.records import Key, Lookup, Records, insert_rows
from libs.remembered import Remembered
from libs.signatures import KeyDirectory, Signer
from libs.speaker import Speaker
from libs.traces import Origin

F = TypeVar("F")
Place = tuple[Records[Any], Key]
Wanted = tuple[Records[Any] | Lookup[Any], Key]


@dataclass(frozen=True, slots=True)
class House:
    """What a service brings to every deed: its voice, its signing key, the keys it trusts, its settings."""

    speaker: Speaker
    settings: Any = None
    signer: Signer | None = None
    keys: KeyDirectory | None = None
    numbers: Numbers = field(default_factory=Numbers)
    remembered: Remembered = field(default_factory=Remembered)


class Shared:
    """What the deeds of one transaction have in common: the connection, the loaded records, what is staged."""

    def __init__(self, connection: AsyncConnection, house: House, now: datetime) -> None:
        self.connection = connection
        self.house = house
        self.now = now
        self.said: list[Event] = []
        self.touched: dict[str, Origin | None] = {}
        self.wrote = False
        self._records: dict[Place, Any] = {}
        self._stored: set[Place] = set()
        self._missing: set[Place] = set()
        self._versions: dict[Place, int] = {}  # of those that are remembered after the commit
        self._dirty: dict[Place, Any] = {}
        self._adds: list[tuple[sa.Table, dict[str, Any]]] = []
        self._under: set[Place] = set()  # key beginnings of which every record is known
        self._found: dict[Hashable, Any] = {}
        self._looked: dict[tuple[Lookup[Any], str], Key | None] = {}
        self._numbers: dict[str, int] = {}
        self.outcomes: Counter[str] = Counter()  # of the deeds, for the figures, once this is committed

    def known(self, place: Place) -> tuple[bool, Any]:
        """(whether it was loaded or put in this transaction, the record or None)."""
        if place in self._records:
            return True, self._records[place]
        if not self._under:
            return False, None
        records, key = place
        return any((records, key[:parts]) in self._under for parts in range(1, len(key))), None

    def staged(self, records: Records[Any]) -> list[Any]:
        """The records of one table that are to be written."""
        return [record for (table, _), record in self._dirty.items() if table is records]

    async def once(self, what: Hashable, find: Callable[[], Awaitable[F]]) -> F:
        """What ``find`` finds, looked up once until something is written."""
        if what not in self._found:
            self._found[what] = await find()
        return self._found[what]  # type: ignore[no-any-return]

    async def number(self, sequence: str) -> int:
        """The next number of a sequence, whichever deed of this transaction asks."""
        asked = self._numbers[sequence] = self._numbers.get(sequence, 0) + 1
        return await self.house.numbers.next(self.connection, sequence, asked)

    async def look_up(self, looked: Iterable[tuple[Lookup[Any], str]]) -> list[Place]:
        """Where the records are that these lookups find; each is asked once in a transaction."""
        wanted: dict[Lookup[Any], set[str]] = {}
        pairs = list(looked)
        for lookup, value in pairs:
            if (lookup, value) not in self._looked:
                wanted.setdefault(lookup, set()).add(value)
        for lookup, values in wanted.items():
            found = await lookup.keys(self.connection, values)
            self._looked.update({(lookup, value): found.get(value) for value in values})
        keys = [(lookup.of, self._looked[(lookup, value)]) for lookup, value in pairs]
        return [(records, key) for records, key in keys if key is not None]

    async def load(self, places: Iterable[Wanted]) -> None:
        """Load and lock these records, table by table in name order, unless they are known already.

        A place whose key is shorter than its table's means every record whose key begins so.
        """
        wanted: dict[Records[Any], set[Key]] = {}
        under: dict[Records[Any], set[Key]] = {}
        asked = [place for place in places if place not in self._records]
        looked = [(lookup, key[0]) for lookup, key in asked if isinstance(lookup, Lookup)]
        plain: list[Place] = [(each[0], each[1]) for each in asked if isinstance(each[0], Records)]
        for place in [*plain, *(await self.look_up(looked) if looked else ())]:
            records, key = place
            if len(key) < len(records.key):
                if place not in self._under:
                    under.setdefault(records, set()).add(key)
            elif not self.known(place)[0]:
                wanted.setdefault(records, set()).add(key)
        for records in sorted({*wanted, *under}, key=lambda table: table.name):
            keys, beginnings = wanted.get(records, set()), under.get(records, set())
            found = await self._load(records, keys)
            found |= await records.load_under(self.connection, beginnings, lock=True)
            self._under.update((records, beginning) for beginning in beginnings)
            for key in {*keys, *found}:
                place = (records, key)
                self._records.setdefault(place, found.get(key))
                (self._stored if key in found else self._missing).add(place)

    async def _load(self, records: Records[Any], keys: set[Key]) -> dict[Key, Any]:
        if not records.remembers or not keys:
            return await records.load(self.connection, keys, lock=True)
        known = self.house.remembered.of(records, keys)
        found = await records.load_unless_known(self.connection, keys, known)
        self._versions.update({(records, key): version for key, (version, _) in found.items()})
        return {key: record for key, (_, record) in found.items()}

    def remember(self) -> None:
        """Remember what was loaded and written; only once it is committed."""
        for place, version in self._versions.items():
            self.house.remembered.keep(*place, version, self._records[place])

    def absorb(
        self,
        puts: dict[Place, Any],
        adds: list[tuple[sa.Table, dict[str, Any]]],
        said: list[Event],
        touched: dict[str, Origin | None],
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
            self._looked.clear()
        grouped: dict[Records[Any], tuple[list[Any], list[Any], list[Any]]] = {}
        for place, record in dirty.items():
            new, changed, either = grouped.setdefault(place[0], ([], [], []))
            if place in self._stored:
                changed.append(record)
                if place in self._versions:
                    self._versions[place] += 1
            elif self._is_missing(place):
                new.append(record)
                if place[0].remembers:
                    self._versions[place] = 1
            else:
                either.append(record)
            self._stored.add(place)
        for records, (new, changed, either) in grouped.items():
            await records.write(self.connection, new, changed, either)
        by_shape: dict[tuple[str, tuple[str, ...]], tuple[sa.Table, list[dict[str, Any]]]] = {}
        for table, values in adds:
            by_shape.setdefault((table.name, tuple(values)), (table, []))[1].append(values)
        for table, rows in by_shape.values():
            await insert_rows(self.connection, table, rows)

    def _is_missing(self, place: Place) -> bool:
        """Whether it was looked for in this transaction and not found."""
        if place in self._missing or not self._under:
            return place in self._missing
        records, key = place
        return any((records, key[:parts]) in self._under for parts in range(1, len(key)))
