"""Supervision on a real database: the recorded story through its own deeds, and what its doors answer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.supervision import timers
from tests.audit.center import NOW, local, recorded
from tests.conftest import NewDatabase
from tests.services.supervision.house import SupervisionHouse, heard_by_supervision, supervision_house
from tests.services.supervision.test_watching import OPEN, REFUSED, expected_cards

SUPERVISOR, AUDITOR, EXAMINER = "supervisor-01/supervisor", "auditor-01/auditor", "fire-examiner/examiner"
LISTS = ["/api/clocks", "/api/cards", "/api/findings", "/api/cases", f"/api/cases/{OPEN}"]


@pytest.fixture
async def house(new_database: NewDatabase, monkeypatch: Any) -> AsyncIterator[SupervisionHouse]:
    """Supervision before anything happened."""
    database = await new_database("supervision")
    async with supervision_house(database.app, monkeypatch, local("01-05 08:00")) as found:
        yield found


async def tell(house: SupervisionHouse, until: datetime = NOW) -> None:
    """The recorded story in business order, day by day, each day's events shuffled into shared commits."""
    events = heard_by_supervision(recorded().order)
    instants = sorted({event.time for event in events})
    for moment in instants:
        now = [event for event in events if event.time == moment]
        random.Random(7).shuffle(now)
        if moment > house.clock.at:
            await house.pass_time(moment)
        await house.hear(*now)
    await house.pass_time(until)


async def test_the_story_ends_in_the_hand_worked_cards_on_a_real_database(house: SupervisionHouse) -> None:
    await tell(house)
    said = await house.said("supervision.card_issued.v1")
    names = ("clock_kind", "agency", "colour", "crossed_at", "due_on", "used_wd", "limit_wd")
    assert sorted((e["subject"], *(e["data"][n] for n in names)) for e in said) == expected_cards()
    assert await house.said("supervision.finding_issued.v1") == []
    assert await house.rows("SELECT count(*) FROM parked") == [(0,)]
    assert await house.rows("SELECT count(*) FROM set_aside") == [(0,)]
    assert await house.rows("SELECT count(*) FROM leaves") == [(28,)]
    kept = await house.rows("SELECT card_no FROM cards ORDER BY card_no")
    assert [row[0] for row in kept] == [f"C-2026-{n:06d}" for n in range(1, len(said) + 1)]

    await house.hear(*heard_by_supervision(recorded().order))
    await house.pass_time(NOW)
    assert len(await house.said("supervision.card_issued.v1")) == len(said)


async def test_cards_and_findings_can_only_be_added_to(house: SupervisionHouse) -> None:
    await tell(house)
    for statement in ("UPDATE cards SET colour = 'yellow'", "DELETE FROM cards", "DELETE FROM findings"):
        async with house.app.state.engine.connect() as connection:
            with pytest.raises(DBAPIError):
                await connection.exec_driver_sql(statement)


async def test_doors_answer_supervisors_and_auditors_and_nobody_else(house: SupervisionHouse) -> None:
    await tell(house)
    for path in LISTS:
        assert (await house.get(path, SUPERVISOR)).status_code == 200, path
        assert (await house.get(path, AUDITOR)).status_code == 200, path
        refused = await house.get(path, EXAMINER)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_function"), path
        asked = await house.get(path)
        assert (asked.status_code, asked.json()["code"]) == (401, "person_needed"), path
    missing = await house.get("/api/cases/nothing", SUPERVISOR)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_lists_are_filtered_and_paged(house: SupervisionHouse) -> None:
    await tell(house)
    cards = (await house.get("/api/cards", SUPERVISOR, agency="pipelines")).json()
    assert [card["colour"] for card in cards["rows"]] == ["red", "yellow"]
    running = (await house.get("/api/clocks", SUPERVISOR, state="running", case_id=OPEN)).json()
    assert {(row["kind"], row["agency"]) for row in running["rows"]} == {
        ("review", "urban_management"), ("review", "government"), ("decision_promised", "landscape"),
        ("decision_statutory", "landscape"),
    }  # fmt: skip
    page = (await house.get("/api/clocks", SUPERVISOR, limit=10, page=2)).json()
    assert (len(page["rows"]), page["page"], page["total"] > 20) == (10, 2, True)
    dues = [row["due_on"] for row in page["rows"]]
    assert dues == sorted(dues)
    too_many = await house.get("/api/clocks", SUPERVISOR, limit=1000)
    assert (too_many.status_code, too_many.json()["code"]) == (422, "invalid_request")
    cases = (await house.get("/api/cases", SUPERVISOR, state="delivered")).json()
    assert cases["total"] == 4
    found = (await house.get("/api/cases", SUPERVISOR, q="000007")).json()
    assert [row["case_id"] for row in found["rows"]] == [OPEN]


async def test_a_case_shows_its_chain_its_clocks_and_its_cards(house: SupervisionHouse) -> None:
    await tell(house)
    case = (await house.get(f"/api/cases/{REFUSED}", SUPERVISOR)).json()
    assert case["state"] == "delivered"
    assert case["happenings"][0]["type"] == "intake.application_received.v1"
    assert [card["colour"] for card in case["cards"]].count("yellow") == 2
    late = next(row for row in case["clocks"] if row["kind"] == "review" and row["agency"] == "pipelines")
    assert (late["due_on"], late["in_time"]) == ("2026-01-13", False)


async def test_statistics_are_public_and_name_no_case(house: SupervisionHouse) -> None:
    await tell(house)
    answer = await house.get("/api/statistics")
    assert answer.status_code == 200
    figures = answer.json()
    assert "AL-2026" not in answer.text
    rows = {row["agency"]: row for row in figures["departments"]}
    assert rows["pipelines"] == {
        "agency": "pipelines", "running": 0, "over_90_percent": 0, "overdue": 0, "finished": 1, "on_time": 0,
        "yellow_cards": 1, "red_cards": 1, "on_time_share": 0.0,
    }  # fmt: skip
    assert figures["totals"]["cases"] == 7
    assert figures["months"][0]["month"] == "2026-01"
    assert (figures["months"][0]["yellow_cards"], figures["months"][0]["red_cards"]) == (3, 2)


async def test_a_clock_that_runs_over_shows_as_warned_then_overdue(house: SupervisionHouse) -> None:
    await tell(house, local("01-16 10:00"))
    warned = (await house.get("/api/clocks", SUPERVISOR, state="warned")).json()
    assert [row["agency"] for row in warned["rows"]] == ["government"]
    await house.pass_time(local("01-16 18:00"))
    overdue = (await house.get("/api/clocks", SUPERVISOR, state="overdue")).json()
    assert [row["agency"] for row in overdue["rows"]] == ["government"]
    rows = {row["agency"]: row for row in (await house.get("/api/statistics")).json()["departments"]}
    assert (rows["government"]["overdue"], rows["government"]["red_cards"]) == (1, 1)


async def test_figures_for_prometheus_name_agencies_and_no_case(
    house: SupervisionHouse, monkeypatch: Any
) -> None:
    await tell(house)
    monkeypatch.setattr(timers, "FIGURES_S", 0.0)
    await timers.count(house.app)
    metrics = (await house.client.get("/metrics")).text
    assert 'permit_clocks{agency="pipelines",state="late"} 1.0' in metrics
    assert 'permit_cards{agency="pipelines",colour="red"} 1.0' in metrics
    assert 'permit_findings{rule="AL 59"} 0.0' in metrics
    assert 'permit_clocks_open{agency="pipelines",clock="review",left="overdue"} 0.0' in metrics
    assert "AL-2026" not in metrics
