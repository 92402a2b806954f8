"""Supervision follows the recorded center: its cards are the hand-worked ones, whatever the order of hearing."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.envelope import Event, instant
from libs.flow import FLOW
from services.supervision.consumers import consumers
from services.supervision.storage import CASE_FILES, CLOCKS
from tests.audit.center import CARDS, NOW, local, recorded
from tests.services.supervision.desk import Desk, later

GRANTED, PAID, SILENT, REFUSED, WITHDRAWN, DECLINED, OPEN = (f"{n:02x}" * 16 for n in range(1, 8))
OPENED = local("01-05 08:00")


def heard() -> list[Event]:
    """What reaches supervision of the recorded story."""
    return [event for event in recorded().order if "supervision" in FLOW.rule(event.type).heard_by]


def expected_cards() -> list[tuple[Any, ...]]:
    """The hand-worked cards as supervision's events tell them."""
    return sorted(
        (f"{number:02x}" * 16, kind, agency, colour, instant(local(at)), due_on, used, limit)
        for number, kind, agency, colour, at, due_on, used, limit in CARDS
    )


async def followed(events: list[Event], until: Any = NOW) -> Desk:
    """A desk that heard ``events`` as time went by."""
    desk = Desk(OPENED)
    for event in events:
        if event.time > desk.now:
            await desk.pass_time(event.time)
        await desk.hear(event)
    await desk.pass_time(until)
    return desk


def changed(event_type: str, case_id: str, department: str | None = None, **data: Any) -> list[Event]:
    """The story in which one event says something else."""
    return [
        replace(event, data={**event.data, **data})
        if (event.type, event.subject) == (event_type, case_id) and department in (None, event.department)
        else event
        for event in heard()
    ]


def test_supervision_has_an_ear_for_everything_it_hears() -> None:
    assert sorted(consumers.handlers) == sorted(FLOW.hears("supervision"))


async def test_cards_are_exactly_the_crossings_worked_out_by_hand() -> None:
    desk = await followed(heard())
    assert desk.cards() == expected_cards()
    assert desk.findings() == []
    assert desk.parked == []
    states = {case.case_id: case.state for case in desk.all(CASE_FILES.name)}
    assert states == {
        GRANTED: "delivered", PAID: "delivered", SILENT: "delivered", REFUSED: "delivered",
        WITHDRAWN: "withdrawn", DECLINED: "declined", OPEN: "accepted",
    }  # fmt: skip


async def test_what_runs_on_is_carded_when_its_time_comes() -> None:
    """The open case: government crosses on 16 January, urban_management on the 19th, the promise on the 23rd."""
    desk = await followed(heard(), local("01-27 09:00"))
    mine = [card[1:5] for card in desk.cards() if card[0] == OPEN]
    assert mine == sorted([
        ("review", "government", "yellow", instant(local("01-16 09:00"))),
        ("review", "government", "red", instant(local("01-16 17:00"))),
        ("review", "urban_management", "yellow", instant(local("01-19 09:00"))),
        ("review", "urban_management", "red", instant(local("01-19 17:00"))),
        ("decision_promised", "landscape", "yellow", instant(local("01-23 09:00"))),
        ("decision_promised", "landscape", "red", instant(local("01-26 17:00"))),
    ])  # fmt: skip


async def test_a_card_is_issued_after_the_grace_and_says_the_instant_of_the_crossing() -> None:
    desk = Desk(OPENED)
    for event in heard():
        if event.time < local("01-13 12:00"):
            await desk.hear(event)
    await desk.pass_time(local("01-13 17:00") + timedelta(seconds=29))
    red = [card for card in desk.cards() if card[:4] == (REFUSED, "review", "pipelines", "red")]
    assert red == []
    await desk.pass_time(local("01-13 17:00") + timedelta(seconds=30))
    red = [card for card in desk.cards() if card[:4] == (REFUSED, "review", "pipelines", "red")]
    assert red[0][4] == instant(local("01-13 17:00"))
    assert next(row for row in desk.rows["cards"] if row["colour"] == "red" and row["agency"] == "pipelines")


async def test_an_act_in_time_whose_event_comes_late_gets_no_card() -> None:
    """The opinion of 12 January is heard only after the crossing of the 13th, within the grace."""
    stop = next(e for e in heard() if e.type == "review.opinion_given.v1" and e.department == "traffic_police"
                and e.subject == REFUSED)  # fmt: skip
    desk = Desk(OPENED)
    await desk.hear(*(e for e in heard() if e.time <= local("01-13 09:00") and e is not stop))
    await desk.pass_time(local("01-13 09:00") + timedelta(seconds=20))
    await desk.hear(stop)
    await desk.pass_time(local("01-13 10:00"))
    assert not [card for card in desk.cards() if card[:3] == (REFUSED, "review", "traffic_police")]


