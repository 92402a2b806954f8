"""Deeds of a bill: assess it by the tariff in force on acceptance, sign it, book it; or take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from libs.envelope import instant
from libs.refusals import Park
from libs.signatures import SignedDocument, document_sha256
from libs.work import Work
from services.fee import storage
from services.fee.domain.assessment import Assessment, assess
from services.fee.domain.bill_numbers import bill_no_of
from services.fee.domain.cases import CURRENCY, Acceptance, Bill, Cancellation, CancelReason, FeeCase
from services.fee.domain.ledger import TransactionKind, transaction
from services.fee.domain.tariffs import (
    Tariff,
    TariffNotInForce,
    TariffNotPublished,
    legal_day,
    version_in_force,
)
from services.fee.messages import ChargeAssessed, ChargeCancelled


async def assess_charge(work: Work, case: FeeCase) -> FeeCase:
    """Make the one bill of the case; parks while the tariff version that counts has not been heard of."""
    acceptance = case.accepted
    code = acceptance.tariff_code or ""
    known = await work.get(storage.TARIFFS, code)
    versions = known.versions if known else ()
    try:
        tariff = version_in_force(versions, code, acceptance.accepted_on)
    except (TariffNotPublished, TariffNotInForce) as missing:  # the version that counts is still to come
        raise Park(f"tariff/{code}") from missing
    assessment = assess(tariff, acceptance.facts, acceptance.accepted_on)
    number = await work.next_number("bill_numbers")
    bill_no = bill_no_of(legal_day(work.now).year, number)
    document = work.signer.sign("bill", _bill_text(case, acceptance, assessment, tariff, bill_no, work.now))
    said = ChargeAssessed(
        application_no=acceptance.application_no,
        item_code=acceptance.item_code,
        item_version=acceptance.item_version,
        bill_no=bill_no,
        tariff_code=assessment.tariff_code,
        tariff_version=assessment.tariff_version,
        lines=assessment.lines,
        total_fen=assessment.total_fen,
        subject_code=assessment.subject_code,
        payee="treasury",
        assessed_at=work.now,
        bill=document,
    )
    event = work.say("fee.charge_assessed.v1", case.case_id, said)
    bill = Bill(
        bill_no=bill_no,
        assessed_at=work.now,
        assessment=assessment,
        document_sha256=document_sha256(document),
        event_id=event.id,
        traceparent=event.traceparent,
    )
    _write_bill(work, case.case_id, acceptance, bill, document)
    return case.with_(bill=bill)


def _bill_text(
    case: FeeCase, acceptance: Acceptance, assessment: Assessment, tariff: Tariff, bill_no: str, now: datetime
) -> dict[str, Any]:
    """Everything one needs to compute the bill again, and on what law it rests."""
    return {
        "bill_no": bill_no,
        "case_id": case.case_id,
        "application_no": acceptance.application_no,
        "item_code": acceptance.item_code,
        "item_version": acceptance.item_version,
        "accepted_on": acceptance.accepted_on.isoformat(),
        "assessed_at": instant(now),
        "basis": [entry.model_dump() for entry in tariff.basis],
        "currency": CURRENCY,
        "payee": tariff.payee,
        **assessment.model_dump(mode="json"),
    }


def _write_bill(
    work: Work, case_id: str, acceptance: Acceptance, bill: Bill, document: SignedDocument
) -> None:
    assessment = bill.assessment
    work.add(
        storage.BILLS,
        bill_no=bill.bill_no,
        case_id=case_id,
        application_no=acceptance.application_no,
        item_code=acceptance.item_code,
        item_version=acceptance.item_version,
        tariff_code=assessment.tariff_code,
        tariff_version=assessment.tariff_version,
        accepted_on=acceptance.accepted_on,
        subject_code=assessment.subject_code,
        payee="treasury",
        currency=CURRENCY,
        total_fen=assessment.total_fen,
        line_count=len(assessment.lines),
        assessed_at=bill.assessed_at,
        assessed_on=legal_day(bill.assessed_at),
        document=document.model_dump(),
        document_sha256=bill.document_sha256,
        event_id=bill.event_id,
        traceparent=bill.traceparent,
    )
    for line_no, line in enumerate(assessment.lines, start=1):
        work.add(storage.BILL_LINES, bill_no=bill.bill_no, line_no=line_no, **storage.line_columns(line))
    if assessment.total_fen:
        book(work, "charge", bill)


def cancel_charge(work: Work, case: FeeCase, reason: CancelReason) -> FeeCase:
    """Take the open bill back and reverse its booking."""
    acceptance, bill = case.accepted, case.billed
    work.add(storage.CANCELLATIONS, bill_no=bill.bill_no, reason=reason, cancelled_at=work.now)
    book(work, "cancellation", bill)
    said = ChargeCancelled(
        application_no=acceptance.application_no,
        item_code=acceptance.item_code,
        item_version=acceptance.item_version,
        bill_no=bill.bill_no,
        reason=reason,
        cancelled_at=work.now,
    )
    work.say("fee.charge_cancelled.v1", case.case_id, said)
    return case.with_(cancellation=Cancellation(reason=reason, cancelled_at=work.now))


def book(work: Work, kind: TransactionKind, bill: Bill) -> None:
    """Enter one act of a bill in the treasury's books."""
    made = transaction(kind, bill.bill_no, bill.assessment.subject_code, bill.assessment.total_fen)
    work.add(
        storage.TRANSACTIONS,
        transaction_no=made.transaction_no,
        kind=kind,
        bill_no=bill.bill_no,
        entry_count=len(made.entries),
        booked_at=work.now,
        booked_on=legal_day(work.now),
    )
    for entry in made.entries:
        work.add(
            storage.ENTRIES,
            transaction_no=made.transaction_no,
            account_no=entry.account_no,
            amount_fen=entry.amount_fen,
        )
