"""What supervision hears, as far as it needs it, and the two events it says. Unknown members are ignored."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Heard(BaseModel):
    """An event of somebody else: only what is read here is named."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BusinessHours(Heard):
    """Local times HH:MM at which agencies open and close."""

    opens: str
    closes: str


class CalendarPublished(Heard):
    """A year's working days."""

    year: int
    version: int
    days_off: tuple[date, ...]
    make_up_days: tuple[date, ...]
    business_hours: BusinessHours
    published_at: datetime


class TariffPublished(Heard):
    """A fee standard; the parts that say what a case costs are read by the domain's Tariff."""

    model_config = ConfigDict(frozen=True, extra="allow")
    tariff_code: str
    version: int
    in_force_from: date
    in_force_until: date | None = None
    published_at: datetime


class RulePublished(Heard):
    """A conduct or management rule."""

    rule_code: str
    version: int
    kind: str
    title: dict[str, str]
    in_force_from: date


class ServiceItemPublished(Heard):
    """A service item; the parts that are timed, reviewed and charged are read by the domain's Item."""

    model_config = ConfigDict(frozen=True, extra="allow")
    item_code: str
    version: int
    published_at: datetime


class Identity(Heard):
    """An event's identity and name."""

    source: str
    id: str
    type: str


class RecordPublished(Heard):
    """A leaf of the public log and the event it makes public."""

    leaf_index: int
    leaf_hash: str
    record_kind: str
    of_event: Identity


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


class CardIssued(BaseModel):
    """A clock crossed its last tenth (yellow) or its end (red). ``agency``: "intake" or a department."""

    application_no: str
    item_code: str
    item_version: int
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


class FindingIssued(BaseModel):
    """A rule was not kept: what our own recomputation expects, what was found, in which event."""

    application_no: str | None
    item_code: str | None
    item_version: int | None
    finding_no: str
    rule: str
    expected: str
    found: str
    about: dict[str, str]
    issued_at: datetime
