"""The clock's door: crossings are noticed, absences confirmed, running clocks counted again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from libs.work import Work
from services.supervision import handlers, storage

timers = Timers()
FIGURES_S = 10.0
CLOCKS = Gauge("permit_clocks_total", "Clocks by who is timed and how they stand", ["agency", "state"])
CARDS = Gauge("permit_cards_total", "Cards issued, by colour", ["colour"])
FINDINGS = Gauge("permit_findings_total", "Findings issued")
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
    """Keep supervision's figures for Prometheus: agencies and colours, never a case."""
    now = app.state.clock.now()
    async with app.state.engine.connect() as reader:
        departments = await storage.by_department(reader, now)
        totals = await storage.totals(reader, now)
    for row in departments:
        standing = {
            "running": row.running,
            "over_90_percent": row.over_90_percent,
            "overdue": row.overdue,
            "in_time": row.on_time,
            "late": row.finished - row.on_time,
        }
        for state, number in standing.items():
            CLOCKS.labels(row.agency, state).set(number)
    CARDS.labels("yellow").set(totals.yellow_cards)
    CARDS.labels("red").set(totals.red_cards)
    FINDINGS.set(totals.findings)
    await asyncio.sleep(FIGURES_S)
