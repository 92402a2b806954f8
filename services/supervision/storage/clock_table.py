"""The table of clocks: how every clock stands, in columns alone, for searching. Written as a whole, never read back.

It is derived from the happenings, so no deed loads it; what changed in a commit is put in its place by one
statement, whether it lay there or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from libs.records import Key, Records
from libs.statements import Statement

_AT = sa.TIMESTAMP(timezone=True)
_COLUMNS: dict[str, tuple[Any, str, bool]] = {  # type, its name in an array, whether it may be missing
    "clock_id": (sa.Text, "text", False),
    "case_id": (sa.Text, "text", True),
    "application_no": (sa.Text, "text", True),
    "item_code": (sa.Text, "text", True),
    "kind": (sa.Text, "text", True),
    "agency": (sa.Text, "text", True),
    "starts_on": (sa.Date, "date", True),
    "limit_wd": (sa.Integer, "integer", True),
    "due_on": (sa.Date, "date", True),
    "provisional": (sa.Boolean, "boolean", True),
    "yellow_at": (_AT, "timestamptz", True),
    "red_at": (_AT, "timestamptz", True),
    "started_at": (_AT, "timestamptz", True),
    "stopped_at": (_AT, "timestamptz", True),
    "in_time": (sa.Boolean, "boolean", True),
}
_MOVES = (
    "starts_on", "limit_wd", "due_on", "provisional", "yellow_at", "red_at", "started_at", "stopped_at", "in_time",
)  # fmt: skip


@dataclass(slots=True)
class ClockRecord:
    """A clock as one searches for it. Instants are business time; see the domain's Clock for the words."""

    clock_id: str
    case_id: str
    application_no: str
    item_code: str
    kind: str
    agency: str
    starts_on: date
    limit_wd: int
    due_on: date
    provisional: bool
    yellow_at: datetime | None
    red_at: datetime | None
    started_at: datetime
    stopped_at: datetime | None
    in_time: bool | None


class ClockTable(Records[Any]):
    """Takes ClockRecords as ``Records`` takes its models; there is no body."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self.name = "clocks"
        self.key = ("clock_id",)
        self.table = sa.Table(
            self.name,
            metadata,
            *(
                sa.Column(name, kind, primary_key=name == "clock_id", nullable=nullable)
                for name, (kind, _, nullable) in _COLUMNS.items()
            ),
        )
        listed = ", ".join(_COLUMNS)
        arrays = ", ".join(f"${n}::{kind}[]" for n, (_, kind, _) in enumerate(_COLUMNS.values(), 1))
        moved = ", ".join(f"{name} = excluded.{name}" for name in _MOVES)
        self._put = (
            f"INSERT INTO clocks ({listed}) SELECT {listed} FROM unnest({arrays}) AS n({listed}) "
            f"ON CONFLICT (clock_id) DO UPDATE SET {moved}"
        )

    def key_of(self, record: ClockRecord) -> Key:
        """Its clock id."""
        return (record.clock_id,)

    def writing(
        self, new: Sequence[Any], changed: Sequence[Any], either: Sequence[Any] = ()
    ) -> list[Statement]:
        """Puts every one of them in its place, in key order, so that writers never cross."""
        ordered = sorted((*new, *changed, *either), key=attrgetter("clock_id"))
        columns = tuple([getattr(record, name) for record in ordered] for name in _COLUMNS)
        return [Statement(self._put, columns)]
