"""The clock's door: crossings are noticed, absences confirmed, running clocks counted again."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from libs.work import Work
from services.supervision import handlers, storage

timers = Timers()
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


@timers.every(seconds=0.5, name="clocks")
async def when_a_clock_falls_due(work: Work) -> int:
    """Look at the cases whose time has come; returns how many those were."""
    return await handlers.look_at_due_cases(work)


@timers.next_due
async def next_due(reader: AsyncConnection) -> datetime | None:
    """When a case must next be looked at; at once while one was counted with replaced calendars."""
    if await storage.any_stale(reader, await storage.newest_stamp(reader)):
        return _AT_ONCE
    return await storage.next_look(reader)
