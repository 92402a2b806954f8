"""The facts a task is made of: what was heard from intake, and what the department did."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from libs.signatures import SignedDocument

State = Literal[
    "checking", "checked", "pre_review", "open", "opinion_given", "decision_due", "decided", "closed"
]
Outcome = Literal["consent", "consent_with_conditions", "object"]
Answer = Literal["met", "not_met", "not_applicable"]
ACTIVE_STATES: tuple[State, ...] = ("checking", "pre_review", "open", "decision_due")


class Fact(BaseModel):
    """Something heard or done; it never changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Clock(Fact):
    """A running limit, as its owner computed it."""

    kind: str
    starts_on: date  # the day not counted
    limit_wd: int
    due_on: date
    provisional: bool = False
    calendar: tuple[str, ...] = ()


class Material(Fact):
    """A material of the application: the item's code for it, and which bytes it is."""

    code: str
    sha256: str
    size: int
    media_type: str
    name: str


class Reason(Fact):
    """Why: the published condition, the words, the article."""

    condition: str | None = None
    text: str
    article: str


class Defect(Fact):
    """Something incomplete, found in the completeness check."""

    no: int
    target: str
    what: str
    article: str
    found_by: str


class OpinionSummary(Fact):
    """Another department's opinion, as far as it is told to this one."""

    department: str
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    conditions: tuple[str, ...] = ()
    document_sha256: str
    given_at: datetime


class ConditionAnswer(Fact):
    """The department's answer to one of its conditions, with its evidence."""

    condition: str
    answer: Answer
    evidence: str = ""


class Check(Fact):
    """Intake asked for a completeness check."""

    facts: dict[str, Any]
    materials: tuple[Material, ...]
    clock: Clock
    traceparent: str | None = None


class DefectReport(Fact):
    """The department named all defects it found; none is an answer too."""

    defects: tuple[Defect, ...]
    reported_at: datetime
    reported_by: str


class ReviewRequest(Fact):
    """Intake asked for an opinion."""

    role: Literal["lead", "review"]
    facts: dict[str, Any]
    materials: tuple[Material, ...]
    after: tuple[str, ...]
    released: bool
    clock: Clock | None
    conditions: tuple[str, ...]
    traceparent: str | None = None


class Release(Fact):
    """The departments before have given their opinions; the clock runs."""

    opinions: tuple[OpinionSummary, ...]
    clock: Clock


class GivenOpinion(Fact):
    """The department's opinion. ``document`` is what was signed."""

    outcome: Outcome
    answers: tuple[ConditionAnswer, ...]
    reasons: tuple[Reason, ...]
    conditions: tuple[str, ...]
    given_at: datetime
    given_by: str
    document: SignedDocument | None = None


class DecisionCall(Fact):
    """Intake called for the lead's decision: every opinion is in."""

    facts: dict[str, Any]
    opinions: tuple[OpinionSummary, ...]
    clock: Clock
    traceparent: str | None = None

    @property
    def objections(self) -> tuple[OpinionSummary, ...]:
        """The opinions that object."""
        return tuple(each for each in self.opinions if each.outcome == "object")


class ObjectionAnswer(Fact):
    """What the lead answers to an objection it does not follow."""

    department: str
    answer: str


class Decision(Fact):
    """The lead's decision. ``document`` is what was signed."""

    decision: Literal["granted", "refused"]
    reasons: tuple[Reason, ...]
    conditions: tuple[str, ...]
    answers: tuple[ObjectionAnswer, ...]
    decided_at: datetime
    decided_by: str
    document: SignedDocument | None = None


class Closing(Fact):
    """Intake closed the case for this department."""

    reason: str
    closed_at: datetime
