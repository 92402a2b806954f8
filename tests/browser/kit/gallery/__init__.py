"""A page of every part of the kit, served by a tiny app: what the browser tests look at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from libs.pages import FieldError, Form, Pages, drawings

HERE = Path(__file__).parent
TODAY = date(2026, 10, 21)


class _Clock:
    rate = 600.0

    def now(self) -> datetime:
        return datetime(2026, 10, 21, 2, 24, tzinfo=UTC)


def explanation() -> list[dict[str, Any]]:
    """Ten working days after 28 September 2026, over the holiday of October."""
    off = {date(2026, 10, day) for day in range(1, 8)}
    made_up = {date(2026, 10, 10)}
    found, number, day = [], 0, date(2026, 9, 28)
    while number < 10:
        day += timedelta(days=1)
        excluded = day in (date(2026, 9, 29), date(2026, 9, 30))
        works = (day.weekday() < 5 and day not in off) or day in made_up
        worked = "make_up_day" if day in made_up else "working_day"
        reason = "excluded" if excluded else worked if works else "day_off"
        number += works and not excluded
        found.append({"on": day, "reason": reason, "number": number if works and not excluded else None})
    return found


def _clock(starts_on: str | None, due_on: str | None, **more: Any) -> dict[str, Any]:
    return {"starts_on": starts_on, "due_on": due_on, **more}


def facts() -> dict[str, Any]:
    """Everything the gallery draws."""
    days = explanation()
    axis = drawings.Axis.over([date(2026, 9, 18), date(2026, 11, 2)])
    rests = [
        axis.first + timedelta(days=n)
        for n in range(axis.days)
        if (axis.first + timedelta(days=n)).weekday() > 4
    ]
    lanes: list[tuple[str, dict[str, Any], tuple[str, str], str]] = [
        ("market", _clock("2026-09-18", "2026-11-02"), ("run", "审查中"), "剩 8 个工作日"),
        (
            "traffic_police",
            _clock("2026-09-18", "2026-10-22", risk=True),
            ("risk", "剩 1 个工作日"),
            "已发黄牌",
        ),
        ("fire", _clock("2026-09-18", "2026-10-12", done_on="2026-09-29"), ("done", "同意"), "早 3 天"),
        ("water", _clock("2026-09-18", "2026-10-16"), ("over", "逾期 3 天"), "红牌，原因公开"),
        ("planning", _clock(None, None), ("wait", "等消防"), "可先预审"),
    ]
    lane_items = [
        {"name": code, "lane": drawings.lane(axis, today=TODAY, rest_days=rests, **clock), "status": status,
         "detail": detail, "label": f"{code}: {status[1]}"}
        for code, clock, status, detail in lanes
    ]  # fmt: skip
    leaf = "7f" * 32
    points = [(f"{1 + n % 12}", 98.2 + (n % 3) * 0.4 - (3 if n == 8 else 0)) for n in range(12)]
    form = Form(
        {"area_m2": "-3", "use": "other", "ends_on": "", "c2-answer": "not", "c2-evidence": ""},
        (FieldError("area_m2", "不能小于 {ge}", {"ge": "1"}), FieldError("c2-evidence", "请填写这一项")),
    )
    return {
        "lanes": lane_items,
        "marks": [(axis.x("2026-09-18"), "9/18", "", "start"), (axis.x(TODAY), "10/21", "t-strong", "middle"),
                  (axis.x("2026-11-02"), "11/2", "t-acc", "middle")],
        "cells": drawings.calendar(
            days, starts_on=date(2026, 9, 28), due_on=days[-1]["on"], today=date(2026, 10, 12)
        ),
        "strips": [
            {"name": "market", "marks": drawings.strip(n * 0.031 for n in range(24)), "label": "market: 24",
             "status": ("done", "都在期内")},
            {"name": "water", "marks": drawings.strip([0.1, 0.4, 0.45, 0.93, 1.1]),
             "label": "water: 5, 1 overdue", "status": ("over", "逾期 1")},
        ],
        "plot": drawings.line_plot(points, low=90, high=100, target=98),
        "proof": drawings.proof(5, 9, leaf, ["a1" * 32, "b2" * 32, "c3" * 32, "d4" * 32]),
        "fan": drawings.fan_out([("market", True), ("fire", True), ("water", False), ("environment", False)]),
        "bars": drawings.bars([6, 1], 8),
        "form": form,
    }  # fmt: skip


def create_app() -> FastAPI:
    """The gallery at /, a problem page at /problem."""
    pages = Pages("disclosure", HERE / "templates")
    app = FastAPI()
    app.state.clock = _Clock()
    app.state.settings = SimpleNamespace(sites={}, oidc_issuer=None, clock_file=None)
    pages.install(app)

    @app.get("/")
    async def gallery(request: Request) -> HTMLResponse:
        return pages.render(request, "gallery.html", section="services", **facts())

    @app.get("/plain")
    async def plain(request: Request) -> HTMLResponse:
        person = SimpleNamespace(sub="applicant-01", name="<b>李强</b>")
        return pages.render(
            request, "plain.html", person=person, section="cases", nasty="<script>alert(1)</script>"
        )

    @app.get("/problem")
    async def problem(request: Request) -> HTMLResponse:
        found = {
            "status": 404,
            "code": "not_found",
            "title": "Nothing",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        }
        return pages.problem(request, found)

    return app
