"""Events in any order, twice, late: the department ends in the same state, and takes only what is its own."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.envelope import Event
from services.review.domain import ConditionAnswer
from services.review.handlers import acts
from services.review.storage import MATERIALS, TASKS
from tests.services.review import builders as b
from tests.services.review import memory

CONSENT = [ConditionAnswer(condition=code, answer="met") for code in ("road-old-enough", "road-restored")]
RELEASED_LATER = b.review_requested(released=False, clock=None, after=["traffic_police"])
STORIES: dict[str, tuple[list[Event], str]] = {
    "decision": (
        [b.item_published(), b.calendar_published(), b.check_requested(), RELEASED_LATER, b.review_released(),
         b.decision_due()],
        "decision_due",
    ),
    "withdrawn": (
        [b.item_published(), b.check_requested(), RELEASED_LATER, b.review_released(), b.review_closed()],
        "closed",
    ),
    "pre-review": ([b.item_published(), b.check_requested(), RELEASED_LATER], "pre_review"),
    "check only": ([b.item_published(), b.calendar_published(), b.check_requested()], "checking"),
}  # fmt: skip


async def told(events: list[Event]) -> memory.MemoryHouse:
    house = memory.MemoryHouse(memory.settings())
    for each in events:
        await house.hear(each)
    return house


@pytest.mark.parametrize("story", STORIES)
def test_end_state_is_the_storys(story: str) -> None:
    events, state = STORIES[story]
    task = asyncio.run(told(events)).task(b.CASE)
    assert task is not None
    assert task.state == state


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(STORIES)), st.data())
def test_any_order_and_repetition_ends_the_same(story: str, data: st.DataObject) -> None:
    events, _ = STORIES[story]
    shuffled = data.draw(st.permutations([*events, *events[: data.draw(st.integers(0, len(events)))]]))
    straight, crooked = asyncio.run(told(events)), asyncio.run(told(shuffled))
    assert crooked.stored[(TASKS.name, b.CASE)] == straight.stored[(TASKS.name, b.CASE)]
    assert crooked.stored.keys() == straight.stored.keys()
    assert crooked.parked == []
    assert crooked.set_aside == []


@settings(max_examples=60, deadline=None)
@given(st.permutations([RELEASED_LATER, b.review_released(), b.decision_due(), b.check_requested()]))
def test_an_opinion_given_in_between_stays_whatever_comes_later(order: list[Event]) -> None:
    async def run() -> None:
        house = await told([b.item_published(), b.calendar_published()])
        given_at = None
        for each in order:
            await house.hear(each)
            task = house.task(b.CASE)
            if given_at is None and task is not None and task.request is not None and task.is_released:
                await house.act(acts.give_opinion, b.person("examiner"), b.CASE, "consent", CONSENT, [])
                given_at = task
        task = house.task(b.CASE)
        assert task is not None
        assert task.opinion is not None
        assert task.opinion.document is not None
        assert task.state == "decision_due"
        assert [said[0] for said in house.said] == ["review.opinion_given.v1"]

    asyncio.run(run())


def test_event_before_its_item_is_parked_and_handled_when_it_comes() -> None:
    async def run() -> None:
        house = await told([b.review_requested()])
        assert len(house.parked) == 1
        await house.hear(b.item_published())
        assert house.parked == []
        assert house.task(b.CASE) is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    "stranger",
    [
        b.review_requested(department="fire"),
        b.review_requested(department="culture"),
        b.event("intake.decision_due.v1", {**b.decision_due().data, "department": "fire"}),
    ],
    ids=["another department's", "a department without a step", "another department's decision"],
)
def test_a_task_for_which_the_department_is_not_competent_is_set_aside(stranger: Event) -> None:
    house = asyncio.run(told([b.item_published(), stranger]))
    assert [code for _, code in house.set_aside] == ["not_competent"]
    assert house.task(b.CASE) is None


def test_decision_called_from_a_department_that_does_not_lead_is_set_aside() -> None:
    async def run() -> None:
        house = memory.MemoryHouse(memory.settings("traffic_police"))
        await house.hear(b.item_published())
        due = b.decision_due()
        await house.hear(b.event(due.type, {**due.data, "department": "traffic_police"}))
        assert [code for _, code in house.set_aside] == ["not_competent"]

    asyncio.run(run())


def test_materials_are_wanted_with_the_newest_capability() -> None:
    house = asyncio.run(told([b.item_published(), b.check_requested(), b.review_requested()]))
    wanted = house.stored[(MATERIALS.name, b.CASE, b.PLAN_SHA256)]
    assert wanted.capability == "cap-2"


def test_newest_calendar_version_is_kept() -> None:
    first = b.calendar_published()
    second = b.event(first.type, {**first.data, "version": 2}, "second", "calendar/2026")
    for order in ([first, second], [second, first]):
        house = asyncio.run(told(order))
        assert house.stored[("calendars", "2026")].version == 2
