"""Accepting: complete, corrected, or by the law's own effect when the window was silent; and declining.

The acceptance freezes the plan, starts the decision clocks from the legal start and sends out the reviews.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from libs.deadlines import Calendars, legal_day
from services.intake.domain.clocks import clock
from services.intake.domain.items import Item
from services.intake.domain.plan import frozen_plan
from services.intake.domain.records import Acceptance, Case, Declined, Mode
from services.intake.domain.refusals import (
    AgencyMissing,
    AlreadyAccepted,
    CaseClosed,
    MustAccept,
    NotComplete,
    NotYet,
    StillTime,
)
from services.intake.domain.reviews import Check, Review

DeclineReason = Literal["not_needed", "not_competent", "not_corrected"]


def acceptance_mode(case: Case, checks: Iterable[Check], now: datetime) -> Mode:
    """How the window may accept this case now; a refusal says why it may not.

    After the last hour of the notice the law has accepted already: mode deemed, whoever asks (AL 32(1)(4)).
    """
    if case.state == "corrected":
        return "corrected"
    if case.state in ("declined", "withdrawn"):
        raise CaseClosed(case.state)
    if case.state == "correction_requested":
        raise NotYet("the applicant has not answered the notice")
    if case.state != "received":
        raise AlreadyAccepted()
    if case.acts_at is not None and now >= case.acts_at:
        return "deemed"
    found = [*case.noted, *(defect for check in checks for defect in check.defects)]
    if found:
        told = [{"at": defect.target, "kind": "missing", "what": defect.what} for defect in found]
        raise NotComplete("give the one-time notice instead", errors=told[:50])
    return "complete"


def legal_start(case: Case, mode: Mode) -> datetime:
    """From when the decision clocks run.

    Complete or deemed: since the materials were received (AL 32(1)(4)); corrected: since everything asked for
    had come in, whenever the window looked at it (AL 32(1)(5)).
    """
    if mode == "corrected" and case.correction is not None and case.correction.corrected_at is not None:
        return case.correction.corrected_at
    return case.received_at


def accept(case: Case, item: Item, mode: Mode, now: datetime, calendars: Calendars) -> Case:
    """The case with its frozen plan and running decision clocks; the voucher's hash is added when it is
    signed."""
    starts = legal_start(case, mode)
    acceptance = Acceptance(
        accepted_at=starts,
        mode=mode,
        said_at=now,
        plan=frozen_plan(item, case.facts),
        lead=item.lead,
        decision=item.decision,
        promised=clock(calendars, "decision_promised", legal_day(starts), item.limits.promised_wd),
        statutory=clock(calendars, "decision_statutory", legal_day(starts), item.limits.statutory_wd),
        voucher_sha256="",
    )
    return case.model_copy(
        update={"state": "accepted", "acceptance": acceptance, "acts_at": None, "duty": None}
    )


def reviews_of(case: Case, now: datetime, calendars: Calendars) -> list[Review]:
    """One review per planned department; those that wait for nobody are released at once and their clocks
    start."""
    plan = case.acceptance.plan if case.acceptance else ()
    reviews = [
        Review(
            case_id=case.case_id,
            department=step.department,
            role=step.role,
            limit_wd=step.limit_wd,
            after=step.after,
            requested_at=now,
        )
        for step in plan
    ]
    return [review if review.after else released(review, now, calendars) for review in reviews]


def released(review: Review, now: datetime, calendars: Calendars) -> Review:
    """The review with its own clock running from today (AL 26(2); the day itself is not counted)."""
    running = clock(calendars, "review", legal_day(now), review.limit_wd)
    return review.model_copy(update={"released_at": now, "clock": running})


def decline(
    case: Case, reason_code: DeclineReason, reason: str, right_agency: dict[str, Any] | None, now: datetime
) -> Case:
    """Refused at the window, at once and with the right agency named (AL 32(1)(1), (2)), or for want of an
    answer."""
    if case.state in ("declined", "withdrawn", "delivered"):
        raise CaseClosed(case.state)
    if case.state not in ("received", "correction_requested", "corrected"):
        raise AlreadyAccepted()
    if case.state == "corrected":
        raise MustAccept()
    if case.state == "received" and case.acts_at is not None and now >= case.acts_at:
        raise AlreadyAccepted("silence has accepted this application")
    if reason_code == "not_competent" and right_agency is None:
        raise AgencyMissing()
    if reason_code == "not_corrected":
        if case.state != "correction_requested":
            raise NotYet("no correction was asked for")
        if case.acts_at is not None and now < case.acts_at:
            raise StillTime()
    declined = Declined(reason_code=reason_code, reason=reason, declined_at=now, voucher_sha256="")
    return case.model_copy(update={"state": "declined", "declined": declined, "acts_at": None})
