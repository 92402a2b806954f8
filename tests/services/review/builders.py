"""A road excavation as review's tests see it: the shipped item, the events of one case, the people."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from libs.envelope import Event
from libs.identity import Person
from services.review.domain import Item

ROOT = Path(__file__).resolve().parents[3]
CASE = "c" * 32
NO = "AL-2026-000001"
LEAD = "urban_management"
NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)  # a Tuesday, 10:00 in Shanghai
PLAN_BYTES = b"%PDF-1.7 traffic plan"
PLAN_SHA256 = hashlib.sha256(PLAN_BYTES).hexdigest()
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@cache
def published(item: str = "road-excavation") -> dict[str, Any]:
    """The data of the item's publication."""
    found: dict[str, Any] = yaml.safe_load((ROOT / f"deploy/catalogue/items/{item}.yaml").read_text())
    return found


def item() -> Item:
    """The item as review keeps it."""
    return Item.model_validate(published())


def person(role: str, name: str | None = None, department: str | None = LEAD) -> Person:
    """An examiner or head."""
    return Person(name or f"{department}-{role}", name or role, frozenset({role}), department)


def material(code: str = "traffic-plan", content: bytes = PLAN_BYTES) -> dict[str, Any]:
    """A material as events carry it."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "code": code,
        "sha256": digest,
        "size": len(content),
        "media_type": "application/pdf",
        "name": "a.pdf",
    }


FACTS: dict[str, Any] = {
    "area_m2": "36.5", "starts_on": "2026-04-01", "ends_on": "2026-04-20", "young_road": False,
    "green_touched": True,
}  # fmt: skip


def clock(
    kind: str, starts_on: str = "2026-03-02", limit_wd: int = 3, due_on: str = "2026-03-05"
) -> dict[str, Any]:
    """A running clock."""
    return {
        "kind": kind, "starts_on": starts_on, "limit_wd": limit_wd, "due_on": due_on,
        "provisional": False, "calendar": ["2026.v1"],
    }  # fmt: skip


def summary(department: str = "traffic_police", outcome: str = "consent") -> dict[str, Any]:
    """Another department's opinion."""
    reasons = (
        [{"condition": "traffic-kept-safe", "text": "通道太窄", "article": "第32条"}]
        if outcome == "object"
        else []
    )
    return {
        "department": department, "outcome": outcome, "reasons": reasons, "conditions": [],
        "document_sha256": "d" * 64, "given_at": "2026-03-03T01:00:00Z",
    }  # fmt: skip


def event(event_type: str, data: dict[str, Any], event_id: str | None = None, subject: str = CASE) -> Event:
    """An event from its owner."""
    source = event_type.partition(".")[0]
    made = event_id or f"{event_type}-{subject}"
    return Event(made, event_type, source, NOW, subject, data, traceparent=TRACE)


def of_case(department: str = LEAD) -> dict[str, Any]:
    """The fields every event of the case has."""
    return {"application_no": NO, "item_code": "road-excavation", "item_version": 1, "department": department}


def item_published() -> Event:
    """The item's publication."""
    return event("disclosure.service_item_published.v1", published(), subject="item/road-excavation")


def calendar_published(year: int = 2026) -> Event:
    """The calendar's publication."""
    data = yaml.safe_load((ROOT / f"deploy/catalogue/calendars/{year}.yaml").read_text())
    for name in ("days_off", "make_up_days"):
        data[name] = [str(day) for day in data[name]]
    return event("disclosure.calendar_published.v1", data, subject=f"calendar/{year}")


def check_requested(department: str = LEAD, case_id: str = CASE, **change: Any) -> Event:
    """A completeness check."""
    data = {
        **of_case(department), "facts": FACTS, "materials": [material()],
        "clock": clock("check", limit_wd=1, due_on="2026-03-03"), "capability": "cap-1", **change,
    }  # fmt: skip
    return event("intake.completeness_check_requested.v1", data, subject=case_id)


def review_requested(department: str = LEAD, case_id: str = CASE, **change: Any) -> Event:
    """A review, released at once unless told otherwise."""
    step = item().step(department)
    data = {
        **of_case(department), "role": step.role if step else "review", "facts": FACTS,
        "materials": [material()],
        "capability": "cap-2", "after": [], "released": True, "clock": clock("review"),
        "conditions": list(step.conditions) if step else [], **change,
    }  # fmt: skip
    return event("intake.review_requested.v1", data, subject=case_id)


def review_released(department: str = LEAD, case_id: str = CASE) -> Event:
    """The predecessors are done."""
    clocked = clock("review", "2026-03-03", 3, "2026-03-06")
    data = {**of_case(department), "opinions": [summary()], "clock": clocked}
    return event("intake.review_released.v1", data, subject=case_id)


def decision_due(case_id: str = CASE, opinions: list[dict[str, Any]] | None = None) -> Event:
    """The lead's decision is due."""
    data = {
        **of_case(), "facts": FACTS, "opinions": [summary()] if opinions is None else opinions,
        "clock": clock("decision_promised", limit_wd=5, due_on="2026-03-09"),
    }  # fmt: skip
    return event("intake.decision_due.v1", data, subject=case_id)


def review_closed(department: str = LEAD, case_id: str = CASE) -> Event:
    """The application was withdrawn."""
    return event(
        "intake.review_closed.v1", {**of_case(department), "reason": "application_withdrawn"}, subject=case_id
    )
