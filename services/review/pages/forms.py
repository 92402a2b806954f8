"""Reads the three forms of a task into deeds, and puts what was refused back at its fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, cast, get_args

from libs.identity import Person
from libs.pages import FieldError, Form, mark
from libs.refusals import Refusal
from libs.work import Work
from services.review.api.views import TaskView
from services.review.domain import Answer, ConditionAnswer, ObjectionAnswer, Outcome, Reason
from services.review.handlers import acts

Deed = Callable[[Work], Awaitable[Any]]
Act = Literal["defects", "opinion", "decision"]
DEFECT_ROWS = 5
LONGEST = 4000  # characters in any field, as in the API
REASON_ARTICLE = "行政许可法第38条 · Administrative Licensing Law art. 38"

NEED_ANSWER = mark("请选择符合、不符合或者不适用")
NEED_EVIDENCE = mark("写明证据，例如“方案第 3 页，净宽 1.2 米”")
NEED_OUTCOME = mark("请选择意见")
NEED_CONDITIONS = mark("写明附带的条件，一行一条")
NEED_DECISION = mark("请选择准予或者不予")
NEED_REASON = mark("写明理由，并选出所依据的条件")
NEED_REPLY = mark("回答这个部门的不同意见，申请人会读到")
NEED_DEFECT = mark("选出材料或者填写项，并写明缺什么")
CONTRADICTS = mark("意见和各项条件的结论对不上：有不符合就不能同意；只有“有条件同意”可以附带条件")
TOO_LONG = mark("最多 4000 个字")


class FormRefused(Exception):
    """The form cannot become a deed; ``errors`` stand at their fields."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


def lines(text: str) -> list[str]:
    """The lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def deed_of(act: Act, values: Mapping[str, str], task: TaskView, person: Person) -> Deed:
    """The deed the form asks for; FormRefused when something cannot even be read."""
    long = [name for name, value in values.items() if len(value) > LONGEST]
    if long:
        raise FormRefused([FieldError(name, TOO_LONG) for name in long])
    read = {"defects": _defects, "opinion": _opinion, "decision": _decision}[act]
    return read(values, task, person)


def _defects(values: Mapping[str, str], task: TaskView, person: Person) -> Deed:
    found: list[tuple[str, str, str]] = []
    errors: list[FieldError] = []
    for row in range(1, DEFECT_ROWS + 1):
        target, what = values.get(f"target-{row}", ""), values.get(f"what-{row}", "").strip()
        if target and what:
            found.append((target, what, ""))
        elif target or what:
            errors.append(FieldError(f"what-{row}" if target else f"target-{row}", NEED_DEFECT))
    none = values.get("none") == "1"
    if not errors and bool(found) == none:
        errors.append(FieldError("target-1", NEED_DEFECT))
    if errors:
        raise FormRefused(errors)
    return lambda work: acts.report_defects(work, person, task.case_id, found)


def _opinion(values: Mapping[str, str], task: TaskView, person: Person) -> Deed:
    outcome = values.get("outcome", "")
    answers = [
        ConditionAnswer(
            condition=each.code,
            answer=cast(Answer, values[f"{each.code}-answer"]),
            evidence=values.get(f"{each.code}-evidence", "").strip(),
        )
        for each in task.conditions
        if values.get(f"{each.code}-answer") in get_args(Answer)
    ]
    errors = [
        FieldError(f"{each.code}-answer", NEED_ANSWER)
        for each in task.conditions
        if values.get(f"{each.code}-answer") not in get_args(Answer)
    ]
    if outcome not in get_args(Outcome):
        errors.append(FieldError("outcome", NEED_OUTCOME))
    if errors:
        raise FormRefused(errors)
    conditions = lines(values.get("conditions", ""))
    return lambda work: acts.give_opinion(
        work, person, task.case_id, cast(Outcome, outcome), answers, conditions
    )


def _decision(values: Mapping[str, str], task: TaskView, person: Person) -> Deed:
    decision = values.get("decision", "")
    if decision not in ("granted", "refused"):
        raise FormRefused([FieldError("decision", NEED_DECISION)])
    text, cited = values.get("reason-text", "").strip(), values.get("reason-condition") or None
    if cited and not text:
        raise FormRefused([FieldError("reason-text", NEED_REASON)])
    reasons = [Reason(condition=cited, text=text, article="" if cited else REASON_ARTICLE)] if text else []
    conditions = lines(values.get("conditions", "")) if decision == "granted" else []
    answers = [
        ObjectionAnswer(department=each.department, answer=values.get(f"reply-{each.department}", "").strip())
        for each in task.opinions
        if each.outcome == "object" and decision == "granted"
    ]
    return lambda work: acts.make_decision(
        work, person, task.case_id, cast(Any, decision), reasons, conditions, answers
    )


def refused_form(act: Act, values: Mapping[str, str], reason: Refusal | FormRefused) -> Form:
    """The form with everything typed still there, and each error at its field."""
    if isinstance(reason, FormRefused):
        return Form(dict(values), tuple(reason.errors))
    at = [str(each) for each in reason.extra.get("at", ())]
    errors: list[FieldError] = []
    match act, reason.code:
        case "opinion", "reasons_missing":
            errors = [FieldError(f"{code}-evidence", NEED_EVIDENCE) for code in at]
        case "opinion", "outcome_contradicts":
            errors = [FieldError("outcome", CONTRADICTS)]
        case _, "conditions_missing":
            errors = [FieldError("conditions", NEED_CONDITIONS)]
        case "decision", "reasons_missing" | "unknown_condition":
            errors = [FieldError("reason-text", NEED_REASON)]
        case "decision", "objections_unanswered":
            errors = [FieldError(f"reply-{department}", NEED_REPLY) for department in at]
    return Form(dict(values), tuple(errors), None if errors else reason.problem())
