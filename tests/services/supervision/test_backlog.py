"""While supervision is behind with hearing, it calls nothing late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.supervision import handlers
from services.supervision.domain.backlog import Backlog
from services.supervision.settings import Settings
from tests.audit.center import NOW
from tests.services.supervision.desk import Desk
from tests.services.supervision.test_watching import OPENED, heard

USUAL, LATE = timedelta(seconds=30), timedelta(days=2)


def test_a_fresh_process_is_behind_until_it_has_listened() -> None:
    backlog = Backlog(100.0)
    assert not backlog.is_over(2.0, 101.9)
    assert backlog.is_over(2.0, 102.0)


def test_every_belated_event_starts_the_waiting_again() -> None:
    backlog = Backlog(100.0)
    backlog.note(LATE, USUAL, 105.0)
    backlog.note(USUAL, USUAL, 106.5)
    assert not backlog.is_over(2.0, 106.9)
    assert backlog.is_over(2.0, 107.0)


async def test_no_card_and_no_absence_while_behind_and_all_of_them_afterwards(monkeypatch: Any) -> None:
    """Supervision returns on 15 January and hears the backlog; its timer runs between any two events."""
    monkeypatch.setattr(handlers, "BACKLOG", Backlog(float("inf")))
    desk = Desk(OPENED, settings=Settings(settle_s=2.0))
    desk.now = NOW
    for event in heard():
        await desk.hear(event)
        await desk.pass_time(NOW)
        assert (desk.cards(), desk.findings()) == ([], [])
    monkeypatch.setattr(handlers, "BACKLOG", Backlog(float("-inf")))
    await desk.pass_time(NOW)
    assert len(desk.cards()) == 5
    assert desk.findings() == []


async def test_an_event_on_the_way_longer_than_usual_is_noticed(monkeypatch: Any) -> None:
    backlog = Backlog(float("-inf"))
    monkeypatch.setattr(handlers, "BACKLOG", backlog)
    desk = Desk(OPENED)
    await desk.hear(*(replace(event, time=OPENED) for event in heard() if "published" in event.type))
    received = next(event for event in heard() if event.type == "intake.application_received.v1")
    desk.now = received.time + LATE
    await desk.hear(received)
    assert not backlog.is_over(60.0, handlers.monotonic())
