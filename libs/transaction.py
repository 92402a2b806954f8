"""The transaction that deeds share: the connection, the loaded records, and what is staged until all have run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import Event
from libs.numbers import Numbers
from libs.records import Key, Lookup, Records, inserting
from libs.remembered import Remembered
from libs.session import Session
from libs.signatures import KeyDirectory, Signer
from libs.speaker import Speaker
from libs.statements import Reading, Statement, side_by_side, together
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

    def __init__(self, session: Session, house: House, now: datetime, *, trusting: bool = False) -> None:
        self.session = session
        self.house = house
        self.now = now
        self.trusting = trusting  # events are taken to be new, and nothing to fail, until the end
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
        self._numbers: dict[str, list[int]] = {}
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

    def added(self, table: sa.Table) -> list[dict[str, Any]]:
        """The rows of one append-only table that are to be written."""
        return [values for into, values in self._adds if into is table]

    async def once(self, what: Hashable, find: Callable[[], Awaitable[F]]) -> F:
        """What ``find`` finds, looked up once until something is written."""
        if what not in self._found:
            self._found[what] = await find()
        return self._found[what]  # type: ignore[no-any-return]

    async def sql(self) -> AsyncConnection:
        """The transaction's connection, for what is not said by the backbone itself."""
        return await self.session.sql()

    async def number(self, sequence: str) -> int:
        """The next number of a sequence, whichever deed of this transaction asks."""
        given = self._numbers.setdefault(sequence, [])
        given.append(await self.house.numbers.next(self.session, sequence, len(given) + 1))
        return given[-1]

    def undone(self) -> None:
        """The transaction is certain not to commit: the numbers it drew are not lost."""
        for sequence, given in self._numbers.items():
            self.house.numbers.give_back(sequence, given)

    async def look_up(self, looked: Iterable[tuple[Lookup[Any], str]]) -> list[Place]:
        """Where the records are that these lookups find; each is asked once in a transaction."""
        wanted: dict[Lookup[Any], set[str]] = {}
        pairs = list(looked)
        for lookup, value in pairs:
            if (lookup, value) not in self._looked:
                wanted.setdefault(lookup, set()).add(value)
        for lookup, values in wanted.items():
            rows = await self.session.fetch(lookup.looking(values))
            found: dict[str, Key] = {row[0]: tuple(row[1:]) for row in rows}
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
        if wanted or under:
            await self._load(wanted, under)

    async def _load(self, wanted: dict[Records[Any], set[Key]], under: dict[Records[Any], set[Key]]) -> None:
        """Table by table in the order of their names, so that lockers never cross; in one statement."""
        readings: list[Reading] = []
        takes: list[Callable[[list[Any]], None]] = []
        for records in sorted({*wanted, *under}, key=lambda table: table.name):
            for reading, take in self._readings(
                records, wanted.get(records, set()), under.get(records, set())
            ):
                readings.append(reading)
                takes.append(take)
        rows = await self.session.fetch(side_by_side(readings))
        found: list[list[Any]] = [[] for _ in readings]
        for row in rows:
            found[row[0]].append(row[1:])
        for take, of_it in zip(takes, found, strict=True):
            take(of_it)

    def _readings(
        self, records: Records[Any], keys: set[Key], beginnings: set[Key]
    ) -> Iterable[tuple[Reading, Callable[[list[Any]], None]]]:
        """What to read of one table, and what to do with the rows."""
        if keys and records.remembers:
            known = self.house.remembered.of(records, keys)

            def take_versions(rows: list[Any]) -> None:
                found = records.found_unless_known(rows, known)
                self._versions.update({(records, key): version for key, (version, _) in found.items()})
                self._take(records, keys, {key: record for key, (_, record) in found.items()})

            yield records.reading_unless_known(keys, known), take_versions
        elif keys:
            yield (
                records.reading(keys, lock=True),
                lambda rows: self._take(records, keys, records.found(rows)),
            )
        self._under.update((records, beginning) for beginning in beginnings)
        for reading in records.readings_under(beginnings, lock=True):
            yield reading, lambda rows: self._take(records, (), records.found(rows))

    def _take(self, records: Records[Any], keys: Iterable[Key], found: dict[Key, Any]) -> None:
        for key in {*keys, *found}:
            place = (records, key)
            self._records.setdefault(place, found.get(key))
            (self._stored if key in found else self._missing).add(place)

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
        """Write what is staged, nearly always in one statement."""
        for statements in self.writing():
            await self.session.fetch(together(statements))

    def writing(self) -> list[list[Statement]]:
        """What writes all that is staged, records and append-only rows: groups of which each can be one statement.

        Within one statement nothing says which part comes first: rows of one table that name other columns, and so
        need a part of their own, go into the next group, so that a table's own numbers follow the order here.
        """
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
        statements = [
            each
            for records, (new, changed, either) in grouped.items()
            for each in records.writing(new, changed, either)
        ]
        return _after([statements] if statements else [], adds)

    def _is_missing(self, place: Place) -> bool:
        """Whether it was looked for in this transaction and not found."""
        if place in self._missing or not self._under:
            return place in self._missing
        records, key = place
        return any((records, key[:parts]) in self._under for parts in range(1, len(key)))


def _after(
    groups: list[list[Statement]], adds: Sequence[tuple[sa.Table, dict[str, Any]]]
) -> list[list[Statement]]:
    """``groups`` and what inserts these rows: of each table one statement in a group at the most."""
    by_shape: dict[tuple[str, tuple[str, ...]], tuple[sa.Table, list[dict[str, Any]]]] = {}
    for table, values in adds:
        by_shape.setdefault((table.name, tuple(values)), (table, []))[1].append(values)
    shapes: Counter[str] = Counter()
    for table, rows in by_shape.values():
        if shapes[table.name] == len(groups):
            groups.append([])
        groups[shapes[table.name]].append(inserting(table, rows))
        shapes[table.name] += 1
    return groups
