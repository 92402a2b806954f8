"""What can move now: recomputed from what is stored, never from what was counted.

The same stored outcomes give the same moves in whatever order, however often and however late they came; a
case that can move has a move, and nothing is decided or issued while something required is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.intake.domain.plan import releasable
from services.intake.domain.records import Case
from services.intake.domain.reviews import Review


@dataclass(frozen=True, slots=True)
class Move:
    """One step the case can take by itself; ``department`` only for a release."""

    kind: Literal["release", "decision_due", "decide", "issue_permit", "issue_refusal"]
    department: str | None = None


def moves(case: Case, reviews: Sequence[Review]) -> list[Move]:
    """What this case can do now; empty while it waits (see `waiting` for whom).

    ``reviews`` must be all reviews of the case. Taking the moves and asking again ends at an empty list.
    """
    if case.state == "accepted":
        return _in_review(case, reviews)
    if case.state == "granted":
        # AL 58, 59: the charge is due before the permit is handed over, and nothing else buys it.
        return [Move("issue_permit")] if case.fee_state in ("none", "settled") else []
    if case.state == "refused":
        return [Move("issue_refusal")]
    return []


def _in_review(case: Case, reviews: Sequence[Review]) -> list[Move]:
    ready = releasable(reviews)
    if ready:
        return [Move("release", review.department) for review in ready]
    if not is_reviewed(case, reviews) or case.hearing == "required":
        return []
    decides_itself = case.acceptance is not None and case.acceptance.decision == "unanimous"
    return [Move("decide" if decides_itself and is_unanimous(reviews) else "decision_due")]


def is_reviewed(case: Case, reviews: Sequence[Review]) -> bool:
    """Whether every department of the plan has given its opinion; a plan without departments never is."""
    plan = case.acceptance.plan if case.acceptance else ()
    given = {review.department for review in reviews if review.is_given}
    return bool(plan) and {step.department for step in plan} <= given


def is_unanimous(reviews: Sequence[Review]) -> bool:
    """Whether all consent; a consent with conditions is one, and its conditions go onto the permit."""
    return all(review.outcome in ("consent", "consent_with_conditions") for review in reviews)


def conditions_of(reviews: Sequence[Review]) -> tuple[str, ...]:
    """All departments' conditions, each once, in the order of the departments' codes."""
    ordered = sorted(reviews, key=lambda review: review.department)
    return tuple(dict.fromkeys(condition for review in ordered for condition in review.conditions))
