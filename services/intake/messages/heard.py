"""Events intake hears, as far as it uses them; what else they carry is ignored."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.signatures import SignedDocument
from services.intake.domain.items import Item, LocalText
from services.intake.domain.records import Defect, Reason
from services.intake.domain.reviews import Outcome


class Heard(BaseModel):
    """Indifferent to members it does not know, so that a speaker may add optional ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BusinessHours(Heard):
    """Local times of a working day, "09:00" and "17:00"."""

    opens: str
    closes: str


class CalendarPublished(Heard):
    """The days off and the make-up days of one year (AL 82, T-3)."""

    year: int
    version: int
    days_off: list[date]
    make_up_days: list[date]
    business_hours: BusinessHours
    in_force_from: date


class ServiceItemPublished(Item):
    """The published item document is the item itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RulePublished(Heard):
    """A conduct or management rule, to be linked from the pages it governs."""

    rule_code: str
    version: int
    kind: Literal["conduct", "management"]
    title: LocalText
    text: LocalText
    in_force_from: date


class DefectsReported(Heard):
    """What one department found missing; an empty list says: nothing."""

    application_no: str
    department: str
    defects: list[Defect]
    reported_at: datetime


class OpinionGiven(Heard):
    """One department's signed opinion."""

    application_no: str
    department: str
    outcome: Outcome
    reasons: list[Reason] = Field(default_factory=list)
    conditions: list[str] = Field(default_factory=list)
    given_at: datetime
    opinion: SignedDocument


class Answered(Heard):
    """The lead's answer to one department's objection."""

    department: str
    answer: str = Field(min_length=1)


class ReviewDecisionMade(Heard):
    """The lead department's signed decision."""

    application_no: str
    department: str
    decision: Literal["granted", "refused"]
    reasons: list[Reason] = Field(default_factory=list)
    conditions: list[str] = Field(default_factory=list)
    answers: list[Answered] = Field(default_factory=list)
    decided_at: datetime
    decision_document: SignedDocument


class ChargeAssessed(Heard):
    """The bill of a case; amounts in fen."""

    application_no: str
    bill_no: str
    total_fen: int = Field(ge=0)
    assessed_at: datetime
    bill: SignedDocument


class PaymentReceived(Heard):
    """The bill is paid."""

    application_no: str
    bill_no: str
    amount_fen: int
    received_at: datetime


class ChargeCancelled(Heard):
    """Nothing is to be paid any more."""

    application_no: str
    bill_no: str
    cancelled_at: datetime


class OfEvent(Heard):
    """The identity of the event a leaf stands for."""

    source: str
    id: str
    type: str


class RecordPublished(Heard):
    """A leaf of the public log with the proof that it is in it."""

    leaf_index: int
    leaf_hash: str
    record_kind: str
    of_event: OfEvent
    document_sha256: str | None = None
    tree_size: int
    checkpoint: str
    proof: list[str]


class CardIssued(Heard):
    """Supervision's warning about a clock of this case."""

    card_no: str
    colour: Literal["yellow", "red"]
    clock_kind: str
    agency: str
    crossed_at: datetime
    due_on: date
    used_wd: int
    limit_wd: int
    rule: str
    issued_at: datetime


class FindingIssued(Heard):
    """Supervision's finding about a rule."""

    finding_no: str
    rule: str
    expected: str
    found: str
    about: dict[str, Any] = Field(default_factory=dict)
    issued_at: datetime
