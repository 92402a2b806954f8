"""The clock's door: silence has its effect on time, and no case that can move waits for a person to
notice."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import get_args

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.figures import rest
from libs.metrics import show
from libs.timers import Timers
from libs.work import Work
from services.intake.domain.records import Mode, State
from services.intake.handlers import lapsing
from services.intake.storage import figures
from services.intake.storage.due import next_silence

timers = Timers()
FIGURES_S = 10.0
CASES = Gauge("permit_cases", "Cases by item and state", ["item", "state"])
PROMISES = Gauge("permit_decisions", "Decisions by whether the promised day was kept", ["item", "promise"])
ACCEPTANCES = Gauge("permit_acceptances", "Accepted cases by how they came to be accepted", ["item", "mode"])
CORRECTIONS = Gauge("permit_corrections", "Cases that got the one-time notice of what to correct", ["item"])
AWAITED = Gauge("permit_opinions_awaited", "Opinions that may be given and have not come", ["agency"])
JOINS = Gauge("permit_joins_waiting", "Cases that could move by their stored rows and have not moved")
JOIN_AGE = Gauge("permit_join_age_seconds", "For how long the oldest such case could have moved")
UNPROVEN = Gauge("permit_vouchers_unproven", "Vouchers without a proof from the public log yet")
PROOF_AGE = Gauge("permit_voucher_proof_age_seconds", "Business age of the oldest voucher without a proof")


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
    begun = time.monotonic()
    async with app.state.engine.connect() as reader:
        await show_business(reader)
        await show_waiting(reader, app.state.clock.now())
    await asyncio.sleep(rest(begun, FIGURES_S))


async def show_business(reader: AsyncConnection) -> None:
    """Cases, promises, acceptances and corrections, by item; 0 where an item has none of a kind."""
    states = await figures.cases_by_state(reader)
    items = {item for item, _ in states}
    show(CASES, {(item, state): states.get((item, state), 0) for item in items for state in get_args(State)})
    kept = await figures.promises(reader)
    promises = {(item, "kept"): kept.get((item, True), 0) for item in items}
    show(PROMISES, promises | {(item, "broken"): kept.get((item, False), 0) for item in items})
    modes = await figures.acceptances(reader)
    show(ACCEPTANCES, {(item, mode): modes.get((item, mode), 0) for item in items for mode in get_args(Mode)})
    corrected = await figures.corrections(reader)
    show(CORRECTIONS, {(item,): corrected.get(item, 0) for item in items})


async def show_waiting(reader: AsyncConnection, now: datetime) -> None:
    """What others are waited for, what waits although it need not, and what the public log has not proved."""
    show(AWAITED, {(agency,): number for agency, number in (await figures.awaited_opinions(reader)).items()})
    joins = await figures.joins_waiting(reader)
    JOINS.set(joins.number)
    JOIN_AGE.set(joins.oldest_s)
    unproven = await figures.unproven_vouchers(reader, now)
    UNPROVEN.set(unproven.number)
    PROOF_AGE.set(unproven.oldest_s)
