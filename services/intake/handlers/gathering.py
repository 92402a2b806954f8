"""What departments and fee say about a case: verified, stored, and left to the settling that follows every
commit."""

from __future__ import annotations

from libs.envelope import Event
from libs.refusals import Park, Refusal
from libs.signatures import BadSignature, SignedDocument, document_sha256
from libs.work import Work
from services.intake.domain.notice import keep_defects
from services.intake.domain.opinions import (
    check_may_decide,
    check_may_take,
    check_says,
    decide,
    take_opinion,
)
from services.intake.domain.outcome import assess, cancel_charge, settle_charge
from services.intake.domain.records import Case, Charge, Decision
from services.intake.domain.refusals import NotPlanned, NotTheSpeaker
from services.intake.handlers.known import heard_case, reviews_of
from services.intake.handlers.papers import keep, note
from services.intake.messages.heard import (
    ChargeAssessed,
    ChargeCancelled,
    DefectsReported,
    OpinionGiven,
    PaymentReceived,
    ReviewDecisionMade,
)
from services.intake.storage import CASES, CHECKS, REVIEWS


class SignatureRefused(Refusal):
    """A document whose signature does not hold, or whose key does not sign for that department."""

    code = "bad_signature"
    title = "The signature of the document does not hold."


def _from_department(event: Event, department: str) -> None:
    """The broker lets a department speak only as itself; the event must agree with that."""
    if event.source != f"review/{department}":
        raise NotTheSpeaker(f"{event.source} speaks of {department}")


def _verified(
    work: Work, case: Case, document: SignedDocument, data: OpinionGiven | ReviewDecisionMade, **result: str
) -> str:
    """The document's hash, once its signature, issuer, kind, case and result hold; a refusal otherwise."""
    kind = "opinion" if isinstance(data, OpinionGiven) else "decision"
    try:
        content = work.keys.verify(document, issuer=f"review/{data.department}", kind=kind)
    except BadSignature as wrong:
        raise SignatureRefused(str(wrong)) from None
    check_says(case, data.department, content, reasons=data.reasons, conditions=data.conditions, **result)
    return document_sha256(document)


async def collect_defects(work: Work, event: Event, data: DefectsReported) -> None:
    """Keep a department's findings for the one-time notice."""
    _from_department(event, data.department)
    case = await heard_case(work, event.subject)
    check = await work.get(CHECKS, event.subject, data.department)
    if check is None:
        raise NotPlanned(data.department)
    if check.reported_at is not None:
        return
    own = tuple(defect.model_copy(update={"found_by": data.department}) for defect in data.defects)
    check = keep_defects(check, case, own, data.reported_at)
    work.put(CHECKS, check)
    note(work, case.case_id, "checked", department=data.department, defects=len(own), too_late=check.too_late)


async def collect_opinion(work: Work, event: Event, data: OpinionGiven) -> None:
    """Take in one department's opinion; what can move because of it is settled in the same transaction."""
    _from_department(event, data.department)
    case = await heard_case(work, event.subject)
    review = await work.get(REVIEWS, event.subject, data.department)
    sha256 = _verified(work, case, data.opinion, data, outcome=data.outcome)
    if not check_may_take(case, review, data.department, sha256) or review is None:
        return
    given = take_opinion(
        review,
        outcome=data.outcome,
        reasons=tuple(data.reasons),
        conditions=tuple(data.conditions),
        given_at=data.given_at,
        document_sha256=sha256,
        traceparent=event.traceparent,
    )
    work.put(REVIEWS, given)
    keep(work, case.case_id, "opinion", data.opinion, data.department)
    note(work, case.case_id, "opinion_given", department=data.department, outcome=data.outcome)


async def collect_decision(work: Work, event: Event, data: ReviewDecisionMade) -> None:
    """Take in the lead's signed decision."""
    _from_department(event, data.department)
    case = await heard_case(work, event.subject)
    sha256 = _verified(work, case, data.decision_document, data, decision=data.decision)
    if not check_may_decide(case, data.department, sha256):
        return
    decision = Decision(
        by=data.department,
        decision=data.decision,
        reasons=tuple(data.reasons),
        conditions=tuple(data.conditions),
        decided_at=data.decided_at,
        document_sha256=sha256,
        event_id=event.id,
        traceparent=event.traceparent,
    )
    answered = [answer.department for answer in data.answers]
    work.put(CASES, decide(case, decision, answered, await reviews_of(work, case)))
    keep(work, case.case_id, "decision", data.decision_document, data.department)
    note(work, case.case_id, data.decision, department=data.department)


async def note_charge(work: Work, event: Event, data: ChargeAssessed) -> None:
    """The bill of the case; the permit waits for its settlement."""
    case = await heard_case(work, event.subject)
    charge = Charge(
        bill_no=data.bill_no,
        total_fen=data.total_fen,
        assessed_at=data.assessed_at,
        traceparent=event.traceparent,
    )
    changed = assess(case, charge)
    if changed is case:
        return
    work.put(CASES, changed)
    keep(work, case.case_id, "bill", data.bill)
    note(work, case.case_id, "charge_assessed", bill_no=data.bill_no, total_fen=data.total_fen)


async def note_payment(work: Work, event: Event, data: PaymentReceived) -> None:
    """The bill is paid; if the case was only waiting for that, its permit is issued in this transaction."""
    case = await heard_case(work, event.subject)
    if case.charge is None:
        raise Park(f"bill/{data.bill_no}")
    changed = settle_charge(case, data.bill_no, data.amount_fen, data.received_at)
    if changed is not case:
        work.put(CASES, changed)
        note(work, case.case_id, "paid", bill_no=data.bill_no, amount_fen=data.amount_fen)


async def note_cancelled_charge(work: Work, event: Event, data: ChargeCancelled) -> None:
    """Nothing is to be paid any more."""
    case = await heard_case(work, event.subject)
    if case.charge is None:
        raise Park(f"bill/{data.bill_no}")
    work.put(CASES, cancel_charge(case, data.bill_no, data.cancelled_at))
    note(work, case.case_id, "charge_cancelled", bill_no=data.bill_no)
