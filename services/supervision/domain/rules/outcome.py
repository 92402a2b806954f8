"""Opinions before the decision, a decision by whoever may make it, then the paper (AL 26, 37-39)."""

from __future__ import annotations

from collections.abc import Iterator

from services.supervision.domain.case_file import Happening
from services.supervision.domain.rules.view import (
    LEAD_DECISION,
    OWN_DECISION,
    PERMIT,
    REFUSAL,
    Fault,
    View,
    Wait,
)

TOGETHER = "AL 26(2)"


def opinions_come_first(view: View) -> Iterator[Fault | Wait]:
    """AL 26(2): no decision and no permit before every planned department has had its say."""
    for outcome in (*view.decisions, *view.case.all(PERMIT)):
        if view.accepted is None:
            yield view.absent("AL 32(2)", "accepted before it is decided", outcome)
            continue
        for department in view.plan:
            expected = f"the opinion of {department} before it"
            opinion = next(view.opinions_by(department), None)
            if opinion is None:
                yield view.absent(TOGETHER, expected, outcome)
            elif opinion.at > outcome.at:
                yield Fault(TOGETHER, expected, f"given at {opinion.at}, after it", outcome)


def decided_by_the_right_one(view: View) -> Iterator[Fault | Wait]:
    """The lead signs; consent decides by itself only where published; an objection must be answered."""
    for decision in view.case.all(LEAD_DECISION):
        if decision.department != view.item.lead:
            yield Fault("AL 4", f"decided by {view.item.lead}", f"by {decision.department}", decision)
        if decision.data["decision"] == "granted":
            yield from _answered(view, decision)
    for decision in view.case.all(OWN_DECISION):
        if view.item.decision != "unanimous":
            yield Fault("AL 37", "decided by the lead department", "decided by consent", decision)
        for department in _objecting(view, decision):
            yield Fault(TOGETHER, "unanimous consent", f"{department} objects", decision)


def _answered(view: View, decision: Happening) -> Iterator[Fault | Wait]:
    answered = {each["department"] for each in decision.data.get("answers", ()) if each.get("answer")}
    for department in _objecting(view, decision):
        if department not in answered:
            yield Fault(TOGETHER, f"the objection of {department} answered", "no answer", decision)


def _objecting(view: View, decision: Happening) -> list[str]:
    given = [(each, next(view.opinions_by(each), None)) for each in view.plan]
    return [
        department for department, opinion in given
        if opinion is not None and opinion.at <= decision.at and opinion.data["outcome"] == "object"
    ]  # fmt: skip


def permit_follows_grant(view: View) -> Iterator[Fault | Wait]:
    """AL 37, 39: a permit carries out a decision to grant that was made before it."""
    for permit in view.case.all(PERMIT):
        granted = [each for each in view.decisions if each.data["decision"] == "granted"]
        if not granted:
            yield view.absent("AL 37", "a decision to grant before the permit", permit)
        elif granted[0].at > permit.at:
            yield Fault("AL 37", "a decision to grant before the permit", f"made at {granted[0].at}", permit)
        for refused in (each for each in view.decisions if each.data["decision"] == "refused"):
            yield Fault("AL 37", "no permit after a refusal", f"refused at {refused.at}", permit)


def refusal_tells_why(view: View) -> Iterator[Fault | Wait]:
    """AL 38: a refusal has reasons and names the remedies."""
    for refusal in view.case.all(REFUSAL):
        if not refusal.data.get("reasons"):
            yield Fault("AL 38", "reasons", "none", refusal)
        if not refusal.data.get("remedies"):
            yield Fault("AL 38", "remedies", "none", refusal)
        if not any(each.data["decision"] == "refused" for each in view.decisions):
            yield view.absent("AL 37", "a decision to refuse before the refusal", refusal)
