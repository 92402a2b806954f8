"""Which departments have a say in this case, and whose opinion waits for whose."""

from __future__ import annotations

from collections.abc import Iterable

from services.intake.domain.items import Facts, Item
from services.intake.domain.items import Step as PublishedStep
from services.intake.domain.records import Step
from services.intake.domain.reviews import Review


def planned(item: Item, facts: Facts) -> list[PublishedStep]:
    """The published steps whose condition holds for these facts."""
    return [step for step in item.plan if step.holds_for(facts)]


def frozen_plan(item: Item, facts: Facts) -> tuple[Step, ...]:
    """The case's own plan: a predecessor that has no part in this case is waited for by nobody."""
    steps = planned(item, facts)
    departments = {step.department for step in steps}
    return tuple(
        Step(
            department=step.department,
            role=step.role,
            limit_wd=step.limit_wd,
            after=tuple(each for each in step.after if each in departments),
            conditions=step.conditions,
        )
        for step in steps
    )


def releasable(reviews: Iterable[Review]) -> list[Review]:
    """Reviews not yet released whose predecessors have all given their opinion, in the plan's order."""
    listed = list(reviews)
    given = {review.department for review in listed if review.is_given}
    return [review for review in listed if not review.is_released and set(review.after) <= given]
