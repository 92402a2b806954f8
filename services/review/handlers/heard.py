"""What a department does on what it hears: keeps publications, and adds facts to its task of a case."""

from __future__ import annotations

from libs.envelope import Event
from libs.refusals import Park
from libs.work import Work
from services.review.domain import (
    Check,
    Closing,
    DecisionCall,
    Item,
    Material,
    Release,
    ReviewRequest,
    Task,
)
from services.review.domain.refusals import NotCompetent
from services.review.messages import (
    CalendarPublished,
    CompletenessCheckRequested,
    DecisionDue,
    ReviewClosed,
    ReviewReleased,
    ReviewRequested,
    ServiceItemPublished,
)
from services.review.storage import CALENDARS, ITEMS, MATERIALS, TASKS, WantedMaterial

CaseMessage = CompletenessCheckRequested | ReviewRequested | ReviewReleased | DecisionDue | ReviewClosed


async def keep_calendar(work: Work, data: CalendarPublished) -> None:
    """Keep the newest version of a year's calendar."""
    known = await work.get(CALENDARS, str(data.year))
    if known is None or known.version < data.version:
        work.put(CALENDARS, data)


async def keep_item(work: Work, data: ServiceItemPublished) -> None:
    """Keep a published item version; it never changes afterwards."""
    if await work.get(ITEMS, data.item_code, str(data.version)) is None:
        work.put(ITEMS, Item.model_validate(data.model_dump()))


async def open_check(work: Work, event: Event, data: CompletenessCheckRequested) -> None:
    """Intake wants to know what is incomplete."""
    task, _ = await _task(work, event, data)
    check = Check(facts=data.facts, materials=data.materials, clock=data.clock, traceparent=work.traceparent)
    await _want_materials(work, event.subject, data.materials, data.capability)
    work.put(TASKS, task.hears(check=check))


async def open_review(work: Work, event: Event, data: ReviewRequested) -> None:
    """Intake wants an opinion; NotCompetent (the event is set aside) when the plan has no such step."""
    task, item = await _task(work, event, data)
    if item.step(data.department) is None:
        raise NotCompetent()
    request = ReviewRequest(
        role=data.role,
        facts=data.facts,
        materials=data.materials,
        after=data.after,
        released=data.released,
        clock=data.clock,
        conditions=data.conditions,
        traceparent=work.traceparent,
    )
    await _want_materials(work, event.subject, data.materials, data.capability)
    work.put(TASKS, task.hears(request=request))


async def release_review(work: Work, event: Event, data: ReviewReleased) -> None:
    """The departments before are done; parked until the request itself has come."""
    task = await work.get(TASKS, event.subject)
    if task is None or task.request is None:
        raise Park(event.subject)
    work.put(TASKS, task.hears(release=Release(opinions=data.opinions, clock=data.clock)))


async def call_for_decision(work: Work, event: Event, data: DecisionDue) -> None:
    """Every opinion is in; NotCompetent (the event is set aside) when another department leads."""
    task, item = await _task(work, event, data)
    if item.lead != data.department:
        raise NotCompetent()
    call = DecisionCall(
        facts=data.facts, opinions=data.opinions, clock=data.clock, traceparent=work.traceparent
    )
    work.put(TASKS, task.hears(call=call))


async def close_review(work: Work, event: Event, data: ReviewClosed) -> None:
    """Nothing is wanted any more; parked until something was."""
    task = await work.get(TASKS, event.subject)
    if task is None:
        raise Park(event.subject)
    work.put(TASKS, task.hears(closing=Closing(reason=data.reason, closed_at=event.time)))


async def _task(work: Work, event: Event, data: CaseMessage) -> tuple[Task, Item]:
    """The event's task (a new one if it is the first) and its item; Park until that is published."""
    item = await work.get(ITEMS, data.item_code, str(data.item_version))
    if item is None:
        raise Park(f"item/{data.item_code}")
    own = work.settings.department.code
    if data.department != own or not item.may_take_part(own):
        raise NotCompetent(f"{data.item_code} asks {data.department}, this is {own}")
    task = await work.get(TASKS, event.subject)
    if task is None:
        task = Task(
            case_id=event.subject,
            application_no=data.application_no,
            item_code=data.item_code,
            item_version=data.item_version,
            item_name=item.name,
        )
    return task, item


async def _want_materials(work: Work, case_id: str, materials: tuple[Material, ...], capability: str) -> None:
    """Note what is to be fetched; the fetcher does it outside transactions. The newest capability counts."""
    for material in materials:
        wanted = WantedMaterial(
            case_id=case_id, sha256=material.sha256, material=material, capability=capability
        )
        work.put(MATERIALS, wanted)
