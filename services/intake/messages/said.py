"""Events intake says. Names, speakers and hearers are flow.yaml's; the fields are the schemas' under
contracts/."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from libs.signatures import SignedDocument
from services.intake.domain.items import LocalText
from services.intake.domain.records import Applicant, Case, Clock, Defect, Material, Mode, Reason, Step
from services.intake.domain.reviews import Outcome

RECEIVED = "intake.application_received.v1"
CHECK_REQUESTED = "intake.completeness_check_requested.v1"
CORRECTION_REQUESTED = "intake.correction_requested.v1"
CORRECTED = "intake.application_corrected.v1"
DECLINED = "intake.application_declined.v1"
ACCEPTED = "intake.application_accepted.v1"
REVIEW_REQUESTED = "intake.review_requested.v1"
REVIEW_RELEASED = "intake.review_released.v1"
REVIEW_CLOSED = "intake.review_closed.v1"
DECISION_DUE = "intake.decision_due.v1"
DECISION_MADE = "intake.decision_made.v1"
PERMIT_ISSUED = "intake.permit_issued.v1"
REFUSAL_ISSUED = "intake.refusal_issued.v1"
DELIVERED = "intake.document_delivered.v1"
WITHDRAWN = "intake.application_withdrawn.v1"


class Said(BaseModel):
    """Every event about a case names its application and the item version it is judged by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application_no: str
    item_code: str
    item_version: int


def about(case: Case) -> dict[str, Any]:
    """The three members every event about ``case`` begins with."""
    return {
        "application_no": case.application_no,
        "item_code": case.item_code,
        "item_version": case.item_version,
    }


class OpinionSummary(BaseModel):
    """An opinion as successors and the lead see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    department: str
    outcome: Outcome
    reasons: list[Reason]
    conditions: list[str]
    document_sha256: str
    given_at: datetime


class Remedy(BaseModel):
    """One right against a decision: whom to turn to, and until when (AL 7)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["statement", "reconsideration", "litigation", "compensation", "complaint"]
    authority: LocalText
    until_on: date | None
    text: LocalText


class ApplicationReceived(Said):
    """Received: facts, materials by hash, the notice clock, the voucher."""

    applicant: Applicant
    channel: Literal["online", "window"]
    received_at: datetime
    facts: dict[str, Any]
    materials: list[Material]
    clock: Clock
    voucher: SignedDocument


class CompletenessCheckRequested(Said):
    """One department is asked what is missing, on its own short clock."""

    department: str
    facts: dict[str, Any]
    materials: list[Material]
    clock: Clock
    capability: str


class CorrectionRequested(Said):
    """The one-time notice, everything merged."""

    defects: list[Defect]
    requested_at: datetime
    notice: SignedDocument


class ApplicationCorrected(Said):
    """The notice is answered: the facts and materials as they are now."""

    facts: dict[str, Any]
    materials: list[Material]
    corrected_at: datetime


class ApplicationDeclined(Said):
    """Refused at the window."""

    reason_code: Literal["not_needed", "not_competent", "not_corrected"]
    reason: str
    right_agency: LocalText | None
    declined_at: datetime
    voucher: SignedDocument


class ApplicationAccepted(Said):
    """Accepted: mode, plan, decision clocks. ``accepted_at`` is the legal start, ``said_at`` when it was
    said."""

    applicant: Applicant
    accepted_at: datetime
    mode: Mode
    facts: dict[str, Any]
    plan: list[Step]
    lead: str
    decision: Literal["by_lead", "unanimous"]
    clocks: list[Clock]
    voucher: SignedDocument
    said_at: datetime


class ReviewRequested(Said):
    """One department is asked for its opinion; without a clock while it may only pre-review."""

    department: str
    role: Literal["lead", "review"]
    facts: dict[str, Any]
    materials: list[Material]
    capability: str
    after: list[str]
    released: bool
    clock: Clock | None
    conditions: list[str]


class ReviewReleased(Said):
    """The predecessors' opinions are in; this department's clock starts."""

    department: str
    opinions: list[OpinionSummary]
    clock: Clock


class ReviewClosed(Said):
    """The department need not go on."""

    department: str
    reason: Literal["application_withdrawn"]


class DecisionDue(Said):
    """All opinions are in: the lead must decide."""

    department: str
    facts: dict[str, Any]
    opinions: list[OpinionSummary]
    clock: Clock


class DecisionMade(Said):
    """Granted by unanimous consent."""

    decision: Literal["granted"]
    reasons: list[Reason]
    conditions: list[str]
    decided_at: datetime
    decision_document: SignedDocument


class PermitIssued(Said):
    """The permit document is there to be delivered."""

    permit_no: str
    issued_at: datetime
    valid_from: date
    valid_until: date | None
    conditions: list[str]
    clock: Clock
    permit: SignedDocument


class RefusalIssued(Said):
    """The refusal document is there to be delivered."""

    reasons: list[Reason]
    remedies: list[Remedy]
    issued_at: datetime
    clock: Clock
    refusal: SignedDocument


class DocumentDelivered(Said):
    """In the person's hands."""

    document_kind: Literal["permit", "refusal"]
    delivered_at: datetime
    how: Literal["online", "window"]
    document_sha256: str


class ApplicationWithdrawn(Said):
    """Taken back by the applicant; ``stage`` is the state the case was in."""

    withdrawn_at: datetime
    stage: str
