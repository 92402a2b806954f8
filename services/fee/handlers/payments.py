"""Deeds of money: record the one payment that is exactly the bill; refuse everything else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from libs.envelope import instant
from libs.refusals import NotFound, Refusal
from libs.work import Wanted, Work
from services.fee import storage
from services.fee.domain.bill_numbers import is_bill_no
from services.fee.domain.cases import (
    AlreadyPaid,
    ChannelReferenceReused,
    FeeCase,
    Payment,
    Settlement,
    UnknownBill,
    is_replay,
    require_payable,
)
from services.fee.domain.tariffs import legal_day
from services.fee.handlers.charges import book
from services.fee.messages import PaymentReceived


class ChannelClosed(Refusal):
    """The demonstration channel exists only where the settings say so."""

    code = "payment_channel_closed"
    title = "This payment channel is not open here."


class PaymentAnswer(BaseModel, frozen=True):
    """What whoever paid gets: the settlement and its signed receipt. Amounts in fen."""

    bill_no: str
    amount_fen: int
    currency: str
    channel: str
    channel_ref: str
    received_at: str
    receipt: dict[str, Any]


async def _case_of_bill(work: Work, bill_no: str) -> FeeCase | None:
    """The locked case of a bill. A bill number is known only after its commit, so the lookup sees it."""
    return await work.find(storage.CASE_OF_BILL, bill_no) if is_bill_no(bill_no) else None


def bill_and_case(bill_no: str) -> list[Wanted]:
    """What a payment will want, to be loaded with its neighbours'."""
    return [(storage.CASE_OF_BILL, (bill_no,))] if is_bill_no(bill_no) else []


async def pay_own_bill(work: Work, applicant_ref: str, bill_no: str) -> PaymentAnswer:
    """The applicant pays an own bill in the demonstration channel, which always pays exactly the bill."""
    case = await _case_of_bill(work, bill_no)
    if case is None or case.accepted.applicant_ref != applicant_ref:
        raise NotFound()
    if work.settings.payment_channel != "demonstration":
        raise ChannelClosed()
    payment = Payment(
        bill_no=bill_no,
        amount_fen=case.billed.assessment.total_fen,
        channel="demonstration",
        channel_ref=f"demonstration-{bill_no}",
        paid_at=work.now,
    )
    if case.settlement is not None:
        raise AlreadyPaid(bill_no)
    return _settle(work, case, payment)


async def record_payment(work: Work, payment: Payment) -> PaymentAnswer:
    """A channel reports money. The same report again gets the same answer; a mismatch changes nothing."""
    case = await _case_of_bill(work, payment.bill_no)
    if case is None:
        raise UnknownBill(payment.bill_no)
    if is_replay(case, payment):
        return _answer(case)
    reference = {"channel": payment.channel, "channel_ref": payment.channel_ref}
    if await work.rows(storage.BILL_OF_REFERENCE, **reference):
        raise ChannelReferenceReused(payment.channel_ref)
    return _settle(work, case, payment)


def _settle(work: Work, case: FeeCase, payment: Payment) -> PaymentAnswer:
    require_payable(case, payment, work.now)
    acceptance, bill = case.accepted, case.billed
    work.continue_trace(bill.traceparent)
    receipt = work.signer.sign("receipt", _receipt_text(case, payment, work.now))
    work.add(
        storage.SETTLEMENTS,
        **payment.model_dump(),
        received_at=work.now,
        received_on=legal_day(work.now),
        receipt=receipt.model_dump(),
    )
    book(work, "payment", bill)
    said = PaymentReceived(
        application_no=acceptance.application_no,
        item_code=acceptance.item_code,
        item_version=acceptance.item_version,
        bill_no=bill.bill_no,
        amount_fen=payment.amount_fen,
        channel=payment.channel,
        channel_ref=payment.channel_ref,
        received_at=work.now,
        receipt=receipt,
    )
    work.say("fee.payment_received.v1", case.case_id, said)
    settlement = Settlement(payment=payment, received_at=work.now, receipt=receipt.model_dump())
    paid = case.with_(settlement=settlement)
    work.put(storage.CASES, paid)
    return _answer(paid)


def _receipt_text(case: FeeCase, payment: Payment, now: datetime) -> dict[str, Any]:
    return {
        "bill_no": payment.bill_no,
        "bill_sha256": case.billed.document_sha256,
        "application_no": case.accepted.application_no,
        "amount_fen": payment.amount_fen,
        "currency": payment.currency,
        "subject_code": case.billed.assessment.subject_code,
        "payee": "treasury",
        "channel": payment.channel,
        "channel_ref": payment.channel_ref,
        "paid_at": instant(payment.paid_at),
        "received_at": instant(now),
    }


def _answer(case: FeeCase) -> PaymentAnswer:
    settlement = case.settlement
    assert settlement is not None
    payment = settlement.payment
    return PaymentAnswer(
        bill_no=payment.bill_no,
        amount_fen=payment.amount_fen,
        currency=payment.currency,
        channel=payment.channel,
        channel_ref=payment.channel_ref,
        received_at=instant(settlement.received_at),
        receipt=settlement.receipt,
    )
