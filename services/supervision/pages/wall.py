"""The wall: every running clock as one stroke, cards by department, promises kept, the same data as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.http import MaybePerson, Reader, page_router
from libs.pages import drawings
from services.supervision import storage
from services.supervision.pages.frame import CLOCK_WORDS, PAGES, watches
from services.supervision.storage.wall import RunningClock, item_names, running_clocks

router = page_router()
TARGET_PERCENT = 98
LEAST_MONTHS = 2
ROWS = 10


@router.get("/")
async def wall(request: Request, reader: Reader, person: MaybePerson) -> HTMLResponse:
    """Figures for everybody; for supervisors and auditors also the cases that want a person's eye."""
    now = request.app.state.clock.now()
    departments = await storage.by_department(reader, now)
    months = [month for month in await storage.by_month(reader) if month.finished]
    shares = _shares(await running_clocks(reader), now)
    return PAGES.render(
        request,
        "wall.html",
        person=person,
        section="supervision",
        totals=await storage.totals(reader, now),
        warned=sum(row.over_90_percent for row in departments),
        finished=sum(row.finished for row in departments),
        on_time=sum(row.on_time for row in departments),
        target=TARGET_PERCENT,
        departments=sorted(departments, key=lambda row: (-row.overdue, -row.over_90_percent, -row.running)),
        by_cards=sorted(departments, key=lambda row: (-row.red_cards, -row.yellow_cards, row.agency)),
        most_cards=max((row.yellow_cards + row.red_cards for row in departments), default=0),
        marks={agency: drawings.strip(each) for agency, each in shares.items()},
        plot=_plot(months),
        months=months,
        watches=watches(person),
        wanting=await _wanting(reader, now) if watches(person) else None,
        clock_words=CLOCK_WORDS,
    )


def share_used(clock: RunningClock, now: datetime) -> float:
    """How much of the clock is used, so drawn that nine tenths and the end stand where they are crossed.

    Between the crossings the time that passed decides: a drawing, not a count of working days.
    """
    started, yellow, red = clock.started_at, clock.yellow_at, clock.red_at
    if red is None:
        length = max(timedelta(days=1), timedelta(days=(clock.due_on - started.date()).days + 1))
        return min(0.89, (now - started) / length)
    if now >= red:
        return 1.01 + (now - red) / max(red - started, timedelta(hours=1))
    if yellow is not None and now >= yellow:
        return 0.9 + 0.1 * ((now - yellow) / max(red - yellow, timedelta(minutes=1)))
    until = yellow or red
    return 0.9 * ((now - started) / max(until - started, timedelta(minutes=1)))


def _shares(clocks: Iterable[RunningClock], now: datetime) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for clock in clocks:
        found.setdefault(clock.agency, []).append(share_used(clock, now))
    return found


def _plot(months: list[storage.MonthRow]) -> drawings.Plot | None:
    """The months' shares of clocks in time; nothing to draw before there are two."""
    if len(months) < LEAST_MONTHS:
        return None
    points = [(month.month, round(100 * month.on_time / month.finished, 1)) for month in months[-12:]]
    low = 90 if min(value for _, value in points) >= 90 else 0
    return drawings.line_plot(points, low=low, high=100, target=TARGET_PERCENT, height=240)


async def _wanting(reader: AsyncConnection, now: datetime) -> dict[str, Any]:
    """What a supervisor looks at first: overdue, then warned clocks, and the newest findings."""
    overdue = storage.ClockSearch(state="overdue", limit=ROWS)
    warned = storage.ClockSearch(state="warned", limit=ROWS)
    return {
        "overdue": await storage.find_clocks(reader, overdue, now),
        "warned": await storage.find_clocks(reader, warned, now),
        "findings": await storage.find_findings(reader, storage.FindingSearch(limit=ROWS)),
        "names": await item_names(reader),
    }


@router.get("/figures.csv")
async def figures(request: Request, reader: Reader) -> Response:
    """The wall's table as comma-separated values, UTF-8 with a byte order mark for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [*storage.DepartmentRow.model_fields, "on_time_share"]
    writer.writerow(names)
    for row in await storage.by_department(reader, request.app.state.clock.now()):
        writer.writerow([getattr(row, name) for name in names])
    headers = {"Content-Disposition": 'attachment; filename="figures.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
