"""What a department's people do: name defects, give the opinion, sign the decision. Each is said at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from libs.deadlines import closing_instant
from libs.envelope import instant
from libs.identity import Person
from libs.refusals import NotFound
from libs.signatures import document_sha256
from libs.work import Place, Work
from services.review.domain import (
    ConditionAnswer,
    Decision,
    Defect,
    GivenOpinion,
    Item,
    ObjectionAnswer,
    Outcome,
    Reason,
    Task,
)
from services.review.messages import DecisionMade, DefectsReported, OpinionGiven
from services.review.storage import CALENDARS, ITEMS, TASKS, calendars_from

DEFECT_ARTICLE = "行政许可法第32条 · Administrative Licensing Law art. 32"  # completeness itself


async def report_defects(
    work: Work, person: Person, case_id: str, found: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    """Name all defects as (target, what, article), once, before the check's last day ends (AL 32(1)(4))."""
    task, item = await _own_task(work, person, case_id)
    work.continue_trace(task.check.traceparent if task.check else task.traceparent)
    own = work.settings.department.code
    defects = [
        Defect(no=no, target=target, what=what, article=article or DEFECT_ARTICLE, found_by=own)
        for no, (target, what, article) in enumerate(found, start=1)
    ]
    closes_at = work.now
    if task.check is not None:
        due_on = task.check.clock.due_on
        years = [(str(year),) for year in range(due_on.year - 1, due_on.year + 2)]
        closes_at = closing_instant(due_on, calendars_from(await work.load(CALENDARS, years)))
    task = task.report_defects(item, own, defects, by=person.sub, now=work.now, closes_at=closes_at)
    work.put(TASKS, task)
    said = DefectsReported(**_of_case(task, own), defects=tuple(defects), reported_at=work.now)
    work.say("review.defects_reported.v1", case_id, said)
    return {"case_id": case_id, "state": task.state, "defects": len(defects)}


async def give_opinion(
    work: Work, person: Person, case_id: str, outcome: Outcome,
    answers: Sequence[ConditionAnswer], conditions: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Give and sign the department's opinion."""
    task, item = await _own_task(work, person, case_id)
    work.continue_trace(task.traceparent)
    own = work.settings.department.code
    task = task.give_opinion(item, own, outcome, answers, conditions, by=person.sub, now=work.now)
    assert task.opinion is not None
    document = work.signer.sign("opinion", _opinion_text(work, task, task.opinion))
    opinion = task.opinion.model_copy(update={"document": document})
    task = task.model_copy(update={"opinion": opinion})
    work.put(TASKS, task)
    said = OpinionGiven(
        **_of_case(task, own),
        outcome=outcome,
        reasons=opinion.reasons,
        conditions=opinion.conditions,
        given_at=opinion.given_at,
        opinion=document,
    )
    work.say("review.opinion_given.v1", case_id, said)
    return {"case_id": case_id, "state": task.state, "document_sha256": document_sha256(document)}


async def make_decision(
    work: Work, person: Person, case_id: str, decision: Literal["granted", "refused"],
    reasons: Sequence[Reason], conditions: Sequence[str], answers: Sequence[ObjectionAnswer],
) -> dict[str, Any]:  # fmt: skip
    """Take and sign the lead department's decision."""
    task, item = await _own_task(work, person, case_id)
    work.continue_trace(task.traceparent)
    own = work.settings.department.code
    task = task.decide(item, own, decision, reasons, conditions, answers, by=person.sub, now=work.now)
    assert task.decision is not None
    document = work.signer.sign("decision", _decision_text(work, task, item, task.decision))
    taken = task.decision.model_copy(update={"document": document})
    task = task.model_copy(update={"decision": taken})
    work.put(TASKS, task)
    said = DecisionMade(
        **_of_case(task, own),
        decision=decision,
        reasons=taken.reasons,
        conditions=taken.conditions,
        answers=taken.answers,
        decided_at=taken.decided_at,
        decision_document=document,
    )
    work.say("review.decision_made.v1", case_id, said)
    return {"case_id": case_id, "state": task.state, "document_sha256": document_sha256(document)}


def the_task(case_id: str) -> list[Place]:
    """What every act here will want, to be loaded with its neighbours'."""
    return [(TASKS, (case_id,))]


async def _own_task(work: Work, person: Person, case_id: str) -> tuple[Task, Item]:
    """The task, for a person of this department; to anybody else it looks missing."""
    if person.department != work.settings.department.code:
        raise NotFound()
    task = await work.need(TASKS, case_id)
    return task, await work.need(ITEMS, task.item_code, str(task.item_version))


def _of_case(task: Task, department: str) -> dict[str, Any]:
    return {
        "application_no": task.application_no,
        "item_code": task.item_code,
        "item_version": task.item_version,
        "department": department,
    }


def _heading(work: Work, task: Task) -> dict[str, Any]:
    """What every document of this department begins with."""
    department = work.settings.department
    return {
        **_of_case(task, department.code),
        "case_id": task.case_id,
        "agency": department.agency.model_dump(),
    }


def _opinion_text(work: Work, task: Task, opinion: GivenOpinion) -> dict[str, Any]:
    return {
        **_heading(work, task),
        **opinion.model_dump(mode="json", exclude={"document", "given_at"}),
        "given_at": instant(opinion.given_at),
        "materials": [{"code": each.code, "sha256": each.sha256} for each in task.materials],
    }


def _decision_text(work: Work, task: Task, item: Item, decision: Decision) -> dict[str, Any]:
    return {
        **_heading(work, task),
        **decision.model_dump(mode="json", exclude={"document", "decided_at"}),
        "decided_at": instant(decision.decided_at),
        "basis": [dict(each) for each in item.basis],
        "opinions": [
            {"department": each.department, "outcome": each.outcome, "document_sha256": each.document_sha256}
            for each in task.opinions
        ],
    }
