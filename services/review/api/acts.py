"""What a department's people do through the API: name defects, give the opinion, sign the decision."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Response
from pydantic import Field

from libs.http import Body, Command, Person, router
from services.review.domain import Answer, ConditionAnswer, ObjectionAnswer, Outcome, Reason
from services.review.handlers import acts as handlers

acts = router()
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Evidence = Annotated[str, Field(max_length=4000)]
Code = Annotated[str, Field(min_length=1, max_length=100)]
MOST = 100  # entries in any list of a body


class DefectBody(Body):
    """One defect: the material or field, what is wrong, the article that asks for it."""

    target: Code
    what: Text
    article: Annotated[str, Field(max_length=400)] = ""


class DefectsBody(Body):
    """All defects at once; an empty list says there are none."""

    defects: Annotated[list[DefectBody], Field(max_length=MOST)]


class AnswerBody(Body):
    """The answer to one condition. ``evidence`` is needed unless the condition is met."""

    condition: Code
    answer: Answer
    evidence: Evidence = ""


class OpinionBody(Body):
    """One answer per condition of the task; ``conditions`` only for a consent with conditions."""

    outcome: Outcome
    answers: Annotated[list[AnswerBody], Field(max_length=MOST)]
    conditions: Annotated[list[Text], Field(max_length=MOST, default_factory=list)]


class ReasonBody(Body):
    """A reason. ``article`` left empty is the article of the condition it cites."""

    condition: Code | None = None
    text: Text
    article: Annotated[str, Field(max_length=400)] = ""


class ObjectionAnswerBody(Body):
    """The lead's answer to a department's objection."""

    department: Code
    answer: Text


class DecisionBody(Body):
    """A refusal needs a reason citing a condition; granting needs an answer to every objection."""

    decision: Literal["granted", "refused"]
    reasons: Annotated[list[ReasonBody], Field(max_length=MOST, default_factory=list)]
    conditions: Annotated[list[Text], Field(max_length=MOST, default_factory=list)]
    answers: Annotated[list[ObjectionAnswerBody], Field(max_length=MOST, default_factory=list)]


@acts.post("/tasks/{case_id}/defects", status_code=201)
async def post_defects(case_id: str, body: DefectsBody, person: Person, command: Command) -> Response:
    """Name all defects of the completeness check, once."""
    found = [(each.target, each.what, each.article) for each in body.defects]
    return await command.run(
        lambda work: handlers.report_defects(work, person, case_id, found),
        status=201,
        loads=handlers.the_task(case_id),
    )


@acts.post("/tasks/{case_id}/opinion", status_code=201)
async def post_opinion(case_id: str, body: OpinionBody, person: Person, command: Command) -> Response:
    """Give and sign the department's opinion."""
    answers = [ConditionAnswer.model_validate(each.model_dump()) for each in body.answers]
    return await command.run(
        lambda work: handlers.give_opinion(work, person, case_id, body.outcome, answers, body.conditions),
        status=201,
        loads=handlers.the_task(case_id),
    )


@acts.post("/tasks/{case_id}/decision", status_code=201)
async def post_decision(case_id: str, body: DecisionBody, person: Person, command: Command) -> Response:
    """Take and sign the lead department's decision."""
    reasons = [Reason.model_validate(each.model_dump()) for each in body.reasons]
    answers = [ObjectionAnswer.model_validate(each.model_dump()) for each in body.answers]
    return await command.run(
        lambda work: handlers.make_decision(
            work, person, case_id, body.decision, reasons, body.conditions, answers
        ),
        status=201,
        loads=handlers.the_task(case_id),
    )
