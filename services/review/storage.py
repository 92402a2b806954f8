"""Knows a department's tables and its named queries: tasks, publications, materials and their files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.deadlines import Calendar, Calendars
from libs.records import Records, metadata
from services.review.domain import ACTIVE_STATES, Item, Material, Task
from services.review.messages import CalendarPublished

METADATA = metadata()
_AT = sa.TIMESTAMP(timezone=True)


class WantedMaterial(BaseModel):
    """A material of a case and the capability intake gave for reading it."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    sha256: str
    material: Material
    capability: str


def _due_on(task: Task) -> date | None:
    return task.clock.due_on if task.clock else None


def _words(task: Task) -> str:
    return " ".join((task.application_no, task.item_code, task.item_name.zh, task.item_name.en)).lower()


TASKS = Records(
    "tasks",
    Task,
    key=("case_id",),
    metadata=METADATA,
    remembers=4096,
    columns={
        "state": (sa.Text, lambda task: task.state),
        "due_on": (sa.Date, _due_on),
        "application_no": (sa.Text, lambda task: task.application_no),
        "words": (sa.Text, _words),
        "outcome": (sa.Text, lambda task: task.opinion.outcome if task.opinion else None),
    },
)
ITEMS = Records(
    "items", Item, key=("item_code", "item_version"), metadata=METADATA, remembers=256, shared=True
)
CALENDARS = Records("calendars", CalendarPublished, key=("year",), metadata=METADATA, shared=True)
MATERIALS = Records("materials", WantedMaterial, key=("case_id", "sha256"), metadata=METADATA)
FILES = sa.Table(
    "material_files",
    METADATA,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("fetched_at", _AT, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="file_is_what_its_hash_says"),
)
ATTEMPTS = sa.Table(
    "material_attempts",
    METADATA,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("next_try_at", _AT, nullable=False),
)
INDEXES = (
    sa.Index("tasks_by_due_day", TASKS.table.c.state, TASKS.table.c.due_on, TASKS.table.c.application_no),
    sa.Index("materials_by_hash", MATERIALS.table.c.sha256),
)


def calendars_from(published: Sequence[CalendarPublished]) -> Calendars:
    """The calendars to count by."""
    return Calendars(Calendar.from_published(each.model_dump(mode="json")) for each in published)


async def read_calendars(reader: AsyncConnection) -> Calendars:
    """All published calendars."""
    rows = (await reader.execute(sa.select(CALENDARS.table.c.body))).all()
    return calendars_from([CALENDARS.read(row.body) for row in rows])


async def read_task(reader: AsyncConnection, case_id: str) -> Task | None:
    """The task of a case."""
    found = await TASKS.load(reader, [(case_id,)], lock=False)
    return found.get((case_id,))


async def read_item(reader: AsyncConnection, task: Task) -> Item:
    """The item version a task was asked under; a task exists only after its item, so it is there."""
    key = (task.item_code, str(task.item_version))
    return (await ITEMS.load(reader, [key], lock=False))[key]


def _matching(states: Sequence[str], q: str, today: date) -> sa.ColumnElement[bool]:
    table = TASKS.table
    found: list[sa.ColumnElement[bool]] = [table.c.state.in_(states)]
    if tuple(states) == ACTIVE_STATES:  # a check whose last day is over is over: silence says no defects
        found.append(sa.or_(table.c.state != "checking", table.c.due_on >= today))
    if q:
        found.append(table.c.words.contains(q.lower(), autoescape=True))
    return sa.and_(*found)


async def read_queue(
    reader: AsyncConnection, *, states: Sequence[str], q: str, today: date, limit: int, offset: int
) -> tuple[list[Task], int]:
    """A page of tasks by due day, those without a running clock last, and how many there are in all."""
    table = TASKS.table
    matching = _matching(states, q, today)
    wanted = (
        sa.select(table.c.body)
        .where(matching)
        .order_by(table.c.due_on.asc().nulls_last(), table.c.application_no)
        .limit(limit)
        .offset(offset)
    )
    rows = (await reader.execute(wanted)).all()
    total = await reader.scalar(sa.select(sa.func.count()).select_from(table).where(matching))
    return [TASKS.read(row.body) for row in rows], int(total or 0)


async def read_figures(reader: AsyncConnection, *, today: date, soon: date) -> dict[str, int]:
    """How many tasks are overdue, due today, due until ``soon``, waiting for others, and in hand."""
    table = TASKS.table
    due = table.c.due_on
    active = _matching(ACTIVE_STATES, "", today)
    counted = sa.select(
        sa.func.count().filter(due < today).label("overdue"),
        sa.func.count().filter(due == today).label("today"),
        sa.func.count().filter(due > today, due <= soon).label("soon"),
        sa.func.count().filter(table.c.state == "pre_review").label("waiting"),
        sa.func.count().label("active"),
    ).where(active)
    return dict((await reader.execute(counted)).one()._mapping)


