"""The clock's door: crossings are noticed, absences confirmed, running clocks counted again."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.figures import rest
from libs.metrics import show
from libs.timers import Timers
from libs.work import Work
from services.supervision import handlers, storage
from services.supervision.domain.workdays import LEFT, days_left, legal_day

timers = Timers()
FIGURES_S = 10.0
CLOCKS = Gauge("permit_clocks", "Clocks by who is timed and how they stand", ["agency", "state"])
OPEN = Gauge(
    "permit_clocks_open", "Running clocks by who is timed and working days left", ["agency", "clock", "left"]
)
CARDS = Gauge("permit_cards", "Cards issued, by who got them and colour", ["agency", "colour"])
FINDINGS = Gauge("permit_findings", "Findings issued, by the rule that was broken", ["rule"])
OF_MONEY = ("AL 58(1)", "AL 59")  # shown as 0 before their first finding, so that it is seen as a change
_ALL_COUNTED: WeakKeyDictionary[Any, int | None] = WeakKeyDictionary()
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


@timers.every(seconds=0.5, name="clocks")
async def when_a_clock_falls_due(work: Work) -> int:
    """Look at the cases whose time has come; returns how many those were."""
    return await handlers.look_at_due_cases(work)


@timers.next_due
async def next_due(reader: AsyncConnection) -> datetime | None:
    """When a case must next be looked at; at once while one was counted with replaced calendars.

    Once none was, none is until the calendars change: every case is counted with those of its own commit.
    """
    version = await storage.calendars_version(reader)
    if version is None or _ALL_COUNTED.get(reader.sync_engine) != version:
        if await storage.any_stale(reader, await storage.newest_stamp(reader)):
            return _AT_ONCE
        _ALL_COUNTED[reader.sync_engine] = version
    return await storage.next_look(reader)


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep supervision's figures for Prometheus: agencies, rules and colours, never a case."""
    begun = time.monotonic()
    async with app.state.engine.connect() as reader:
        await show_figures(reader, app.state.clock.now())
    await asyncio.sleep(rest(begun, FIGURES_S))


async def show_figures(reader: AsyncConnection, now: datetime) -> None:
    """How every agency's clocks stand, its cards, and what was found."""
    departments = await storage.by_department(reader, now)
    show(CLOCKS, {(row.agency, state): number for row in departments for state, number in _standing(row)})
    cards = {(row.agency, "yellow"): row.yellow_cards for row in departments}
    show(CARDS, cards | {(row.agency, "red"): row.red_cards for row in departments})
    show(FINDINGS, {(rule,): 0 for rule in OF_MONEY} | await storage.findings_by_rule(reader))
    days = await storage.newest_days(reader)
    running = await storage.running_by_day(reader, now)
    open_clocks = {(*each, left): 0 for each in await storage.agencies_by_kind(reader) for left in LEFT}
    for clock in running:
        label = (clock.agency, clock.kind, days_left(days, legal_day(now), clock.due_on, clock.overdue))
        open_clocks[label] = open_clocks.get(label, 0) + clock.number
    show(OPEN, open_clocks)


def _standing(row: storage.DepartmentRow) -> list[tuple[str, int]]:
    return [
        ("running", row.running),
        ("over_90_percent", row.over_90_percent),
        ("overdue", row.overdue),
        ("in_time", row.on_time),
        ("late", row.finished - row.on_time),
    ]
