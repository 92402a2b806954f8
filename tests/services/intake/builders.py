"""Shipped items, calendars and complete applications for the tests of intake's rules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from libs.deadlines import Calendar, Calendars, legal_day
from services.intake.domain.acceptance import accept, reviews_of
from services.intake.domain.clocks import clock, when_law_acts
from services.intake.domain.filing import missing
from services.intake.domain.items import Facts, Item
from services.intake.domain.records import Applicant, Case, Decision, Material, Reason
from services.intake.domain.reviews import Review

CATALOGUE = Path(__file__).resolve().parents[3] / "deploy" / "catalogue"
RECEIVED = datetime(2026, 1, 5, 2, tzinfo=UTC)  # Monday, 10 o'clock in Shanghai
FACTS: dict[str, Facts] = {
    "road-occupation": {
        "area_m2": "120", "starts_on": "2026-02-02", "ends_on": "2026-03-01", "days": 28, "zone": "2",
        "use": "business",
    },
    "restaurant-opening": {"premises_m2": "80.5", "seats": 40, "drains_to_sewer": True, "cooking_fumes": False},
}  # fmt: skip


@cache
def item(code: str = "road-occupation") -> Item:
    """A shipped item."""
    return Item.model_validate(document(code))


def document(code: str) -> dict[str, Any]:
    """A shipped item as it is published."""
    loaded: dict[str, Any] = yaml.safe_load((CATALOGUE / "items" / f"{code}.yaml").read_text("utf-8"))
    return loaded


@cache
def calendars(*years: int) -> Calendars:
    """The shipped calendars of these years; 2026 when none is named."""
    return Calendars(
        Calendar.from_published(yaml.safe_load((CATALOGUE / "calendars" / f"{year}.yaml").read_text("utf-8")))
        for year in years or (2026,)
    )


def material(code: str, digit: str = "a") -> Material:
    """A file of that line of the list."""
    return Material(code=code, sha256=digit * 64, size=10, media_type="application/pdf", name=f"{code}.pdf")


def all_materials(asked: Item, facts: Facts) -> tuple[Material, ...]:
    """Everything these facts make necessary."""
    return tuple(material(each.code) for each in asked.materials if each.is_needed(facts))


def received(
    code: str = "road-occupation",
    *,
    facts: Facts | None = None,
    materials: tuple[Material, ...] | None = None,
    at: datetime = RECEIVED,
    **changes: Any,
) -> Case:
    """A case as it stands right after filing; complete unless told otherwise."""
    of = changes.pop("of", item(code))
    given = FACTS[code] if facts is None else facts
    files = all_materials(of, given) if materials is None else materials
    case = Case(
        case_id="c" * 32, application_no="AL-2026-000001", item_code=of.item_code, item_version=of.version,
        state="received", applicant=Applicant(kind="legal", ref="p-1"), owner="applicant-01",
        filed_by="applicant-01", channel="online", received_at=at, facts=given, materials=files,
        noted=missing(of, given, files), hearing=of.hearing, fee_timing=of.fee.timing if of.fee else None,
        delivery_wd=of.limits.delivery_wd, notice=clock(calendars(), "notice", legal_day(at), of.limits.notice_wd),
    )  # fmt: skip
    case = case.model_copy(update={"acts_at": when_law_acts(case, calendars()), **changes})
    return case


def accepted(code: str = "road-occupation", **changes: Any) -> tuple[Case, list[Review]]:
    """A case in review with its reviews."""
    of = changes.get("of", item(code))
    case = accept(received(code, **changes), of, "complete", RECEIVED, calendars())
    return case, reviews_of(case, RECEIVED, calendars())


def given(review: Review, outcome: str = "consent", at: datetime = RECEIVED) -> Review:
    """The review with its opinion."""
    reasons = (Reason(text="not met", article="art. 1"),) if outcome == "object" else ()
    conditions = (f"condition of {review.department}",) if outcome == "consent_with_conditions" else ()
    return review.model_copy(
        update={
            "outcome": outcome, "reasons": reasons, "conditions": conditions, "given_at": at,
            "document_sha256": f"{review.department}-{outcome}",
        }
    )  # fmt: skip


def decision(kind: str = "granted", by: str = "urban_management") -> Decision:
    """A decision of the lead."""
    return Decision.model_validate(
        {
            "by": by, "decision": kind, "decided_at": RECEIVED, "document_sha256": "d" * 64, "event_id": "e1",
            "reasons": [{"text": "not met", "article": "art. 1"}] if kind == "refused" else [],
        }
    )  # fmt: skip


def day(text: str) -> date:
    """A date."""
    return date.fromisoformat(text)