async def count_tasks(reader: AsyncConnection, today: date) -> tuple[dict[str, int], int]:
    """(how many tasks there are by state, how many are overdue)."""
    table = TASKS.table
    by_state = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
    counts = {str(row[0]): int(row[1]) for row in (await reader.execute(by_state)).all()}
    late = sa.and_(table.c.due_on < today, table.c.state != "checking")
    overdue = await reader.scalar(sa.select(sa.func.count()).select_from(table).where(late))
    return counts, int(overdue or 0)


async def count_opinions(reader: AsyncConnection) -> dict[str, int]:
    """How many opinions this department has given, by outcome."""
    outcome = TASKS.table.c.outcome
    counted = sa.select(outcome, sa.func.count()).where(outcome.is_not(None)).group_by(outcome)
    return {str(row[0]): int(row[1]) for row in (await reader.execute(counted)).all()}


async def count_missing_materials(reader: AsyncConnection) -> int:
    """How many materials this department was told of have not come."""
    table = MATERIALS.table
    absent = (
        sa.select(sa.func.count())
        .select_from(table.outerjoin(FILES, FILES.c.sha256 == table.c.sha256))
        .where(FILES.c.sha256.is_(None))
    )
    return int(await reader.scalar(absent) or 0)


class ArrivedMaterial(BaseModel):
    """A material of a case and whether its bytes have come."""

    sha256: str
    arrived: bool
    attempts: int
    last_error: str


async def read_arrivals(reader: AsyncConnection, case_id: str) -> dict[str, ArrivedMaterial]:
    """By hash: whether each wanted material of a case has arrived, and what went wrong last if not."""
    table = MATERIALS.table
    wanted = (
        sa.select(
            table.c.sha256,
            FILES.c.sha256.is_not(None).label("arrived"),
            sa.func.coalesce(ATTEMPTS.c.attempts, 0).label("attempts"),
            sa.func.coalesce(ATTEMPTS.c.last_error, "").label("last_error"),
        )
        .outerjoin(FILES, FILES.c.sha256 == table.c.sha256)
        .outerjoin(
            ATTEMPTS,
            sa.and_(ATTEMPTS.c.case_id == table.c.case_id, ATTEMPTS.c.sha256 == table.c.sha256),
        )
        .where(table.c.case_id == case_id)
    )
    rows = (await reader.execute(wanted)).all()
    return {row.sha256: ArrivedMaterial.model_validate(dict(row._mapping)) for row in rows}


async def read_file(reader: AsyncConnection, case_id: str, sha256: str) -> tuple[Material, bytes] | None:
    """A material of this case with its bytes; None when it is not this case's or has not come."""
    table = MATERIALS.table
    wanted = (
        sa.select(table.c.body, FILES.c.content)
        .join(FILES, FILES.c.sha256 == table.c.sha256)
        .where(table.c.case_id == case_id, table.c.sha256 == sha256)
    )
    row = (await reader.execute(wanted)).one_or_none()
    return (MATERIALS.read(row.body).material, bytes(row.content)) if row else None


async def missing_materials(reader: AsyncConnection, limit: int, *, due: bool = True) -> list[WantedMaterial]:
    """Materials whose bytes have not come (``due``: and whose next try is due), those never tried first."""
    may_try = sa.or_(ATTEMPTS.c.next_try_at.is_(None), ATTEMPTS.c.next_try_at <= sa.func.now())
    table = MATERIALS.table
    wanted = (
        sa.select(table.c.body)
        .outerjoin(FILES, FILES.c.sha256 == table.c.sha256)
        .outerjoin(
            ATTEMPTS,
            sa.and_(ATTEMPTS.c.case_id == table.c.case_id, ATTEMPTS.c.sha256 == table.c.sha256),
        )
        .where(FILES.c.sha256.is_(None), may_try if due else sa.true())
        .order_by(ATTEMPTS.c.next_try_at.asc().nulls_first())
        .limit(limit)
    )
    return [MATERIALS.read(row.body) for row in (await reader.execute(wanted)).all()]


_KEEP = "INSERT INTO material_files (sha256, content) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FAIL = """
INSERT INTO material_attempts AS a (case_id, sha256, attempts, last_error, next_try_at)
VALUES ($1, $2, 1, $3, now() + make_interval(secs => $4))
ON CONFLICT (case_id, sha256) DO UPDATE SET attempts = a.attempts + 1, last_error = excluded.last_error,
  next_try_at = now() + make_interval(secs => least($5, $4 * power(2, least(a.attempts, 20))))
"""


async def keep_file(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    """Keep the bytes of a material; the table refuses bytes that are not what the hash says."""
    await connection.exec_driver_sql(_KEEP, (sha256, content))


async def note_failure(
    connection: AsyncConnection, wanted: WantedMaterial, reason: str, *, first_s: float, longest_s: float
) -> None:
    """Note why a fetch failed; the next try waits twice as long as the last, at most ``longest_s``."""
    values: tuple[Any, ...] = (wanted.case_id, wanted.sha256, reason[:500], first_s, longest_s)
    await connection.exec_driver_sql(_FAIL, values)
