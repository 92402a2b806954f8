"""What a person of the department sees of a task: its clock today, its facts with labels, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from libs.deadlines import Calendars, closing_instant, legal_day, used_wd, yellow_on
from libs.pages import formats
from services.review.domain import (
    Answer,
    Clock,
    Decision,
    Defect,
    GivenOpinion,
    Item,
    LocalText,
    OpinionSummary,
    State,
    Task,
)
from services.review.storage import ArrivedMaterial

Risk = Literal["over", "risk", "run", "wait", "done"]


class ClockView(BaseModel):
    """A clock on a given day. ``used_wd`` counts the day itself; ``left_wd`` is negative when overdue."""

    kind: str
    starts_on: date
    due_on: date
    limit_wd: int
    used_wd: int
    left_wd: int
    yellow_on: date
    closes_at: datetime
    provisional: bool


class TaskRow(BaseModel):
    """One line of the queue."""

    case_id: str
    application_no: str
    item_code: str
    item_name: LocalText
    state: State
    role: Literal["lead", "review"] | None
    risk: Risk
    waits_for: list[str]
    clock: ClockView | None


class FactView(BaseModel):
    """A fact of the application. ``own``: it serves this department's conditions or materials."""

    code: str
    label: LocalText
    value: Any
    shown: LocalText
    own: bool


class MaterialView(BaseModel):
    """A material. ``own``: this department checks it. ``problem`` says why it has not arrived."""

    code: str
    label: LocalText
    name: str
    sha256: str
    size: int
    media_type: str
    own: bool
    arrived: bool
    attempts: int
    problem: str


class ConditionView(BaseModel):
    """One of the department's conditions and, once the opinion is given, its answer."""

    code: str
    text: LocalText
    basis: str
    answer: Answer | None = None
    evidence: str = ""


class TargetView(BaseModel):
    """Something the department may find defective."""

    code: str
    label: LocalText


class TaskView(TaskRow):
    """Everything a person of the department sees of a task."""

    item_version: int
    facts: list[FactView]
    materials: list[MaterialView]
    conditions: list[ConditionView]
    published_conditions: list[ConditionView]
    targets: list[TargetView]
    opinions: list[OpinionSummary]
    defects: list[Defect] | None
    opinion: GivenOpinion | None
    decision: Decision | None
    may: list[Literal["defects", "opinion", "decision"]]


def clock_view(clock: Clock, calendars: Calendars, now: datetime) -> ClockView:
    """A clock as it stands at ``now``."""
    used = used_wd(calendars, clock.starts_on, max(legal_day(now), clock.starts_on))
    return ClockView(
        kind=clock.kind,
        starts_on=clock.starts_on,
        due_on=clock.due_on,
        limit_wd=clock.limit_wd,
        used_wd=used,
        left_wd=clock.limit_wd - used,
        yellow_on=yellow_on(calendars, clock.starts_on, clock.limit_wd),
        closes_at=closing_instant(clock.due_on, calendars),
        provisional=clock.provisional,
    )


def risk_of(task: Task, clock: ClockView | None, now: datetime) -> Risk:
    """How pressing the task is: past its last day's close, nine tenths used, running, waiting, or done."""
    if task.state == "pre_review":
        return "wait"
    if clock is None:
        return "done"
    if now > clock.closes_at:
        return "over" if clock.kind != "check" else "done"
    return "risk" if legal_day(now) >= clock.yellow_on else "run"


def row_view(task: Task, calendars: Calendars, now: datetime) -> TaskRow:
    """A task as a line of the queue."""
    clock = clock_view(task.clock, calendars, now) if task.clock else None
    waits_for = task.request.after if task.state == "pre_review" and task.request else ()
    return TaskRow(
        case_id=task.case_id,
        application_no=task.application_no,
        item_code=task.item_code,
        item_name=task.item_name,
        state=task.state,
        role=task.request.role if task.request else None,
        risk=risk_of(task, clock, now),
        waits_for=list(waits_for),
        clock=clock,
    )


def task_view(
    task: Task,
    item: Item,
    department: str,
    calendars: Calendars,
    arrivals: Mapping[str, ArrivedMaterial],
    now: datetime,
) -> TaskView:
    """A task as its page shows it."""
    row = row_view(task, calendars, now)
    targets = item.check_targets(department)
    return TaskView(
        **row.model_dump(),
        item_version=task.item_version,
        facts=_facts(task, item, department),
        materials=_materials(task, item, department, arrivals),
        conditions=_conditions(task, item),
        published_conditions=[
            ConditionView(code=each.code, text=each.text, basis=each.basis) for each in item.conditions
        ],
        targets=[TargetView(code=code, label=label) for code, label in targets.items()],
        opinions=list(task.opinions),
        defects=list(task.report.defects) if task.report else None,
        opinion=task.opinion,
        decision=task.decision,
        may=_may(task, row),
    )


def _may(task: Task, row: TaskRow) -> list[Literal["defects", "opinion", "decision"]]:
    if task.state == "checking":
        return ["defects"] if row.risk != "done" else []
    if task.state == "open":
        return ["opinion"]
    return ["decision"] if task.state == "decision_due" else []


def _facts(task: Task, item: Item, department: str) -> list[FactView]:
    own = {field.code for field in item.fields_of(department)}
    fields = {field.code: field for field in item.fields}
    seen = []
    for code, value in task.facts.items():
        field = fields.get(code)
        label = field.label if field else LocalText(zh=code, en=code)
        choices = {choice.code: choice.label for choice in (field.choices or ())} if field else {}
        if isinstance(value, bool):
            shown = LocalText(zh="是" if value else "否", en="yes" if value else "no")
        elif field is not None and field.type == "date":
            shown = LocalText(zh=formats.day("zh", str(value)), en=formats.day("en", str(value)))
        else:
            shown = choices.get(str(value), LocalText(zh=str(value), en=str(value)))
        seen.append(FactView(code=code, label=label, value=value, shown=shown, own=code in own))
    return sorted(seen, key=lambda fact: not fact.own)


def _materials(
    task: Task, item: Item, department: str, arrivals: Mapping[str, ArrivedMaterial]
) -> list[MaterialView]:
    rules = {rule.code: rule for rule in item.materials}
    seen = []
    for material in task.materials:
        rule = rules.get(material.code)
        arrival = arrivals.get(material.sha256)
        view = MaterialView(
            **material.model_dump(),
            label=rule.name if rule else LocalText(zh=material.code, en=material.code),
            own=rule is not None and rule.checked_by == department,
            arrived=arrival.arrived if arrival else False,
            attempts=arrival.attempts if arrival else 0,
            problem=arrival.last_error if arrival and not arrival.arrived else "",
        )
        seen.append(view)
    return sorted(seen, key=lambda view: not view.own)


def _conditions(task: Task, item: Item) -> list[ConditionView]:
    given = {each.condition: each for each in task.opinion.answers} if task.opinion else {}
    wanted = task.request.conditions if task.request else ()
    found = []
    for code in wanted:
        published = item.condition(code)
        if published is None:
            continue
        view = ConditionView(code=code, text=published.text, basis=published.basis)
        if code in given:
            view = view.model_copy(update={"answer": given[code].answer, "evidence": given[code].evidence})
        found.append(view)
    return found
