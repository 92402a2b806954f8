"""Tables of immutable records: one JSON body per record beside the columns one searches by.

A record is loaded in bulk, changed by pure functions, and written in bulk, so that a shared
transaction costs a few statements however many deeds share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.statements import Reading, Statement

T = TypeVar("T", bound=BaseModel)
Key = tuple[str, ...]
Column = tuple[Any, Callable[[Any], Any]]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def metadata() -> sa.MetaData:
    """A fresh MetaData for a service's tables."""
    return sa.MetaData()


class Records(Generic[T]):
    """A table ``name`` of ``model`` records under a text key.

    The body is ``json``, the text as it was written: it is nearly always read as a whole, and writing it as
    ``jsonb`` costs the database three times as much.

    ``key`` names attributes of the model (all text); ``columns`` maps a column name to its SQL type and
    the function that reads its value from the record (scalars only: they travel as arrays). ``remembers`` is how many
    of them a process keeps in memory between its transactions (see `libs/remembered.py`); whoever changes a body by
    other means than ``write`` has to raise its version. ``shared`` is for what every deed reads and hardly one
    changes (what was published): deeds of several replicas lock it together, and whoever changes it waits for them.
    """

    def __init__(
        self,
        name: str,
        model: type[T],
        *,
        key: Sequence[str],
        metadata: sa.MetaData,
        columns: Mapping[str, Column] | None = None,
        remembers: int = 0,
        shared: bool = False,
    ) -> None:
        self.name = name
        self._lock = " FOR SHARE OF t" if shared else " FOR UPDATE OF t"
        self.remembers = remembers
        self.model = model
        self.key = tuple(key)
        self._key_parts: Callable[[T], Any] = attrgetter(*self.key)
        self.columns = dict(columns or {})
        self.table = sa.Table(
            name,
            metadata,
            *(sa.Column(part, sa.Text, primary_key=True) for part in self.key),
            *(sa.Column(column, kind, nullable=True) for column, (kind, _) in self.columns.items()),
            sa.Column("body", postgresql.JSON, nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column(
                "changed_at", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()
            ),
        )
        self._select, self._insert, self._update, self._upsert = self._statements()
        self._select_new = self._unless_known()

    def key_of(self, record: T) -> Key:
        """The record's key as text parts."""
        parts = self._key_parts(record)
        if len(self.key) == 1:
            return (parts if type(parts) is str else str(parts),)
        return tuple(part if type(part) is str else str(part) for part in parts)

    def read(self, body: Any) -> T:
        """A record from its stored body (JSON text or decoded object)."""
        return (
            self.model.model_validate_json(body) if isinstance(body, str) else self.model.model_validate(body)
        )

    async def load(self, connection: AsyncConnection, keys: Iterable[Key], *, lock: bool) -> dict[Key, T]:
        """The records under ``keys`` that exist; locked in key order, so that lockers never cross."""
        wanted = list(keys)
        if not wanted:
            return {}
        reading = self.reading(wanted, lock=lock)
        return self.found(await connection.exec_driver_sql(reading.sql, reading.values))

    def reading(self, keys: Iterable[Key], *, lock: bool) -> Reading:
        """Gives the records under ``keys`` that exist, as `found` reads them; locked as by `load`."""
        wanted = sorted(set(keys))
        sql = self._select + (self._lock if lock else "")
        return Reading(
            sql, tuple([key[i] for key in wanted] for i in range(len(self.key))), len(self.key) + 1
        )

    def found(self, rows: Iterable[Sequence[Any]]) -> dict[Key, T]:
        """Records by key, from the rows of `reading` or one of `readings_under`."""
        width = len(self.key)
        return {tuple(row[:width]): self.read(row[width]) for row in rows}

    def reading_unless_known(self, keys: Iterable[Key], known: Mapping[Key, tuple[int, T]]) -> Reading:
        """Like reading, locked, with versions; of a record that still has the version ``known`` no body is read."""
        wanted = sorted(set(keys))
        columns = [[key[i] for key in wanted] for i in range(len(self.key))]
        versions = [known[key][0] if key in known else 0 for key in wanted]
        return Reading(self._select_new, (*columns, versions), len(self.key) + 2)

    def found_unless_known(
        self, rows: Iterable[Sequence[Any]], known: Mapping[Key, tuple[int, T]]
    ) -> dict[Key, tuple[int, T]]:
        """(version, record) by key, from the rows of `reading_unless_known`."""
        width, found = len(self.key), {}
        for row in rows:
            key, version, body = tuple(row[:width]), int(row[width]), row[width + 1]
            found[key] = (version, known[key][1] if body is None else self.read(body))
        return found

    def readings_under(self, beginnings: Iterable[Key], *, lock: bool) -> list[Reading]:
        """Give every record whose key begins with one of ``beginnings`` (fewer parts than a key has)."""
        readings: list[Reading] = []
        wanted = sorted(set(beginnings))
        for parts in sorted({len(beginning) for beginning in wanted}):
            names = self.key[:parts]
            keys = ", ".join(f"t.{name}" for name in self.key)
            arrays = ", ".join(f"${i + 1}::text[]" for i in range(parts))
            same = " AND ".join(f"t.{name} = n.{name}" for name in names)
            sql = (
                f"SELECT {keys}, t.body::text FROM {self.name} t JOIN unnest({arrays}) AS n({', '.join(names)}) "
                f"ON {same} ORDER BY {keys}{self._lock if lock else ''}"
            )
            of_these = [beginning for beginning in wanted if len(beginning) == parts]
            columns = tuple([beginning[i] for beginning in of_these] for i in range(parts))
            readings.append(Reading(sql, columns, len(self.key) + 1))
        return readings

    def writing(self, new: Sequence[T], changed: Sequence[T], either: Sequence[T] = ()) -> list[Statement]:
        """Insert ``new`` records (an existing key is an IntegrityError) and overwrite ``changed`` ones.

        ``either`` are those of which it is not known whether they exist.
        """
        statements = []
        if either:
            ordered = sorted(either, key=self.key_of)
            statements.append(Statement(self._upsert, self._parameters(ordered)))
        if new:
            statements.append(Statement(self._insert, self._parameters(new)))
        if changed:
            statements.append(Statement(self._update, self._parameters(changed)))
        return statements

    def _parameters(self, records: Sequence[T]) -> tuple[list[Any], ...]:
        keys = [self.key_of(record) for record in records]
        parts = [[key[i] for key in keys] for i in range(len(self.key))]
        values = [[read(record) for record in records] for _, read in self.columns.values()]
        return (*parts, *values, [record.model_dump_json() for record in records])

    def _unless_known(self) -> str:
        keys = ", ".join(f"t.{part}" for part in self.key)
        wanted = ", ".join(f"${i + 1}::text[]" for i in range(len(self.key)))
        on_key = " AND ".join(f"t.{part} = n.{part}" for part in self.key)
        return (
            f"SELECT {keys}, t.version::text, CASE WHEN t.version <> n.known THEN t.body::text END FROM {self.name} t "
            f"JOIN unnest({wanted}, ${len(self.key) + 1}::int[]) AS n({', '.join(self.key)}, known) ON {on_key} "
            f"ORDER BY {keys}{self._lock}"
        )

    def _statements(self) -> tuple[str, str, str, str]:
        names = [*self.key, *self.columns]
        kinds = ["text"] * len(self.key) + [_sql_type(kind) for kind, _ in self.columns.values()]
        arrays = ", ".join(f"${i + 1}::{kind}[]" for i, kind in enumerate([*kinds, "text"]))
        listed = ", ".join(names)
        source = f"unnest({arrays}) AS n({listed}, body)"
        picked = ", ".join(f"n.{name}" for name in names)
        on_key = " AND ".join(f"t.{part} = n.{part}" for part in self.key)
        keys = ", ".join(f"t.{part}" for part in self.key)
        wanted = ", ".join(f"${i + 1}::text[]" for i in range(len(self.key)))
        select = (
            f"SELECT {keys}, t.body::text FROM {self.name} t JOIN unnest({wanted}) AS n({', '.join(self.key)}) "
            f"ON {on_key} ORDER BY {keys}"
        )
        insert = f"INSERT INTO {self.name} ({listed}, body, version) SELECT {picked}, n.body::json, 1 FROM {source}"
        sets = "".join(f"{column} = n.{column}, " for column in self.columns)
        update = (
            f"UPDATE {self.name} t SET {sets}body = n.body::json, version = t.version + 1, changed_at = now() "
            f"FROM {source} WHERE {on_key}"
        )
        again = "".join(f"{column} = excluded.{column}, " for column in self.columns)
        upsert = (
            f"INSERT INTO {self.name} AS t ({listed}, body, version) SELECT {picked}, n.body::json, 1 FROM {source} "
            f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {again}body = excluded.body, "
            "version = t.version + 1, changed_at = now()"
        )
        return select, insert, update, upsert


class Lookup(Generic[T]):
    """Finds records by something else than their key: ``sql`` takes $1 text[] and gives (value, *key)."""

    def __init__(self, name: str, sql: str, of: Records[T]) -> None:
        self.name = name
        self.key = (name,)
        self.of = of
        self._sql = sql

    def looking(self, values: Iterable[str]) -> Statement:
        """Gives (value, *key) of the records found."""
        return Statement(self._sql, (sorted(set(values)),))


def inserting(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> Statement:
    """Inserts rows that name the same columns with one statement, each column travelling as one array."""
    names = tuple(sorted(rows[0]))
    found = _ROW_INSERTS.get((table, names))
    if found is None:
        found = _ROW_INSERTS[(table, names)] = _row_insert(table, names)
    sql, as_json = found
    values = tuple(
        [json.dumps(row[name], ensure_ascii=False) for row in rows]
        if name in as_json
        else [row[name] for row in rows]
        for name in names
    )
    return Statement(sql, values)


_ROW_INSERTS: dict[tuple[sa.Table, tuple[str, ...]], tuple[str, frozenset[str]]] = {}


def _row_insert(table: sa.Table, names: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    as_json = frozenset(name for name in names if isinstance(table.c[name].type, sa.JSON))
    kinds = ["text" if name in as_json else _sql_type(table.c[name].type) for name in names]
    arrays = ", ".join(f"${i + 1}::{kind}[]" for i, kind in enumerate(kinds))
    picked = ", ".join(
        f"n.{name}::{_sql_type(table.c[name].type)}" if name in as_json else f"n.{name}" for name in names
    )
    listed = ", ".join(names)
    return (
        f"INSERT INTO {table.name} ({listed}) SELECT {picked} FROM unnest({arrays}) AS n({listed})",
        as_json,
    )


def _sql_type(kind: Any) -> str:
    instance = kind() if isinstance(kind, type) else kind
    return str(instance.compile(dialect=_DIALECT))
