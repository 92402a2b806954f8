"""The acceptance and its fan-out: the voucher, the frozen plan, one review per department."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.deadlines import Calendars
from libs.signatures import SignedDocument
from libs.work import Work
from services.intake.domain import voucher
from services.intake.domain.acceptance import accept, reviews_of
from services.intake.domain.items import Item
from services.intake.domain.records import Acceptance, Case, Mode
from services.intake.domain.reviews import Review
from services.intake.handlers.capability import grant_reading
from services.intake.handlers.papers import keep, note, sign
from services.intake.messages.said import (
    ACCEPTED,
    REVIEW_REQUESTED,
    ApplicationAccepted,
    ReviewRequested,
    about,
)
from services.intake.storage import CASES, REVIEWS


def capability_for(work: Work, case: Case, department: str) -> str:
    """The department's leave to fetch this case's files."""
    hashes = [material.sha256 for material in case.materials]
    return grant_reading(
        work.settings.capability_key(), case.case_id, department, hashes, lease_s=work.settings.capability_s
    )


def send_acceptance(
    work: Work, case: Case, item: Item, mode: Mode, calendars: Calendars, actor: str | None
) -> dict[str, Any]:
    """Accept the case and send it to every planned department in the same transaction."""
    case = accept(case, item, mode, work.now, calendars)
    signed = sign(work, "voucher", voucher.acceptance_voucher(case, item))
    acceptance = _of(case).model_copy(
        update={"voucher_sha256": keep(work, case.case_id, "acceptance", signed)}
    )
    case = case.model_copy(update={"acceptance": acceptance})
    work.put(CASES, case)
    note(work, case.case_id, "accepted", actor=actor, mode=mode)
    _say_accepted(work, case, item, signed)
    _request_reviews(work, case, reviews_of(case, work.now, calendars))
    return {
        "case_id": case.case_id,
        "state": case.state,
        "mode": mode,
        "accepted_at": acceptance.accepted_at,
        "lead": acceptance.lead,
        "departments": [step.department for step in acceptance.plan],
        "clocks": [acceptance.promised.model_dump(mode="json"), acceptance.statutory.model_dump(mode="json")],
        "voucher": signed.model_dump(),
        "voucher_sha256": acceptance.voucher_sha256,
    }


def _of(case: Case) -> Acceptance:
    if case.acceptance is None:
        raise ValueError("not accepted")
    return case.acceptance


def _say_accepted(work: Work, case: Case, item: Item, signed: SignedDocument) -> None:
    acceptance = _of(case)
    work.say(
        ACCEPTED,
        case.case_id,
        ApplicationAccepted(
            **about(case), applicant=case.applicant, accepted_at=acceptance.accepted_at, mode=acceptance.mode,
            facts=item.told(case.facts), plan=list(acceptance.plan), lead=acceptance.lead,
            decision=acceptance.decision, clocks=[acceptance.promised, acceptance.statutory], voucher=signed,
            said_at=acceptance.said_at,
        ),
    )  # fmt: skip


def _request_reviews(work: Work, case: Case, reviews: Sequence[Review]) -> None:
    """Ask every department; what is the same for all of them is written once."""
    same = ReviewRequested(
        **about(case), department="", role="review", facts=case.facts, materials=list(case.materials),
        capability="", after=[], released=False, clock=None, conditions=[],
    ).model_dump(mode="json")  # fmt: skip
    for review in reviews:
        work.put(REVIEWS, review)
        step = case.step(review.department)
        own = {
            "department": review.department,
            "role": review.role,
            "capability": capability_for(work, case, review.department),
            "after": list(review.after),
            "released": review.is_released,
            "clock": review.clock.model_dump(mode="json") if review.clock else None,
            "conditions": list(step.conditions) if step else [],
        }
        work.say(
            REVIEW_REQUESTED,
            case.case_id,
            {**same, **own},
            department=review.department,
            model=ReviewRequested,
        )
