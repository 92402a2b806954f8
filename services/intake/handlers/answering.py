"""The applicant's own acts on a case: answering the notice, taking the application back, receiving the
document."""

from __future__ import annotations

from typing import Any, Literal

from libs.identity import Person
from libs.work import Work
from services.intake.domain.filing import fitting_facts
from services.intake.domain.notice import Correcting, correct
from services.intake.domain.outcome import deliver
from services.intake.domain.records import Reply
from services.intake.domain.withdrawal import departments_to_tell, withdraw
from services.intake.handlers.applying import attached
from services.intake.handlers.known import (
    any_case,
    checks_of,
    item_of,
    known_calendars,
    own_case,
    reviews_of,
)
from services.intake.handlers.papers import note
from services.intake.messages.asked import CorrectionAsked
from services.intake.messages.said import (
    CORRECTED,
    DELIVERED,
    REVIEW_CLOSED,
    WITHDRAWN,
    ApplicationCorrected,
    ApplicationWithdrawn,
    DocumentDelivered,
    ReviewClosed,
    about,
)
from services.intake.storage import CASES


async def correct_application(
    work: Work, person: Person, case_id: str, asked: CorrectionAsked
) -> dict[str, Any]:
    """Answer the notice item by item; everything answered obliges the window to accept."""
    case = await own_case(work, person, case_id)
    item = await item_of(work, case)
    answer = Correcting(
        fitting_facts(item, asked.facts),
        await attached(work, person, item, asked.materials),
        tuple(Reply(no=each.no, answer=each.answer) for each in asked.answers),
    )
    case = correct(case, item, answer, work.now, await known_calendars(work))
    work.put(CASES, case)
    note(work, case_id, "corrected", actor=person.sub)
    work.say(
        CORRECTED,
        case_id,
        ApplicationCorrected(
            **about(case), facts=item.told(case.facts), materials=list(case.materials),
            corrected_at=work.now,
        ),
    )
    duty = case.duty.model_dump(mode="json") if case.duty else None
    return {"case_id": case_id, "state": case.state, "corrected_at": work.now, "clock": duty}


async def withdraw_application(work: Work, person: Person, case_id: str) -> dict[str, Any]:
    """Take the application back before the decision; every department with open work is told in the same
    commit."""
    before = await own_case(work, person, case_id)
    item = await item_of(work, before)
    case = withdraw(before, work.now)
    told = departments_to_tell(before, await checks_of(work, before, item), await reviews_of(work, before))
    work.put(CASES, case)
    note(work, case_id, "withdrawn", actor=person.sub, stage=before.state)
    work.say(
        WITHDRAWN, case_id, ApplicationWithdrawn(**about(case), withdrawn_at=work.now, stage=before.state)
    )
    for department in told:
        work.say(
            REVIEW_CLOSED,
            case_id,
            ReviewClosed(**about(case), department=department, reason="application_withdrawn"),
            department=department,
        )
    return {"case_id": case_id, "state": case.state, "withdrawn_at": work.now, "stage": before.state}


async def deliver_document(work: Work, person: Person, case_id: str) -> dict[str, Any]:
    """Note that the permit or refusal is in the person's hands: by an own act online, or over the counter."""
    at_window = person.may("window_officer")
    case = await any_case(work, case_id) if at_window else await own_case(work, person, case_id)
    how: Literal["online", "window"] = "window" if at_window else "online"
    case = deliver(case, how, work.now)
    issued = case.issued
    if issued is None:
        raise ValueError("delivered without a document")
    work.put(CASES, case)
    note(work, case_id, "delivered", actor=person.sub, how=how, document=issued.kind)
    work.say(
        DELIVERED,
        case_id,
        DocumentDelivered(
            **about(case), document_kind=issued.kind, delivered_at=work.now, how=how,
            document_sha256=issued.document_sha256,
        ),
    )  # fmt: skip
    return {
        "case_id": case_id,
        "state": case.state,
        "document_kind": issued.kind,
        "document_sha256": issued.document_sha256,
        "delivered_at": work.now,
        "how": how,
    }
