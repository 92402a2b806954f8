"""The applicant takes the application back, at any time before the decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.intake.domain.records import BEFORE_DECISION, Case, Withdrawal
from services.intake.domain.refusals import AlreadyDecided, CaseClosed
from services.intake.domain.reviews import Check, Review


def withdraw(case: Case, now: datetime) -> Case:
    """The case withdrawn, with the stage it was in; AlreadyDecided once there is a decision."""
    if not case.is_open:
        raise CaseClosed(case.state)
    if case.state not in BEFORE_DECISION:
        raise AlreadyDecided()
    taken_back = Withdrawal(withdrawn_at=now, stage=case.state)
    return case.model_copy(
        update={"state": "withdrawn", "withdrawal": taken_back, "acts_at": None, "duty": None}
    )


def departments_to_tell(case: Case, checks: Iterable[Check], reviews: Iterable[Review]) -> list[str]:
    """Whoever still has work on the case as it was before: open checks or reviews, or the lead with a
    decision due."""
    if case.state == "decision_due" and case.acceptance is not None:
        return [case.acceptance.lead]
    if case.state == "accepted":
        return [review.department for review in reviews if not review.is_given]
    return [check.department for check in checks if check.reported_at is None]
