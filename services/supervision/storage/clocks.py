"""Queries about clocks: "warned" is past its yellow crossing, "overdue" past its red, both running."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.supervision.storage.paging import Page, count, read_page
from services.supervision.storage.tables import CLOCKS

_C = CLOCKS.table.c
_SHOWN = (
    _C.clock_id, _C.case_id, _C.application_no, _C.item_code, _C.kind, _C.agency, _C.due_on, _C.yellow_at,
    _C.red_at, _C.started_at, _C.stopped_at, _C.in_time,
    _C.limit_wd, _C.provisional, _C.starts_on,
)  # fmt: skip


class ClockSearch(Page, frozen=True):
    """Clocks by who is timed, kind, item, case, and how they stand."""

    agency: str | None = None
    kind: str | None = None
    item_code: str | None = None
    case_id: str | None = None
    state: Literal["running", "warned", "overdue", "stopped"] | None = None


class ClockRow(BaseModel, frozen=True):
    """One clock in a list; ``starts_on`` is the day not counted, ``due_on`` the last day."""

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


def _select(search: ClockSearch, now: datetime) -> sa.Select[Any]:
    select = sa.select(*_SHOWN)
    for name in ("agency", "kind", "item_code", "case_id"):
        wanted = getattr(search, name)
        if wanted:
            select = select.where(_C[name] == wanted)
    if search.state is not None:
        select = select.where(*_standing(search.state, now))
    return select.order_by(_C.due_on, _C.clock_id)


def _standing(state: str, now: datetime) -> list[sa.ColumnElement[bool]]:
    silent_check = sa.and_(_C.kind == "check", _C.red_at <= now)  # its silence said that nothing was found
    if state == "stopped":
        return [sa.or_(_C.stopped_at.is_not(None), silent_check)]
    running = [_C.stopped_at.is_(None), sa.not_(sa.func.coalesce(silent_check, sa.false()))]
    if state == "warned":
        return [*running, _C.yellow_at <= now, sa.or_(_C.red_at.is_(None), _C.red_at > now)]
    return [*running, _C.red_at <= now] if state == "overdue" else running


async def find_clocks(reader: AsyncConnection, search: ClockSearch, now: datetime) -> list[ClockRow]:
    """One page of clocks, the earliest due first; ``now`` is business time."""
    return await read_page(reader, ClockRow, _select(search, now), search)


async def count_clocks(reader: AsyncConnection, search: ClockSearch, now: datetime) -> int:
    """How many clocks the search finds."""
    return await count(reader, _select(search, now))


async def clocks_of_case(reader: AsyncConnection, case_id: str) -> list[ClockRow]:
    """Every clock of one case, in the order of starting."""
    select = sa.select(*_SHOWN).where(_C.case_id == case_id).order_by(_C.started_at, _C.clock_id)
    found = await reader.execute(select)
    return [ClockRow.model_validate(dict(row._mapping)) for row in found]
