"""One task's page: its clock, facts, materials and opinions, and the form for what is to be done now."""

from __future__ import annotations

from typing import Any, cast, get_args

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs import identity
from libs.deadlines import due, legal_day
from libs.http import PageCommand, PagePerson, Reader, WrongFunction, page_router
from libs.pages import Form
from libs.refusals import NotFound, Refusal
from services.review import storage
from services.review.api.reading import business_now, one_task, own_department
from services.review.api.views import TaskView
from services.review.pages.forms import DEFECT_ROWS, Act, FormRefused, deed_of, refused_form
from services.review.pages.kit import NEXT_WORDS, PAGES, status

tasks = page_router()
FUNCTION: dict[Act, str] = {"defects": "examiner", "opinion": "examiner", "decision": "department_head"}


@tasks.get("/desk/{case_id}")
async def task_page(request: Request, case_id: str, person: PagePerson, reader: Reader) -> Response:
    """The task as it stands."""
    department = own_department(request, person)
    task = await one_task(reader, business_now(request), department, case_id)
    return await _show(request, person, reader, task, Form())


@tasks.post("/desk/{case_id}")
async def act_on_task(
    request: Request, case_id: str, person: PagePerson, reader: Reader, command: PageCommand
) -> Response:
    """Do what the form asks; refused, it comes back as it was typed with the errors at their fields."""
    department = own_department(request, person)
    sent = await request.form()
    values = {name: value for name, value in sent.items() if isinstance(value, str)}
    task = await one_task(reader, business_now(request), department, case_id)
    act = cast(Act, values.get("act", ""))
    if act not in get_args(Act):
        raise NotFound()
    if not person.may(FUNCTION[act]):
        raise WrongFunction()
    try:
        await command.answer(deed_of(act, values, task, person), status=201)
    except (Refusal, FormRefused) as reason:
        if isinstance(reason, NotFound):
            raise
        code = reason.status if isinstance(reason, Refusal) else 422
        return await _show(request, person, reader, task, refused_form(act, values, reason), code)
    return RedirectResponse(f"/desk/{case_id}?done={act}", 303)


async def _show(
    request: Request,
    person: identity.Person,
    reader: AsyncConnection,
    task: TaskView,
    form: Form,
    code: int = 200,
) -> Response:
    now = business_now(request)
    may = [act for act in task.may if person.may(FUNCTION[act])]
    return PAGES.render(
        request,
        "task.html",
        person=person,
        status=code,
        section="desk",
        department=request.app.state.settings.department,
        task=task,
        form=form,
        may=may,
        waits_for_function=task.may if task.may and not may else [],
        explained=await _explained(reader, task),
        today=legal_day(now),
        status_of=status,
        next_words=NEXT_WORDS,
        defect_rows=range(1, DEFECT_ROWS + 1),
        done=request.query_params.get("done", ""),
        labels=_labels(task),
    )


async def _explained(reader: AsyncConnection, task: TaskView) -> Any:
    """Why this day: the count of the running clock, day by day; None when none runs."""
    if task.clock is None:
        return None
    calendars = await storage.read_calendars(reader)
    counted = due(calendars, task.clock.starts_on, task.clock.limit_wd)
    return counted if counted.due_on == task.clock.due_on else None


def _labels(task: TaskView) -> dict[str, str]:
    """The numbers of the conditions, to begin their errors with."""
    found: dict[str, str] = {}
    for number, each in enumerate(task.conditions, start=1):
        found[f"{each.code}-answer"] = found[f"{each.code}-evidence"] = str(number)
    return found
