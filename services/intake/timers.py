"""The clock's door: silence has its effect on time, and no case that can move waits for a person to
notice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from libs.work import Work
from services.intake.handlers import lapsing
from services.intake.storage.due import next_silence

timers = Timers()


@timers.every(seconds=0.5, name="silence")
async def when_silence_falls_due(work: Work) -> int:
    """A notice, an answer or an acceptance did not come in time."""
    return await lapsing.lapse_silence(work)


@timers.every(seconds=5.0, name="movable")
async def when_a_case_can_move(work: Work) -> int:
    """Level-triggered also by time: whatever should have moved does."""
    return await lapsing.sweep_movable(work)


@timers.next_due
async def next_due(reader: AsyncConnection) -> datetime | None:
    """The next instant at which silence has an effect."""
    return await next_silence(reader)
