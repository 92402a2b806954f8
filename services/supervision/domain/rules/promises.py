"""Due dates as they were said, against our own counting with the calendars they name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from services.supervision.domain.case_file import Happening
from services.supervision.domain.catalogue import PlanEntry
from services.supervision.domain.rules.view import RECEIVED, Fault, View, Wait
from services.supervision.domain.workdays import legal_day

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
    plan = view.plan
    for happening in view.case.happenings:
        for said in happening.data.get("clocks") or [happening.data.get("clock")]:
            if said is not None:
                yield from _one(view, plan, happening, said)


def _one(
    view: View, plan: dict[str, PlanEntry], about: Happening, said: dict[str, Any]
) -> Iterator[Fault | Wait]:
    kind = str(said["kind"])
    starts_on, limit = _starts_on(view, about, kind), _limit(view, plan, about, kind)
    if starts_on is None:
        return  # what it follows is not heard; the rules about order speak of that
    if said["starts_on"] != starts_on.isoformat():
        yield Fault("T-2", f"{kind} counts from {starts_on}", f"counts from {said['starts_on']}", about)
    if limit is not None and said["limit_wd"] != limit:
        yield Fault("AL 5(2)", f"{kind} has the published limit {limit}", f"limit {said['limit_wd']}", about)
    days = view.calendars.named(_names(said))
    if days is None:
        names = ", ".join(_names(said))
        yield view.absent("T-4", f"{names} published before {kind} is counted with it", about)
    if limit is None or days is None:
        return
    counted = days.day_number(starts_on, limit)
    if bool(said["provisional"]) != counted.provisional:
        wanted = f"{kind} due {counted.day} provisional: {counted.provisional}"
        yield Fault("T-4", wanted, f"provisional: {said['provisional']}", about)
    if not counted.provisional and said["due_on"] != counted.day.isoformat():
        yield Fault("T-1", f"{kind} is due {counted.day}", f"due {said['due_on']}", about)


def _names(said: dict[str, object]) -> list[str]:
    names = said.get("calendar")
    return [str(name) for name in names] if isinstance(names, list) else []


def _starts_on(view: View, about: Happening, kind: str) -> date | None:
    if kind == "notice":
        return _named_day(view.case.first(RECEIVED), "received_at")
    if kind in ("decision_promised", "decision_statutory"):
        return _named_day(view.accepted, "accepted_at")
    if kind == "delivery":
        return _named_day(next(iter(view.decisions), None), "decided_at")
    return legal_day(about.at)


def _named_day(happening: Happening | None, name: str) -> date | None:
    return legal_day(datetime.fromisoformat(happening.data[name])) if happening else None


def _limit(view: View, plan: dict[str, PlanEntry], about: Happening, kind: str) -> int | None:
    limits = view.item.limits
    if kind == "review":
        step = plan.get(about.department or "")
        return step.limit_wd if step else None
    name = _LIMITS.get(kind)
    return getattr(limits, name) if name else None
