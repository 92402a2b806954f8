"""Deeds of a case: note its acceptance, decision, withdrawal and proof, then do whatever has become due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.envelope import instant
from libs.refusals import Park, Refusal
from libs.signatures import SignedDocument
from libs.work import Work
from services.fee import storage
from services.fee.domain.cases import Acceptance, FeeCase, Proof, cancellation_due, charge_is_due
from services.fee.domain.tariffs import legal_day
from services.fee.handlers.charges import assess_charge, cancel_charge
from services.fee.messages import (
    ApplicationAccepted,
    ApplicationWithdrawn,
    IntakeDecisionMade,
    RecordPublished,
    ReviewDecisionMade,
)


class DocumentMismatch(Refusal):
    """The signed document speaks of another case or says something else than the event that carries it."""

    code = "document_mismatch"
    title = "The signed document does not say what the event says."


async def open_case(work: Work, case_id: str, data: ApplicationAccepted) -> None:
    """Freeze item version, facts and day of acceptance; assess when the item says "on acceptance"."""
    item = await work.get(storage.ITEMS, data.item_code, str(data.item_version))
    if item is None:
        raise Park(f"item/{data.item_code}")
    case = await work.get(storage.CASES, case_id) or FeeCase(case_id=case_id)
    if case.acceptance is not None:
        return
    about = {"item_code": data.item_code, "item_version": data.item_version}
    accepted = {
        "accepted_at": instant(data.accepted_at),
        "lead": data.lead,
        "applicant_ref": data.applicant.ref,
    }
    _require_said(work, data.voucher, "intake", {"case_id": case_id, "act": "accepted", **about, **accepted})
    acceptance = Acceptance(
        application_no=data.application_no,
        item_code=data.item_code,
        item_version=data.item_version,
        applicant_ref=data.applicant.ref,
        accepted_at=data.accepted_at,
        accepted_on=legal_day(data.accepted_at),
        lead=data.lead,
        decision=data.decision,
        tariff_code=item.tariff_code,
        timing=item.timing,
        facts={code: data.facts.get(field) for code, field in item.inputs.items()},
    )
    await _do_what_is_due(work, case.with_(acceptance=acceptance))


async def note_decision(work: Work, case_id: str, data: ReviewDecisionMade | IntakeDecisionMade) -> None:
    """Note how the case was decided: a grant may be the moment to charge, a refusal takes a bill back."""
    case = await work.get(storage.CASES, case_id)
    if case is None or case.acceptance is None:
        raise Park(case_id)
    # Unanimous consent decides by itself and intake says so; where it is missing the lead decides, whatever the item.
    by_consent = isinstance(data, IntakeDecisionMade) and case.acceptance.decision == "unanimous"
    issuer = "intake" if by_consent else f"review/{case.acceptance.lead}"
    _require_said(work, data.decision_document, issuer, {"case_id": case_id, "decision": data.decision})
    if case.decision is None:
        await _do_what_is_due(work, case.with_(decision=data.decision))


async def note_withdrawal(work: Work, case_id: str, data: ApplicationWithdrawn) -> None:
    """Note that the applicant took the application back: an open bill is cancelled, none is made."""
    case = await work.get(storage.CASES, case_id) or FeeCase(case_id=case_id)
    if case.withdrawn_at is None:
        await _do_what_is_due(work, case.with_(withdrawn_at=data.withdrawn_at))


async def keep_proof(work: Work, case_id: str, data: RecordPublished) -> None:
    """Keep with a bill where it stands in the public log; other records are not fee's."""
    if data.record_kind != "bill":
        return
    case = await work.get(storage.CASES, case_id)
    if case is None or case.bill is None:
        raise Park(case_id)
    if (case.bill.event_id, case.bill.document_sha256) != (data.of_event.id, data.document_sha256):
        raise DocumentMismatch(f"leaf {data.leaf_index} is no record of bill {case.bill.bill_no}")
    proof = Proof.model_validate(data.model_dump(include=set(Proof.model_fields)))
    if case.proof is None:
        work.put(storage.CASES, case.with_(proof=proof))


async def _do_what_is_due(work: Work, case: FeeCase) -> None:
    """Level-triggered: whatever was heard last, do what the whole of it makes due."""
    if charge_is_due(case):
        case = await assess_charge(work, case)
    reason = cancellation_due(case)
    if reason is not None:
        case = cancel_charge(work, case, reason)
    work.put(storage.CASES, case)


def _require_said(work: Work, document: SignedDocument, issuer: str, wanted: Mapping[str, Any]) -> None:
    """Who relies on a document checks it: signed by ``issuer``, and saying what the event says of it."""
    said = work.keys.verify(document, issuer=issuer)
    differing = sorted(name for name, value in wanted.items() if said.get(name) != value)
    if differing:
        raise DocumentMismatch(", ".join(differing))
