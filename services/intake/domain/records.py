"""The case and what belongs to it: immutable records, one small one per department so that an opinion
changes one row."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

State = Literal[
    "received", "correction_requested", "corrected", "accepted", "decision_due",
    "granted", "refused", "issued", "delivered", "declined", "withdrawn",
]  # fmt: skip
ENDED: tuple[State, ...] = ("delivered", "declined", "withdrawn")
BEFORE_DECISION: tuple[State, ...] = (
    "received",
    "correction_requested",
    "corrected",
    "accepted",
    "decision_due",
)
Mode = Literal["complete", "corrected", "deemed"]
ClockKind = Literal["notice", "check", "review", "decision_promised", "decision_statutory", "delivery"]


class Fact(BaseModel):
    """A stored or said part of a case: immutable; members it does not know are ignored, so that it can
    grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Counted(Fact):
    """A counted period: the day that is not counted, the working days, the last day, the calendars used."""

    starts_on: date
    limit_wd: int
    due_on: date
    provisional: bool = False
    calendar: tuple[str, ...] = ()


class Clock(Counted):
    """A period that flow.yaml names and supervision watches."""

    kind: ClockKind


class Term(Counted):
    """A period of the window's own: the applicant's to answer the notice, the window's to accept after
    that."""

    kind: Literal["respond", "accept"]


class Applicant(Fact):
    """Who asks. ``ref`` is opaque: the wire never sees a name or a login."""

    kind: Literal["natural", "legal", "other"]
    ref: str


class Material(Fact):
    """One attached file, by its hash; ``size`` in bytes."""

    code: str
    sha256: str
    size: int
    media_type: str
    name: str


class Defect(Fact):
    """One thing to supplement or correct: what, by which article, and who found it."""

    no: int
    target: str
    what: str
    article: str
    found_by: str


class Reason(Fact):
    """Why: the published condition (if it is one), the sentence, the article."""

    condition: str | None = None
    text: str
    article: str


class Step(Fact):
    """One department of this case's own plan (only steps whose condition holds; ``after`` only such
    departments)."""

    department: str
    role: Literal["lead", "review"]
    limit_wd: int
    after: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Reply(Fact):
    """The applicant's answer to one defect."""

    no: int
    answer: str


class Correction(Fact):
    """The one-time notice and what came of it (AL 32(1)(4))."""

    defects: tuple[Defect, ...]
    requested_at: datetime
    respond: Term
    notice_sha256: str
    replies: tuple[Reply, ...] = ()
    corrected_at: datetime | None = None


class Acceptance(Fact):
    """From when the decision clocks run, in which mode, by which plan. ``accepted_at`` is the legal start."""

    accepted_at: datetime
    mode: Mode
    said_at: datetime
    plan: tuple[Step, ...]
    lead: str
    decision: Literal["by_lead", "unanimous"]
    promised: Clock
    statutory: Clock
    voucher_sha256: str


class Declined(Fact):
    """Refused at the window, with the reason and, where due, the right agency (AL 32(1)(1), (2))."""

    reason_code: Literal["not_needed", "not_competent", "not_corrected"]
    reason: str
    declined_at: datetime
    voucher_sha256: str


class Decision(Fact):
    """Granted or refused, by the lead or by unanimous consent."""

    by: str
    decision: Literal["granted", "refused"]
    reasons: tuple[Reason, ...] = ()
    conditions: tuple[str, ...] = ()
    decided_at: datetime
    document_sha256: str
    event_id: str
    traceparent: str | None = None


class Charge(Fact):
    """The bill as fee assessed it, and whether it is settled. ``total_fen`` in fen."""

    bill_no: str
    total_fen: int
    assessed_at: datetime
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    traceparent: str | None = None

    @property
    def is_settled(self) -> bool:
        """Paid, or nothing to pay."""
        return self.cancelled_at is None and (self.total_fen == 0 or self.paid_at is not None)


class Issued(Fact):
    """The permit or refusal handed out (AL 38, 39) and the clock for its delivery (AL 44)."""

    kind: Literal["permit", "refusal"]
    issued_at: datetime
    document_sha256: str
    delivery: Clock
    permit_no: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    remedies: tuple[dict[str, Any], ...] = ()


class Delivered(Fact):
    """The proof of delivery."""

    delivered_at: datetime
    how: Literal["online", "window"]


class Withdrawal(Fact):
    """The applicant took it back, at this stage."""

    withdrawn_at: datetime
    stage: str


class Case(Fact):
    """The center's file over one application.

    ``owner`` is the login whose case it is, ``filed_by`` who pressed the button (an agent files for himself,
    a window officer for the person in front of him). ``noted`` is what was missing on receipt.
    ``acts_at`` is the
    business instant at which the law moves the case if nobody has.
    """

    case_id: str
    application_no: str
    item_code: str
    item_version: int
    state: State
    applicant: Applicant
    owner: str
    filed_by: str
    channel: Literal["online", "window"]
    received_at: datetime
    facts: dict[str, Any]
    materials: tuple[Material, ...] = ()
    noted: tuple[Defect, ...] = ()
    hearing: Literal["none", "required"] = "none"
    fee_timing: Literal["on_acceptance", "before_delivery"] | None = None
    delivery_wd: int
    notice: Clock
    voucher_sha256: str = ""
    acts_at: datetime | None = None
    duty: Term | None = None
    correction: Correction | None = None
    acceptance: Acceptance | None = None
    declined: Declined | None = None
    decision_due_at: datetime | None = None
    decision: Decision | None = None
    charge: Charge | None = None
    issued: Issued | None = None
    delivery: Delivered | None = None
    withdrawal: Withdrawal | None = None
    traceparent: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything is still to come."""
        return self.state not in ENDED

    def belongs_to(self, sub: str) -> bool:
        """Whether this login may see and act on it as its own."""
        return sub in (self.owner, self.filed_by)

    def step(self, department: str) -> Step | None:
        """This department's part in the plan, once there is one."""
        plan = self.acceptance.plan if self.acceptance else ()
        return next((step for step in plan if step.department == department), None)

    @property
    def fee_state(self) -> Literal["none", "awaited", "assessed", "settled", "cancelled"]:
        """Where the charge stands; none = the item has no fee."""
        if self.fee_timing is None:
            return "none"
        if self.charge is None:
            return "awaited"
        if self.charge.cancelled_at is not None:
            return "cancelled"
        return "settled" if self.charge.is_settled else "assessed"
