"""What fee hears and says. Of what it hears it reads only what it needs; everything else it never sees."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.signatures import SignedDocument
from services.fee.domain.assessment import Line
from services.fee.domain.bill_numbers import BILL_NO
from services.fee.domain.cases import CancelReason
from services.fee.domain.tariffs import LocalText, Tariff


class _Heard(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TariffPublished(Tariff):
    """disclosure.tariff_published: the whole standard; fee may charge by nothing else."""


class ItemFee(_Heard):
    """What a service item says about its charge."""

    tariff_code: str
    timing: Literal["on_acceptance", "before_delivery"]
    inputs: dict[str, str]  # input of the tariff -> field of the application form


class ServiceItemPublished(_Heard):
    """disclosure.service_item_published: only the fee part matters here."""

    item_code: str
    version: int
    name: LocalText
    fee: ItemFee | None = None


class RecordOf(_Heard):
    """The event a record of the public log was made of."""

    source: str
    id: str
    type: str


class RecordPublished(_Heard):
    """disclosure.record_published: where a publication stands in the public log, with its proof."""

    leaf_index: int
    leaf_hash: str
    record_kind: str
    of_event: RecordOf
    document_sha256: str | None = None
    tree_size: int
    checkpoint: str
    proof: tuple[str, ...]


class _OfCase(_Heard):
    application_no: str
    item_code: str
    item_version: int


class Applicant(_Heard):
    """Who applies, by an opaque reference."""

    ref: str


class ApplicationAccepted(_OfCase):
    """intake.application_accepted: the day of acceptance fixes the tariff version, the facts fix the sum."""

    applicant: Applicant
    accepted_at: datetime
    facts: dict[str, Any]
    lead: str
    decision: Literal["by_lead", "unanimous"]
    voucher: SignedDocument


class ReviewDecisionMade(_OfCase):
    """review.decision_made: the lead department's signed decision."""

    department: str
    decision: Literal["granted", "refused"]
    decided_at: datetime
    decision_document: SignedDocument


class IntakeDecisionMade(_OfCase):
    """intake.decision_made: consent of all departments decided by itself, as the item publishes."""

    decision: Literal["granted"]
    decided_at: datetime
    decision_document: SignedDocument


class ApplicationWithdrawn(_OfCase):
    """intake.application_withdrawn: nothing is owed any more."""

    withdrawn_at: datetime


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)

    application_no: str
    item_code: str
    item_version: int
    bill_no: str = Field(pattern=BILL_NO)


class ChargeAssessed(_Said):
    """fee.charge_assessed: the bill, computed by the published standard; 0 means nothing is to be paid."""

    tariff_code: str
    tariff_version: int
    lines: tuple[Line, ...]
    total_fen: int = Field(ge=0)
    subject_code: str
    payee: Literal["treasury"]
    assessed_at: AwareDatetime
    bill: SignedDocument


class PaymentReceived(_Said):
    """fee.payment_received: exactly the bill's amount is in the treasury account."""

    amount_fen: int = Field(gt=0)
    channel: str
    channel_ref: str
    received_at: AwareDatetime
    receipt: SignedDocument


class ChargeCancelled(_Said):
    """fee.charge_cancelled: an unpaid bill was taken back."""

    reason: CancelReason
    cancelled_at: AwareDatetime
