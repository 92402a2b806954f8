"""What anybody may see: figures by department and by month, without a single case in them.

Check clocks are left out: a check that stays silent found nothing, it is not late.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, computed_field
from sqlalchemy.ext.asyncio import AsyncConnection

_BY_DEPARTMENT = sa.text(
    """
    SELECT agency,
           count(*) FILTER (WHERE stopped_at IS NULL) AS running,
           count(*) FILTER (
             WHERE stopped_at IS NULL AND yellow_at <= :now AND (red_at IS NULL OR red_at > :now)
           ) AS over_90_percent,
           count(*) FILTER (WHERE stopped_at IS NULL AND red_at <= :now) AS overdue,
           count(*) FILTER (WHERE stopped_at IS NOT NULL) AS finished,
           count(*) FILTER (WHERE in_time) AS on_time,
           coalesce(max(issued.yellow), 0) AS yellow_cards,
           coalesce(max(issued.red), 0) AS red_cards
    FROM clocks LEFT JOIN (
        SELECT agency AS of, count(*) FILTER (WHERE colour = 'yellow') AS yellow,
               count(*) FILTER (WHERE colour = 'red') AS red
        FROM cards GROUP BY agency
    ) AS issued ON issued.of = clocks.agency
    WHERE kind <> 'check'
    GROUP BY agency ORDER BY agency
    """
).bindparams(sa.bindparam("now", type_=sa.TIMESTAMP(timezone=True)))
_BY_MONTH = sa.text(
    """
    SELECT month, coalesce(finished, 0) AS finished, coalesce(on_time, 0) AS on_time,
           coalesce(yellow, 0) AS yellow_cards, coalesce(red, 0) AS red_cards
    FROM (
        SELECT to_char(stopped_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month, count(*) AS finished,
               count(*) FILTER (WHERE in_time) AS on_time
        FROM clocks WHERE stopped_at IS NOT NULL AND kind <> 'check' GROUP BY 1
    ) AS done FULL JOIN (
        SELECT to_char(crossed_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month,
               count(*) FILTER (WHERE colour = 'yellow') AS yellow,
               count(*) FILTER (WHERE colour = 'red') AS red
        FROM cards GROUP BY 1
    ) AS issued USING (month)
    ORDER BY month
    """
)
_TOTALS = sa.text(
    """
    SELECT (SELECT count(*) FROM cases) AS cases,
           (SELECT count(*) FROM findings) AS findings,
           (SELECT count(*) FROM clocks WHERE stopped_at IS NULL AND kind <> 'check') AS running,
           (SELECT count(*) FROM clocks WHERE stopped_at IS NULL AND kind <> 'check' AND red_at <= :now)
             AS overdue,
           (SELECT count(*) FROM cards WHERE colour = 'yellow') AS yellow_cards,
           (SELECT count(*) FROM cards WHERE colour = 'red') AS red_cards
    """
).bindparams(sa.bindparam("now", type_=sa.TIMESTAMP(timezone=True)))


_RUNNING = sa.text(
    "SELECT agency, kind, due_on, coalesce(red_at <= :now, false) AS overdue, count(*) AS number FROM clocks "
    "WHERE stopped_at IS NULL AND kind <> 'check' GROUP BY agency, kind, due_on, overdue"
).bindparams(sa.bindparam("now", type_=sa.TIMESTAMP(timezone=True)))
_AGENCIES = sa.text("SELECT DISTINCT agency, kind FROM clocks WHERE kind <> 'check'")
_FINDINGS = sa.text("SELECT rule, count(*) AS number FROM findings GROUP BY rule")


class DepartmentRow(BaseModel, frozen=True):
    """One agency's figures; a share is always shown with the counts it is made of."""

    agency: str
    running: int
    over_90_percent: int
    overdue: int
    finished: int
    on_time: int
    yellow_cards: int
    red_cards: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def on_time_share(self) -> float | None:
        """on_time / finished; None while nothing is finished."""
        return round(self.on_time / self.finished, 4) if self.finished else None


class RunningRow(BaseModel, frozen=True):
    """Running clocks of one kind and agency that are due on the same day."""

    agency: str
    kind: str
    due_on: date
    overdue: bool
    number: int


class MonthRow(BaseModel, frozen=True):
    """One month's figures: clocks finished and in time, cards by the month of the crossing."""

    month: str
    finished: int
    on_time: int
    yellow_cards: int
    red_cards: int


class Totals(BaseModel, frozen=True):
    """The whole center's figures."""

    cases: int
    findings: int
    running: int
    overdue: int
    yellow_cards: int
    red_cards: int


async def by_department(reader: AsyncConnection, now: datetime) -> list[DepartmentRow]:
    """Every agency that was ever timed; "intake" is the window."""
    return [DepartmentRow(**row) for row in await _mappings(reader, _BY_DEPARTMENT, now=now)]


async def by_month(reader: AsyncConnection) -> list[MonthRow]:
    """The months in which anything ended or was crossed, oldest first."""
    return [MonthRow(**row) for row in await _mappings(reader, _BY_MONTH)]


async def running_by_day(reader: AsyncConnection, now: datetime) -> list[RunningRow]:
    """Running clocks by who is timed, kind and last day; ``overdue`` when that day's business hours are over."""
    return [RunningRow(**row) for row in await _mappings(reader, _RUNNING, now=now)]


async def agencies_by_kind(reader: AsyncConnection) -> list[tuple[str, str]]:
    """Every (agency, kind of clock) there ever was."""
    return [(row["agency"], row["kind"]) for row in await _mappings(reader, _AGENCIES)]


async def findings_by_rule(reader: AsyncConnection) -> dict[tuple[str], int]:
    """How many findings each rule has, by (rule,)."""
    return {(row["rule"],): row["number"] for row in await _mappings(reader, _FINDINGS)}


async def totals(reader: AsyncConnection, now: datetime) -> Totals:
    """The figures of the whole center at business instant ``now``."""
    return Totals(**(await _mappings(reader, _TOTALS, now=now))[0])


async def _mappings(reader: AsyncConnection, statement: sa.TextClause, **values: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await reader.execute(statement, values)]
