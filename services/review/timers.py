"""The clock's door: no deed of a department falls due by itself; materials and figures come in the background."""

from __future__ import annotations

import asyncio
import time
from typing import get_args

from fastapi import FastAPI
from prometheus_client import Gauge

from libs.deadlines import legal_day
from libs.figures import rest
from libs.metrics import show
from libs.timers import Timers
from services.review import storage
from services.review.domain import Outcome, State
from services.review.materials import fetch_missing

timers = Timers()
FIGURES_S = 10.0
LOOK_AGAIN_S = 30.0
TASKS = Gauge("permit_tasks", "Tasks of this department, by state", ["state"])
OVERDUE = Gauge("permit_tasks_overdue", "Tasks of this department past their due day and not done")
OPINIONS = Gauge("permit_opinions", "Opinions of this department, by outcome", ["outcome"])
MISSING = Gauge("permit_materials_missing", "Materials this department was told of and has not fetched")


@timers.background(name="materials")
async def fetch(app: FastAPI) -> None:
    """Fetch the materials that are still missing; called again a second after it ends.

    While nothing is missing and nothing was committed since, the database is asked now and then only: another
    replica may have heard of a material and gone before it was fetched.
    """
    generation, now = app.state.commits.generation, time.monotonic()
    known, asked_at = getattr(app.state, "all_fetched_at", (None, 0.0))
    if known == generation and now - asked_at < LOOK_AGAIN_S:
        return
    await fetch_missing(app)
    async with app.state.engine.connect() as reader:
        if not await storage.missing_materials(reader, 1, due=False):
            app.state.all_fetched_at = (generation, now)


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the department's figures for Prometheus."""
    begun = time.monotonic()
    async with app.state.engine.connect() as reader:
        counts, overdue = await storage.count_tasks(reader, legal_day(app.state.clock.now()))
        opinions = await storage.count_opinions(reader)
        missing = await storage.count_missing_materials(reader)
    show(TASKS, {(state,): counts.get(state, 0) for state in get_args(State)})
    show(OPINIONS, {(outcome,): opinions.get(outcome, 0) for outcome in get_args(Outcome)})
    OVERDUE.set(overdue)
    MISSING.set(missing)
    await asyncio.sleep(rest(begun, FIGURES_S))
