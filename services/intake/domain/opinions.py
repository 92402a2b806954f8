"""Taking in what departments say: only the planned one, only its own signed word, only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.intake.domain.records import Case, Decision, Reason
from services.intake.domain.refusals import (
    AlreadyDecided,
    CaseClosed,
    NotPlanned,
    NotTheLead,
    NotTheSpeaker,
    NotYet,
    ObjectionUnanswered,
    OpinionAlreadyGiven,
    ReasonsMissing,
    ReviewNotReleased,
)
from services.intake.domain.reviews import Outcome, Review


def check_says(
    case: Case,
    department: str,
    content: Mapping[str, Any],
    *,
    reasons: Iterable[Reason] = (),
    conditions: Iterable[str] = (),
    **result: str,
) -> None:
    """The signed text must name this case and say what the event says; NotTheSpeaker otherwise.

    A text that does not name its case could be taken from another one, so naming it is not optional; nor is
    the result itself.
    """
    named = content.get("case_id")
    if named != case.case_id and (named is not None or content.get("application_no") != case.application_no):
        raise NotTheSpeaker("the signed text is about another case")
    if content.get("department", department) != department:
        raise NotTheSpeaker("the signed text is another department's")
    for name, value in result.items():
        if content.get(name) != value:
            raise NotTheSpeaker(f"{name}: signed {content.get(name)!r}, said {value!r}")
    if "conditions" in content and content["conditions"] != list(conditions):
        raise NotTheSpeaker("the conditions are not the signed ones")
    if "reasons" in content and _plain(content["reasons"]) != [
        _triple(each.model_dump()) for each in reasons
    ]:
        raise NotTheSpeaker("the reasons are not the signed ones")


def _triple(reason: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return reason.get("condition"), reason.get("text"), reason.get("article")


def _plain(signed: Any) -> list[tuple[Any, Any, Any]]:
    return [_triple(each) for each in signed if isinstance(each, Mapping)] if isinstance(signed, list) else []


def check_may_take(case: Case, review: Review | None, department: str, document_sha256: str) -> bool:
    """Whether this opinion is new; False for one that is stored already, a refusal when it may not be
    taken."""
    if review is None or case.step(department) is None:
        raise NotPlanned(department)
    if review.is_given:
        if review.document_sha256 == document_sha256:
            return False
        raise OpinionAlreadyGiven(department)
    if case.state != "accepted":
        raise CaseClosed(case.state) if not case.is_open else AlreadyDecided(case.state)
    if not review.is_released:
        raise ReviewNotReleased(department)
    return True


def take_opinion(
    review: Review,
    *,
    outcome: Outcome,
    reasons: tuple[Reason, ...],
    conditions: tuple[str, ...],
    given_at: datetime,
    document_sha256: str,
    traceparent: str | None,
) -> Review:
    """The review with its opinion; an objection without reasons is none (AL 38)."""
    if outcome == "object" and not reasons:
        raise ReasonsMissing(review.department)
    return review.model_copy(
        update={
            "outcome": outcome,
            "reasons": reasons,
            "conditions": conditions,
            "given_at": given_at,
            "document_sha256": document_sha256,
            "traceparent": traceparent,
        }
    )


def check_may_decide(case: Case, department: str, document_sha256: str) -> bool:
    """Whether the lead's decision is new; False for the one stored already, a refusal when it may not be
    taken."""
    if case.acceptance is None or department != case.acceptance.lead:
        raise NotTheLead(department)
    if case.decision is not None:
        if case.decision.document_sha256 == document_sha256:
            return False
        raise AlreadyDecided()
    if not case.is_open:
        raise CaseClosed(case.state)
    if case.state != "decision_due":
        raise NotYet("no decision is due")
    return True


def decide(case: Case, decision: Decision, answered: Iterable[str], reviews: Iterable[Review]) -> Case:
    """The case granted or refused; a refusal needs reasons, a grant an answer to every objection (AL 36,
    38)."""
    if decision.decision == "refused":
        if not decision.reasons:
            raise ReasonsMissing()
        return case.model_copy(update={"state": "refused", "decision": decision})
    unanswered = {review.department for review in reviews if review.outcome == "object"} - set(answered)
    if unanswered:
        raise ObjectionUnanswered(", ".join(sorted(unanswered)))
    return case.model_copy(update={"state": "granted", "decision": decision})
