"""Knows what fee remembers of one case and the few moves a bill can make: assessed, paid, cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.refusals import NotFound, Refusal
from services.fee.domain.assessment import Assessment

CURRENCY = "CNY"
CLOCK_TOLERANCE = timedelta(minutes=5)  # a channel's clock is not ours
CancelReason = Literal["application_withdrawn", "application_refused"]


class UnknownBill(NotFound):
    """A payment for a bill that does not exist settles nothing."""

    code = "unknown_bill"
    title = "There is no bill under this number."


class WrongAmount(Refusal):
    """Never more, never less than the bill: the amount comes from the published standard alone (AL 59)."""

    code = "wrong_amount"
    status = 422
    title = "The amount is not the amount of the bill."


class WrongCurrency(Refusal):
    """Bills are in yuan."""

    code = "wrong_currency"
    status = 422
    title = "Bills are paid in CNY."


class AlreadyPaid(Refusal):
    """One bill, one settlement."""

    code = "already_paid"
    title = "This bill has been paid."


class BillCancelled(Refusal):
    """A cancelled bill asks for nothing."""

    code = "bill_cancelled"
    title = "This bill was cancelled; nothing is to be paid."


class NothingToPay(Refusal):
    """A bill over zero is settled by itself."""

    code = "nothing_to_pay"
    title = "Nothing is to be paid on this bill."


class ChannelReferenceReused(Refusal):
    """One reference of a channel names one payment for ever."""

    code = "channel_reference_reused"
    status = 422
    title = "This channel reference was already used for a different payment."


class PaidBeforeBilled(Refusal):
    """Money that claims to be older than its bill, or from the future, is not this payment."""

    code = "paid_at_impossible"
    status = 422
    title = "The time of payment lies before the bill or in the future."


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Acceptance(_Fact):
    """What fee keeps of the acceptance: who, which item version, the day that fixes the tariff, the facts."""

    application_no: str
    item_code: str
    item_version: int
    applicant_ref: str
    accepted_at: datetime
    accepted_on: date
    lead: str
    decision: Literal["by_lead", "unanimous"]  # who may say the case is decided
    tariff_code: str | None = None
    timing: Literal["on_acceptance", "before_delivery"] | None = None
    facts: Mapping[str, Any] = Field(default_factory=dict)


class Bill(_Fact):
    """The one bill of a case, as far as its later moves need it.

    The signed document lies in `bills`, once; ``document`` stays empty for older code, which wants such a member.
    """

    bill_no: str
    assessed_at: datetime
    assessment: Assessment
    document: dict[str, Any] = Field(default_factory=dict)
    document_sha256: str
    event_id: str
    traceparent: str | None = None


class Payment(_Fact):
    """Money as the channel reported it."""

    bill_no: str
    amount_fen: int
    currency: str = CURRENCY
    channel: str
    channel_ref: str
    paid_at: datetime


class Settlement(_Fact):
    """The one payment a bill accepted, and its signed receipt."""

    payment: Payment
    received_at: datetime
    receipt: dict[str, Any]


class Cancellation(_Fact):
    """Why and when the demand was taken back."""

    reason: CancelReason
    cancelled_at: datetime


class Proof(_Fact):
    """Where the bill stands in the public log."""

    leaf_index: int
    leaf_hash: str
    tree_size: int
    checkpoint: str
    proof: tuple[str, ...]


class FeeCase(_Fact):
    """Everything fee knows about one case; each part stays empty until its event came."""

    case_id: str
    acceptance: Acceptance | None = None
    decision: Literal["granted", "refused"] | None = None
    withdrawn_at: datetime | None = None
    bill: Bill | None = None
    settlement: Settlement | None = None
    cancellation: Cancellation | None = None
    proof: Proof | None = None

    def with_(self, **changes: Any) -> FeeCase:
        """A copy with these parts replaced."""
        return self.model_copy(update=changes)

    @property
    def accepted(self) -> Acceptance:
        """The acceptance of a case that has one."""
        if self.acceptance is None:
            raise LookupError(f"case {self.case_id} is not accepted")
        return self.acceptance

    @property
    def billed(self) -> Bill:
        """The bill of a case that has one."""
        if self.bill is None:
            raise LookupError(f"case {self.case_id} has no bill")
        return self.bill

    @property
    def state(self) -> Literal["no_bill", "open", "nothing_to_pay", "paid", "cancelled"]:
        """Where the bill stands."""
        if self.bill is None:
            return "no_bill"
        if self.cancellation is not None:
            return "cancelled"
        if self.settlement is not None:
            return "paid"
        return "open" if self.bill.assessment.total_fen else "nothing_to_pay"


def charge_is_due(case: FeeCase) -> bool:
    """Whether the published moment of charging has come and no bill was made.

    A withdrawn or refused application is not charged any more: what was heard first does not matter for
    what is owed in the end.
    """
    acceptance = case.acceptance
    if acceptance is None or acceptance.tariff_code is None or case.bill is not None:
        return False
    if case.withdrawn_at is not None or case.decision == "refused":
        return False
    return acceptance.timing == "on_acceptance" or case.decision == "granted"


def cancellation_due(case: FeeCase) -> CancelReason | None:
    """The reason for which an unpaid bill has to be taken back now, or None."""
    if case.state != "open":
        return None
    if case.withdrawn_at is not None:
        return "application_withdrawn"
    return "application_refused" if case.decision == "refused" else None


def is_replay(case: FeeCase, payment: Payment) -> bool:
    """Whether this very payment was accepted before: same reference and same content."""
    known = case.settlement.payment if case.settlement else None
    return known == payment


def require_payable(case: FeeCase, payment: Payment, now: datetime) -> None:
    """Refuse every payment that is not the one this bill asks for. ``now`` is the business instant."""
    if case.bill is None or case.bill.bill_no != payment.bill_no:
        raise UnknownBill(payment.bill_no)
    settled = case.settlement
    if settled is not None:
        known = settled.payment
        same = (known.channel, known.channel_ref) == (payment.channel, payment.channel_ref)
        raise ChannelReferenceReused(payment.channel_ref) if same else AlreadyPaid(payment.bill_no)
    if case.cancellation is not None:
        raise BillCancelled(payment.bill_no)
    total_fen = case.bill.assessment.total_fen
    if total_fen == 0:
        raise NothingToPay(payment.bill_no)
    if payment.currency != CURRENCY:
        raise WrongCurrency(payment.currency)
    if payment.amount_fen != total_fen:
        raise WrongAmount(f"{payment.amount_fen} fen paid, {total_fen} fen due", due_fen=total_fen)
    if not case.bill.assessed_at - CLOCK_TOLERANCE <= payment.paid_at <= now + CLOCK_TOLERANCE:
        raise PaidBeforeBilled(payment.paid_at.isoformat())