async def test_a_crossing_noticed_late_is_carded_with_its_own_instant() -> None:
    """Supervision was away from the 12th to the 15th: nothing is lost, nothing is dated wrongly."""
    desk = Desk(OPENED)
    early = [event for event in heard() if event.time < local("01-12 18:00")]
    for event in early:
        await desk.hear(event)
    desk.now = NOW
    await desk.hear(*(event for event in heard() if event not in early))
    await desk.pass_time(NOW)
    assert desk.cards() == expected_cards()
    assert desk.findings() == []


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), repeats=st.integers(0, 40))
def test_any_order_and_repetition_end_in_the_same_state(seed: int, repeats: int) -> None:
    """All events at once, in any order, some of them twice; then time passes."""
    shuffled = heard()
    chance = random.Random(seed)
    shuffled += chance.choices(shuffled, k=repeats)
    chance.shuffle(shuffled)

    async def told(events: list[Event]) -> dict[str, Any]:
        desk = Desk(OPENED)
        await desk.hear(*events)
        await desk.pass_time(NOW)
        return desk.end_state()

    state = asyncio.run(told(shuffled))
    assert state == asyncio.run(told(heard()))
    assert state["cards"] == expected_cards()


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_delays_within_the_grace_end_in_the_same_state(seed: int) -> None:
    """Each event is under way for up to 25 seconds, time passing meanwhile."""
    chance = random.Random(seed)
    arrivals = sorted((later(event, chance.uniform(0, 25)), event.id, event) for event in heard())

    async def told() -> Desk:
        desk = Desk(OPENED)
        for at, _, event in arrivals:
            await desk.pass_time(max(at, desk.now))
            await desk.hear(event)
        await desk.pass_time(NOW)
        return desk

    desk = asyncio.run(told())
    assert (desk.cards(), desk.findings(), desk.parked) == (expected_cards(), [], [])


@pytest.mark.parametrize("missing", ["item/food-service", "calendar/"])
async def test_what_needs_an_unpublished_thing_is_parked_until_it_is_published(missing: str) -> None:
    events = [e for e in heard() if e.subject == GRANTED or e.subject.startswith(("item/food", "calendar/"))]
    desk = Desk(OPENED)
    await desk.hear(*(event for event in events if not event.subject.startswith(missing)))
    assert desk.parked
    assert desk.all(CASE_FILES.name) == []
    await desk.hear(*events)
    assert desk.parked == []
    assert desk.all(CASE_FILES.name)[0].state == "delivered"


async def test_T_4_a_year_whose_calendar_comes_late_is_counted_provisionally_and_then_truly() -> None:
    desk = Desk(OPENED)
    await desk.hear(*(event for event in heard() if event.subject != "calendar/2026"))
    assert desk.parked == []
    assert {clock.provisional for clock in desk.all(CLOCKS.name)} == {True}
    await desk.hear(*heard())
    await desk.pass_time(NOW)
    assert desk.end_state() == (await followed(heard())).end_state()
    assert desk.cards() == expected_cards()


async def test_T_4_a_calendar_that_was_never_published_is_found() -> None:
    assert await found(said_clock(RECEIVED, OPEN, calendar=["2026.v9"])) == {"T-4"}


async def test_a_bill_waits_for_its_tariff() -> None:
    desk = Desk(OPENED)
    await desk.hear(*(event for event in heard() if not event.subject.startswith("tariff/")))
    assert [event.type for event in desk.parked] == ["fee.charge_assessed.v1"]
    await desk.hear(*heard())
    assert desk.parked == []


async def test_T_4_a_new_calendar_reaches_running_clocks() -> None:
    """A day off declared later moves the running clocks of the open case; what has stopped stays."""
    desk = await followed(heard())
    newer = next(event for event in heard() if event.subject == "calendar/2026")
    data = {**newer.data, "version": 2, "days_off": [*newer.data["days_off"], "2026-01-16"]}
    await desk.hear(replace(newer, id="9" * 32, time=NOW, data=data))
    await desk.pass_time(NOW)
    due = {(c.kind, c.agency): c.due_on for c in desk.all(CLOCKS.name) if c.case_id == OPEN}
    assert due[("review", "government")] == date(2026, 1, 19)
    assert desk.findings() == []


async def test_a_check_that_stays_silent_gets_no_card() -> None:
    desk = await followed(heard(), local("01-30 12:00"))
    assert not [card for card in desk.cards() if card[1] == "check"]


async def found(events: list[Event]) -> set[str]:
    """The rules supervision found broken in a story."""
    return {rule for _, rule, _, _ in (await followed(events)).findings()}


def said_clock(event_type: str, case_id: str, **changes: Any) -> list[Event]:
    """The story in which a due date was said differently."""
    event = next(e for e in heard() if (e.type, e.subject) == (event_type, case_id))
    return changed(event_type, case_id, event.department, clock={**event.data["clock"], **changes})


