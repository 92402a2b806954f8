"""Due dates as they were said, against our own counting with the calendars they name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any

from services.supervision.domain.case_file import Happening
from services.supervision.domain.rules.view import RECEIVED, Fault, View, Wait
from services.supervision.domain.workdays import legal_day, told_day

_CHECK = "intake.completeness_check_requested.v1"
_LIMITS = {
    "notice": "notice_wd",
    "check": "check_wd",
    "decision_promised": "promised_wd",
    "decision_statutory": "statutory_wd",
    "delivery": "delivery_wd",
}
_REVIEW = ("intake.review_requested.v1", "intake.review_released.v1")


def said_clocks_agree(view: View) -> Iterator[Fault | Wait]:
    """Every clock in every event: its first day (T-2), its limit (AL 5(2)) and its last day (T-1, T-3)."""
    for happening in view.case.happenings:
        data = happening.data
        for said in data.get("clocks") or (data.get("clock"),):
            if said is not None:
                yield from _one(view, happening, said)


def _one(view: View, about: Happening, said: dict[str, Any]) -> Iterator[Fault | Wait]:
    kind = said["kind"]
    starts_on, limit = _starts_on(view, about, kind), _limit(view, about, kind)
    if starts_on is None:
        return  # what it follows is not heard; the rules about order speak of that
    if _day(said["starts_on"]) != starts_on:
        yield Fault("T-2", f"{kind} counts from {starts_on}", f"counts from {said['starts_on']}", about)
    if limit is not None and said["limit_wd"] != limit:
        yield Fault("AL 5(2)", f"{kind} has the published limit {limit}", f"limit {said['limit_wd']}", about)
    names = said["calendar"]
    days = view.calendars.named(names)
    if days is None:
        yield view.absent("T-4", f"{', '.join(names)} published before {kind} is counted with it", about)
    if limit is None or days is None:
        return
    counted = days.day_number(starts_on, limit)
    if said["provisional"] != counted.provisional:
        wanted = f"{kind} due {counted.day} provisional: {counted.provisional}"
        yield Fault("T-4", wanted, f"provisional: {said['provisional']}", about)
    if not counted.provisional and _day(said["due_on"]) != counted.day:
        yield Fault("T-1", f"{kind} is due {counted.day}", f"due {said['due_on']}", about)


_day = lru_cache(maxsize=4096)(date.fromisoformat)


def _starts_on(view: View, about: Happening, kind: str) -> date | None:
    if kind == "notice":
        return _named_day(view.case.first(RECEIVED), "received_at")
    if kind in ("decision_promised", "decision_statutory"):
        return _named_day(view.accepted, "accepted_at")
    if kind == "delivery":
        return _named_day(next(iter(view.decisions), None), "decided_at")
    return legal_day(about.at)


def _named_day(happening: Happening | None, name: str) -> date | None:
    return told_day(happening.data[name]) if happening else None


def _limit(view: View, about: Happening, kind: str) -> int | None:
    if kind == "review":
        step = view.plan.get(about.department or "")
        return step.limit_wd if step else None
    name = _LIMITS.get(kind)
    return getattr(view.item.limits, name) if name else None
