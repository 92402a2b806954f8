"""The clock's door: silence has its effect on time, and no case that can move waits for a person to
notice."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import get_args

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from libs.work import Work
from services.intake.domain.records import State
from services.intake.handlers import lapsing
from services.intake.storage import queries
from services.intake.storage.due import next_silence

timers = Timers()
FIGURES_S = 10.0
CASES_IN_STATE = Gauge("permit_cases_in_state_total", "Cases by state", ["state"])
PROMISES = Gauge(
    "permit_decisions_promised_total", "Decisions by whether the promised day was kept", ["promise"]
)


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


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the center's figures for Prometheus."""
    async with app.state.engine.connect() as reader:
        states = await queries.counts_by_state(reader)
        kept, broken = await queries.promises(reader)
    for state in get_args(State):
        CASES_IN_STATE.labels(state).set(states.get(state, 0))
    PROMISES.labels("kept").set(kept)
    PROMISES.labels("broken").set(broken)
    await asyncio.sleep(FIGURES_S)
