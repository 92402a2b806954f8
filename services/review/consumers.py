"""The services' door of a department: which events reach which deed."""

from __future__ import annotations

from libs.consumer import Consumers
from libs.envelope import Event
from libs.work import Place, Work
from services.review.handlers import heard
from services.review.messages import (
    CalendarPublished,
    CompletenessCheckRequested,
    DecisionDue,
    ReviewClosed,
    ReviewReleased,
    ReviewRequested,
    ServiceItemPublished,
)
from services.review.storage import ITEMS, MATERIALS, TASKS

consumers = Consumers()


def _task_and_item(event: Event) -> list[Place]:
    item = (ITEMS, (event.data["item_code"], str(event.data["item_version"])))
    materials = [(MATERIALS, (event.subject, each["sha256"])) for each in event.data.get("materials", [])]
    return [(TASKS, (event.subject,)), item, *materials]


@consumers.on("disclosure.calendar_published.v1", CalendarPublished)
async def on_calendar_published(work: Work, event: Event, data: CalendarPublished) -> None:
    """A year's working days."""
    await heard.keep_calendar(work, data)


@consumers.on("disclosure.service_item_published.v1", ServiceItemPublished)
async def on_service_item_published(work: Work, event: Event, data: ServiceItemPublished) -> None:
    """A service item."""
    await heard.keep_item(work, data)


@consumers.on("intake.completeness_check_requested.v1", CompletenessCheckRequested, loads=_task_and_item)
async def on_completeness_check_requested(work: Work, event: Event, data: CompletenessCheckRequested) -> None:
    """A check of completeness."""
    await heard.open_check(work, event, data)


@consumers.on("intake.review_requested.v1", ReviewRequested, loads=_task_and_item)
async def on_review_requested(work: Work, event: Event, data: ReviewRequested) -> None:
    """An opinion is asked for."""
    await heard.open_review(work, event, data)


@consumers.on("intake.review_released.v1", ReviewReleased, loads=_task_and_item)
async def on_review_released(work: Work, event: Event, data: ReviewReleased) -> None:
    """The opinion may be given now."""
    await heard.release_review(work, event, data)


@consumers.on("intake.decision_due.v1", DecisionDue, loads=_task_and_item)
async def on_decision_due(work: Work, event: Event, data: DecisionDue) -> None:
    """The decision is due."""
    await heard.call_for_decision(work, event, data)


@consumers.on("intake.review_closed.v1", ReviewClosed, loads=_task_and_item)
async def on_review_closed(work: Work, event: Event, data: ReviewClosed) -> None:
    """Nothing is wanted any more."""
    await heard.close_review(work, event, data)
