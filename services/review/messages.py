"""What one department hears and says. Of what it hears it reads only what its part of a case needs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from libs.signatures import SignedDocument
from services.review.domain import (
    Clock,
    Defect,
    Item,
    Material,
    ObjectionAnswer,
    OpinionSummary,
    Outcome,
    Reason,
)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class BusinessHours(_Message):
    """Local time in Asia/Shanghai, HH:MM."""

    opens: str
    closes: str


class CalendarPublished(_Message):
    """disclosure.calendar_published: the working days of a year."""

    year: int
    version: int
    days_off: tuple[date, ...]
    make_up_days: tuple[date, ...]
    business_hours: BusinessHours


class ServiceItemPublished(Item):
    """disclosure.service_item_published: the item as far as a department needs it."""


class _OfCase(_Message):
    """What every event about a case carries."""

    application_no: str
    item_code: str
    item_version: int
    department: str


class CompletenessCheckRequested(_OfCase):
    """intake.completeness_check_requested: name all defects before ``clock`` ends, or none."""

    facts: dict[str, Any]
    materials: tuple[Material, ...]
    clock: Clock
    capability: str


class ReviewRequested(_OfCase):
    """intake.review_requested: examine these conditions; no clock until released."""

    role: Literal["lead", "review"]
    facts: dict[str, Any]
    materials: tuple[Material, ...]
    capability: str
    after: tuple[str, ...]
    released: bool
    clock: Clock | None = None
    conditions: tuple[str, ...]


class ReviewReleased(_OfCase):
    """intake.review_released: the departments before have given their opinions."""

    opinions: tuple[OpinionSummary, ...]
    clock: Clock


class DecisionDue(_OfCase):
    """intake.decision_due: every opinion is in; the lead decides."""

    facts: dict[str, Any]
    opinions: tuple[OpinionSummary, ...]
    clock: Clock


class ReviewClosed(_OfCase):
    """intake.review_closed: nothing is wanted of this department any more."""

    reason: str


class DefectsReported(_OfCase):
    """review.defects_reported: everything this department found incomplete."""

    defects: tuple[Defect, ...]
    reported_at: datetime


class OpinionGiven(_OfCase):
    """review.opinion_given: this department's opinion with the signed document."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    conditions: tuple[str, ...]
    given_at: datetime
    opinion: SignedDocument


class DecisionMade(_OfCase):
    """review.decision_made: the lead department's decision with the signed document."""

    decision: Literal["granted", "refused"]
    reasons: tuple[Reason, ...]
    conditions: tuple[str, ...]
    answers: tuple[ObjectionAnswer, ...]
    decided_at: datetime
    decision_document: SignedDocument
