"""Queries about cases: what falls due, what was counted with an older calendar, and search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.domain.catalogue import Calendars
from services.supervision.domain.workdays import WorkingDays
from services.supervision.storage.paging import Page, count, read_page
from services.supervision.storage.tables import CALENDARS, CASE_FILES, CLOCKS

_CASES, _CLOCKS = CASE_FILES.table, CLOCKS.table
_COUNTS_ON = sa.exists().where(  # a clock that a new calendar moves: it runs, or was counted provisionally
    _CLOCKS.c.case_id == _CASES.c.case_id, sa.or_(_CLOCKS.c.stopped_at.is_(None), _CLOCKS.c.provisional)
)
DUE_CASES = (
    sa.select(_CASES.c.case_id)
    .where(_CASES.c.look_at <= sa.bindparam("now", type_=sa.TIMESTAMP(timezone=True)))
    .order_by(_CASES.c.look_at)
    .limit(50)
)
STALE_CASES = (
    sa.select(_CASES.c.case_id)
    .where(_CASES.c.counted_with != sa.bindparam("stamp", type_=sa.Text), _COUNTS_ON)
    .limit(50)
)

_HAPPENED = (
    "SELECT case_id, source, id, type, at, department, traceparent, data FROM happenings WHERE case_id = ANY(:cases)"
)
HAPPENED = sa.text(_HAPPENED).bindparams(sa.bindparam("cases", type_=sa.ARRAY(sa.Text)))


def happened(rows: Sequence[Any]) -> dict[str, list[Happening]]:
    """The happenings in rows of HAPPENED, by case."""
    found: dict[str, list[Happening]] = {}
    data = json.loads(f"[{','.join(row[7] for row in rows)}]")  # one text is read faster than many
    for (case_id, source, name, kind, at, department, traceparent, _), told in zip(rows, data, strict=True):
        happening = Happening(kind, source, name, at, department, traceparent, told)
        found.setdefault(case_id, []).append(happening)
    return found


class CaseSearch(Page, frozen=True):
    """Cases by state, item or a part of their number."""

    state: str | None = None
    item_code: str | None = None
    q: str | None = None


class CaseRow(BaseModel, frozen=True):
    """One case in a list."""

    case_id: str
    application_no: str
    item_code: str
    state: str


def _select(search: CaseSearch) -> sa.Select[tuple[str, str, str, str]]:
    columns = _CASES.c
    select = sa.select(columns.case_id, columns.application_no, columns.item_code, columns.state)
    if search.state:
        select = select.where(columns.state == search.state)
    if search.item_code:
        select = select.where(columns.item_code == search.item_code)
    if search.q:
        select = select.where(columns.application_no.icontains(search.q, autoescape=True))
    return select.order_by(columns.application_no, columns.case_id)


async def find_cases(reader: AsyncConnection, search: CaseSearch) -> list[CaseRow]:
    """One page of cases, by number."""
    return await read_page(reader, CaseRow, _select(search), search)


async def count_cases(reader: AsyncConnection, search: CaseSearch) -> int:
    """How many cases the search finds."""
    return await count(reader, _select(search))


async def read_case(reader: AsyncConnection, case_id: str) -> CaseFile | None:
    """The whole file of one case."""
    found = await reader.execute(sa.select(_CASES.c.body).where(_CASES.c.case_id == case_id))
    body = found.scalar_one_or_none()
    if body is None:
        return None
    rows = (await reader.execute(HAPPENED, {"cases": [case_id]})).all()
    return CASE_FILES.read(body).with_happenings(happened(rows).get(case_id, ()))


async def newest_stamp(reader: AsyncConnection) -> str:
    """Which calendars are counted with now; empty before the first is published."""
    body = (await reader.execute(sa.select(CALENDARS.table.c.body))).scalar_one_or_none()
    return "" if body is None else CALENDARS.read(body).newest().stamp


async def calendars_version(reader: AsyncConnection) -> int | None:
    """How often the calendars have changed; None before the first is published."""
    return (await reader.execute(sa.select(CALENDARS.table.c.version))).scalar_one_or_none()


async def newest_days(reader: AsyncConnection) -> WorkingDays:
    """Counting with the newest calendars published; Monday to Friday before the first."""
    body = (await reader.execute(sa.select(CALENDARS.table.c.body))).scalar_one_or_none()
    return (Calendars() if body is None else CALENDARS.read(body)).newest()


async def next_look(reader: AsyncConnection) -> datetime | None:
    """The earliest business instant at which some case must be looked at again."""
    found = await reader.execute(sa.select(sa.func.min(_CASES.c.look_at)))
    look_at: datetime | None = found.scalar_one_or_none()
    return look_at


async def any_stale(reader: AsyncConnection, stamp: str) -> bool:
    """Whether a running clock was counted with older calendars than ``stamp`` names."""
    found = await reader.execute(STALE_CASES, {"stamp": stamp})
    return found.first() is not None
