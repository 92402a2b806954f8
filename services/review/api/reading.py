"""Read the department's queue, a task, its materials. Another department's task looks like a missing one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from libs import identity
from libs.deadlines import Calendars, legal_day
from libs.http import Person, Reader, router
from libs.refusals import NotFound
from services.review import storage
from services.review.api.views import TaskRow, TaskView, row_view, task_view
from services.review.domain import ACTIVE_STATES, State

reading = router()
States = Annotated[list[State] | None, Query(description="states wanted; left out: everything to be done")]
Words = Annotated[str, Query(max_length=100, description="application number or words of the item's name")]
PageNo = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=100)]


class Queue(BaseModel):
    """One page of the queue."""

    tasks: list[TaskRow]
    page: int
    pages: int
    total: int


def own_department(request: Request, person: identity.Person) -> str:
    """This process's department, if the person works in it; NotFound for anybody else."""
    code: str = request.app.state.settings.department.code
    if person.department != code:
        raise NotFound()
    return code


def business_now(request: Request) -> datetime:
    """The business instant."""
    now: datetime = request.app.state.clock.now()
    return now


async def queue_page(
    reader: AsyncConnection, now: datetime, states: tuple[State, ...], q: str, page: int, limit: int
) -> Queue:
    """A page of tasks by due day."""
    today: date = legal_day(now)
    tasks, total = await storage.read_queue(
        reader, states=states, q=q.strip(), today=today, limit=limit, offset=(page - 1) * limit
    )
    calendars = await storage.read_calendars(reader) if tasks else Calendars()
    rows = [row_view(task, calendars, now) for task in tasks]
    return Queue(tasks=rows, page=page, pages=max(1, -(-total // limit)), total=total)


async def one_task(reader: AsyncConnection, now: datetime, department: str, case_id: str) -> TaskView:
    """A task with everything its page shows; NotFound when there is none."""
    task = await storage.read_task(reader, case_id)
    if task is None:
        raise NotFound()
    item = await storage.read_item(reader, task)
    arrivals = await storage.read_arrivals(reader, case_id)
    return task_view(task, item, department, await storage.read_calendars(reader), arrivals, now)


@reading.get("/tasks")
async def get_tasks(
    request: Request,
    person: Person,
    reader: Reader,
    state: States = None,
    q: Words = "",
    page: PageNo = 1,
    limit: Limit = 20,
) -> Queue:
    """The department's queue by due day."""
    own_department(request, person)
    states = tuple(state) if state else ACTIVE_STATES
    return await queue_page(reader, business_now(request), states, q, page, limit)


@reading.get("/tasks/{case_id}")
async def get_task(case_id: str, request: Request, person: Person, reader: Reader) -> TaskView:
    """One task: conditions, facts, materials, predecessors' opinions, and what may be done now."""
    department = own_department(request, person)
    return await one_task(reader, business_now(request), department, case_id)


@reading.get("/tasks/{case_id}/materials/{sha256}", response_class=Response)
async def get_material(
    case_id: str, sha256: str, request: Request, person: Person, reader: Reader
) -> Response:
    """The bytes of a material of this case, once they have arrived and been verified."""
    own_department(request, person)
    found = await storage.read_file(reader, case_id, sha256)
    if found is None:
        raise NotFound()
    material, content = found
    headers = {
        "Content-Disposition": f'attachment; filename="{sha256[:16]}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(content, media_type=material.media_type, headers=headers)
