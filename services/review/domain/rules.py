"""What an opinion, a decision or a list of defects must hold before it may be signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.review.domain import refusals
from services.review.domain.item import Item


def article(item: Item, code: str) -> str:
    """The article a published condition rests on; UnknownCondition when none is published."""
    condition = item.condition(code)
    if condition is None:
        raise refusals.UnknownCondition(code)
    return condition.basis


def check_targets(item: Item, department: str, targets: Sequence[str]) -> None:
    """Every defect concerns what this department checks."""
    foreign = sorted(set(targets) - set(item.check_targets(department)))
    if foreign:
        raise refusals.UnknownTarget(", ".join(foreign), at=foreign)


def check_opinion(
    wanted: Sequence[str], outcome: str, answers: Sequence[tuple[str, str, str]], conditions: Sequence[str]
) -> None:
    """Each wanted condition is answered once; whatever is not met says why; the outcome follows."""
    counts = Counter(code for code, _, _ in answers)
    unknown = sorted(set(counts) - set(wanted))
    if unknown:
        raise refusals.UnknownCondition(", ".join(unknown), at=unknown)
    unanswered = [code for code in wanted if counts[code] != 1]
    if unanswered:
        raise refusals.ConditionsUnanswered(", ".join(unanswered), at=unanswered)
    silent = [code for code, answer, evidence in answers if answer != "met" and not evidence.strip()]
    if silent:
        raise refusals.ReasonsMissing(", ".join(silent), at=silent)
    failed = [code for code, answer, _ in answers if answer == "not_met"]
    if outcome == "object" and not failed:
        raise refusals.ReasonsMissing("an objection cites a condition that is not met", at=list(wanted))
    if outcome != "object" and failed:
        raise refusals.OutcomeContradicts(", ".join(failed), at=failed)
    _check_conditions(conditions, needed=outcome == "consent_with_conditions")


def check_decision(
    item: Item,
    decision: str,
    reasons: Sequence[tuple[str | None, str]],
    conditions: Sequence[str],
    objections: Sequence[str],
    answers: Sequence[tuple[str, str]],
) -> None:
    """A refusal cites a published condition (AL 38); granting over objections answers each of them."""
    unknown = sorted({code for code, _ in reasons if code is not None and item.condition(code) is None})
    if unknown:
        raise refusals.UnknownCondition(", ".join(unknown), at=unknown)
    if any(not text.strip() for _, text in reasons):
        raise refusals.ReasonsMissing()
    foreign = sorted({department for department, _ in answers} - set(objections))
    if foreign:
        raise refusals.UnknownDepartment(", ".join(foreign), at=foreign)
    if decision == "refused":
        if not any(code for code, _ in reasons):
            raise refusals.ReasonsMissing()
        if conditions:
            raise refusals.OutcomeContradicts("a refusal carries no conditions")
        return
    answered = {department for department, text in answers if text.strip()}
    open_ones = [department for department in objections if department not in answered]
    if open_ones:
        raise refusals.NotAllObjectionsAnswered(", ".join(open_ones), at=open_ones)
    if any(not text.strip() for text in conditions):
        raise refusals.ConditionsMissing()


def _check_conditions(conditions: Sequence[str], *, needed: bool) -> None:
    named = [text for text in conditions if text.strip()]
    if (needed and not named) or len(named) != len(conditions):
        raise refusals.ConditionsMissing()
    if conditions and not needed:
        raise refusals.OutcomeContradicts("only a consent with conditions carries conditions")
