"""Queries for the wall: every running clock without its case, and what items are called."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.supervision.storage.tables import CLOCKS, ITEMS

MOST_CLOCKS = 5000
_C = CLOCKS.table.c


class RunningClock(BaseModel, frozen=True):
    """A running clock as the public may see it: who is timed and how far it is, not in which case."""

    agency: str
    started_at: datetime
    due_on: date
    yellow_at: datetime | None
    red_at: datetime | None


async def running_clocks(reader: AsyncConnection) -> list[RunningClock]:
    """Every running clock except the silent checks, at most MOST_CLOCKS, the earliest due first."""
    select = (
        sa.select(_C.agency, _C.started_at, _C.due_on, _C.yellow_at, _C.red_at)
        .where(_C.stopped_at.is_(None), _C.kind != "check")
        .order_by(_C.due_on, _C.clock_id)
        .limit(MOST_CLOCKS)
    )
    return [RunningClock.model_validate(dict(row._mapping)) for row in await reader.execute(select)]


async def item_names(reader: AsyncConnection) -> dict[str, dict[str, str]]:
    """LocalText of every item's newest published name, by code; an item without one is left out."""
    found = await reader.execute(sa.select(ITEMS.table.c.body))
    items = [ITEMS.read(body) for body in found.scalars()]
    return {
        each.item_code: dict(each.versions[-1].item.name) for each in items if each.versions[-1].item.name
    }