def late(events: list[Event]) -> list[Event]:
    """The acceptance of the silent case a minute after its notice ran out."""
    return [
        replace(event, time=event.time + timedelta(minutes=1))
        if (event.type, event.subject) == (ACCEPTED, SILENT)
        else event
        for event in events
    ]


RECEIVED, ACCEPTED = "intake.application_received.v1", "intake.application_accepted.v1"
LEAD, PERMIT, BILL = "review.decision_made.v1", "intake.permit_issued.v1", "fee.charge_assessed.v1"


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        ("T-1", lambda: said_clock(RECEIVED, OPEN, due_on="2026-01-16")),
        ("T-2", lambda: said_clock("intake.decision_due.v1", PAID, starts_on="2026-01-05")),
        ("T-4", lambda: said_clock(RECEIVED, OPEN, provisional=True)),
        ("AL 5(2)", lambda: said_clock("intake.review_requested.v1", GRANTED, limit_wd=15)),
        ("AL 5(2)", lambda: said_clock(PERMIT, PAID, limit_wd=10)),
        ("AL 32(1)(4)", lambda: late(changed(ACCEPTED, SILENT, mode="complete"))),
        ("AL 32(1)(4)", lambda: changed(ACCEPTED, SILENT, accepted_at="2026-01-09T09:00:00Z")),
        ("AL 32(1)(4)", lambda: changed(ACCEPTED, GRANTED, mode="deemed")),
        ("AL 5(3)", lambda: changed(ACCEPTED, WITHDRAWN, plan=[])),
        ("AL 32(1)(2)", lambda: changed("intake.application_declined.v1", DECLINED, right_agency=None)),
        ("AL 26(2)", lambda: changed(LEAD, REFUSED, decision="granted")),
        ("AL 26(2)", lambda: changed("review.opinion_given.v1", SILENT, "planning", outcome="object")),
        ("AL 37", lambda: changed(LEAD, GRANTED, decision="refused")),
        ("AL 38", lambda: changed("intake.refusal_issued.v1", REFUSED, reasons=[])),
        ("AL 38", lambda: changed("intake.refusal_issued.v1", REFUSED, remedies=[])),
        ("AL 59", lambda: changed(BILL, PAID, total_fen=1775001)),
        ("AL 59", lambda: changed(BILL, PAID, tariff_version=2)),
        ("AL 59", lambda: changed(BILL, PAID, lines=[])),
        ("AL 59", lambda: changed("fee.payment_received.v1", PAID, amount_fen=1)),
    ],
)  # fmt: skip
async def test_a_rule_that_was_not_kept_is_found(rule: str, events: Any) -> None:
    assert rule in await found(events())


async def test_AL_32_1_4_a_second_notice_is_found() -> None:
    first = next(event for event in heard() if event.type == "intake.correction_requested.v1")
    second = replace(first, id="8" * 32, time=first.time + timedelta(minutes=5))
    assert "AL 32(1)(4)" in await found(sorted([*heard(), second], key=lambda event: event.time))


@pytest.mark.parametrize(
    ("rule", "event_type", "case_id", "department"),
    [
        ("AL 26(2)", "review.opinion_given.v1", REFUSED, "planning"),
        ("AL 37", LEAD, GRANTED, None),
        ("AL 59", "fee.payment_received.v1", PAID, None),
    ],
)
async def test_what_must_have_come_first_and_never_came_is_found_after_the_grace(
    rule: str, event_type: str, case_id: str, department: str | None
) -> None:
    events = [
        event for event in heard()
        if (event.type, event.subject) != (event_type, case_id) or department not in (None, event.department)
    ]  # fmt: skip
    assert rule in await found(events)


async def test_AL_4_a_decision_of_another_department_is_found() -> None:
    events = [
        replace(event, department="planning", source="review/planning")
        if (event.type, event.subject) == (LEAD, GRANTED)
        else event
        for event in heard()
    ]
    assert "AL 4" in await found(events)


async def test_AL_58_1_a_charge_nobody_published_is_found() -> None:
    bill = next(event for event in heard() if event.type == BILL)
    about = {"application_no": "AL-2026-000001", "item_code": "food-service", "item_version": 1}
    foreign = replace(bill, id="7" * 32, subject=GRANTED, data={**bill.data, **about})
    assert "AL 58(1)" in await found(sorted([*heard(), foreign], key=lambda event: event.time))


async def test_a_finding_is_issued_once_however_often_the_case_is_looked_at() -> None:
    desk = await followed(changed(BILL, PAID, total_fen=1775001), local("01-28 09:00"))
    told = desk.findings()
    assert len(told) == len(set(told))
    assert [row[3] for row in told if row[2] == "1775000 fen"] == ["1775001 fen"]
