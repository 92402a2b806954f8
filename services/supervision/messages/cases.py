"""What supervision hears about a case, as far as it needs it. Unknown members are ignored."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from services.supervision.messages.published import Heard


class SaidClock(Heard):
    """A due date as it was said: the day not counted, the limit, the last day, the calendars used."""

    kind: str
    starts_on: date
    limit_wd: int
    due_on: date
    provisional: bool
    calendar: tuple[str, ...]


class AboutCase(Heard):
    """What every event about a case carries."""

    application_no: str
    item_code: str
    item_version: int


class ApplicationReceived(AboutCase):
    """An application came in; starts the notice clock."""

    received_at: datetime
    channel: str
    clock: SaidClock


class CompletenessCheckRequested(AboutCase):
    """A department is asked to check completeness; starts its check clock."""

    department: str
    clock: SaidClock


class DefectsReported(AboutCase):
    """A department found defects; stops its check clock."""

    department: str
    reported_at: datetime


class CorrectionRequested(AboutCase):
    """The one-time notice; stops the notice clock."""

    requested_at: datetime


class ApplicationCorrected(AboutCase):
    """The applicant answered the notice."""

    corrected_at: datetime


class ApplicationDeclined(AboutCase):
    """The window declined; stops the notice clock."""

    reason_code: str
    right_agency: dict[str, str] | None = None
    declined_at: datetime


class PlanStep(Heard):
    """One department of the case's review plan."""

    department: str
    role: str
    limit_wd: int


class ApplicationAccepted(AboutCase):
    """Accepted (complete, corrected or deemed); starts the decision clocks."""

    accepted_at: datetime
    mode: str
    facts: dict[str, Any]
    plan: tuple[PlanStep, ...]
    lead: str
    clocks: tuple[SaidClock, ...]


class ReviewRequested(AboutCase):
    """A department is asked for its opinion; its clock starts when it is released."""

    department: str
    released: bool
    clock: SaidClock | None = None


class ReviewReleased(AboutCase):
    """The predecessors are done; starts the department's clock."""

    department: str
    clock: SaidClock


class OpinionGiven(AboutCase):
    """A department's opinion; stops its clock."""

    department: str
    outcome: str
    given_at: datetime


class DecisionDue(AboutCase):
    """All opinions are in; the lead is asked to decide."""

    department: str
    clock: SaidClock


class Answer(Heard):
    """How a granting lead answers one department's objection."""

    department: str
    answer: str


class LeadDecisionMade(AboutCase):
    """The lead department decided; stops the decision clocks, starts the delivery clock."""

    department: str
    decision: str
    answers: tuple[Answer, ...] = ()
    decided_at: datetime


class DecisionMade(AboutCase):
    """Unanimous consent decided by itself, where the item says so."""

    decision: str
    decided_at: datetime


class PermitIssued(AboutCase):
    """The permit."""

    permit_no: str
    issued_at: datetime
    clock: SaidClock | None = None


class Reason(Heard):
    """One reason and the article it rests on."""

    text: str
    article: str


class Remedy(Heard):
    """One remedy the refusal names."""

    kind: str


class RefusalIssued(AboutCase):
    """The refusal with its reasons and remedies."""

    reasons: tuple[Reason, ...]
    remedies: tuple[Remedy, ...]
    issued_at: datetime
    clock: SaidClock | None = None


class DocumentDelivered(AboutCase):
    """Permit or refusal reached the applicant; stops the delivery clock."""

    document_kind: str
    delivered_at: datetime


class ApplicationWithdrawn(AboutCase):
    """The applicant took it back; stops what runs."""

    withdrawn_at: datetime


class ReviewClosed(AboutCase):
    """A department's task is off."""

    department: str
    reason: str


class BillLine(Heard):
    """One line of a bill; fen."""

    rate: str
    amount_fen: int


class ChargeAssessed(AboutCase):
    """A bill; fen."""

    bill_no: str
    tariff_code: str
    tariff_version: int
    lines: tuple[BillLine, ...]
    total_fen: int


class PaymentReceived(AboutCase):
    """A bill was settled; fen."""

    bill_no: str
    amount_fen: int
    received_at: datetime


class ChargeCancelled(AboutCase):
    """A bill is void."""

    bill_no: str
    reason: str
