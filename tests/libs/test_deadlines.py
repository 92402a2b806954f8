"""Deadlines: golden vectors of the counting rules, explanations, and what lies past the last calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import pytest
import yaml

from libs.deadlines import (
    BadCalendar,
    Calendar,
    Calendars,
    Due,
    Exclusion,
    NoCalendar,
    Reason,
    add_calendar_days_for_remedies,
    add_months_for_remedies,
    closing_instant,
    due,
    end_of_day,
    is_working_day,
    legal_day,
    notice_by,
    used_wd,
    working_day_back,
    yellow_on,
)

FOLDER = Path(__file__).parents[2] / "deploy" / "catalogue" / "calendars"
PUBLISHED = {int(file.stem): yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yaml"))}
CALENDARS = Calendars(Calendar.from_published(data) for data in PUBLISHED.values())


def on(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


REVIEW = Exclusion(on("09-21"), on("09-30"), "expert review")
SECOND = Exclusion(on("09-28"), on("10-09"), "testing")
WEEKEND = Exclusion(on("09-26"), on("09-27"), "testing")


def after(start: str, limit: int, *exclusions: Exclusion) -> Callable[[], date]:
    return lambda: due(CALENDARS, on(start), limit, exclusions).due_on


GOLDEN: dict[str, tuple[Callable[[], date], str]] = {
    "received 2026-09-29, 5 wd one-time notice": (after("09-29", 5), "10-12"),
    "received Sat 2026-10-03 (holiday), 5 wd": (after("10-03", 5), "10-13"),
    "received 2026-02-12, 5 wd": (after("02-12", 5), "02-26"),
    "accepted 2026-02-12, 20 wd": (after("02-12", 20), "03-18"),
    "accepted 2026-02-12, 30 wd": (after("02-12", 30), "04-01"),
    "accepted 2026-02-12, 45 wd": (after("02-12", 45), "04-23"),
    "accepted 2026-02-12, 60 wd": (after("02-12", 60), "05-18"),
    "accepted 2026-09-18, 20 wd": (after("09-18", 20), "10-22"),
    "same, expert review 09-21 to 09-30 excluded": (after("09-18", 20, REVIEW), "11-02"),
    "same, plus second exclusion 09-28 to 10-09": (after("09-18", 20, REVIEW, SECOND), "11-04"),
    "same, exclusion only Sat-Sun 09-26 to 27": (after("09-18", 20, WEEKEND), "10-22"),
    "decision 2026-09-30, deliver in 10 wd": (after("09-30", 10), "10-20"),
    "told of hearing right 2026-04-30, 5 wd to ask": (after("04-30", 5), "05-11"),
    "hearing on 2026-10-12, the 7th day back": (
        lambda: working_day_back(CALENDARS, on("10-12"), 7).due_on,
        "09-24",
    ),
    "hearing on 2026-10-12, notice 7 clear wd before": (
        lambda: notice_by(CALENDARS, on("10-12"), 7).due_on,
        "09-23",
    ),
    "learned of decision 2026-08-05, 60 calendar days": (
        lambda: add_calendar_days_for_remedies(CALENDARS, on("08-05"), 60).due_on,
        "10-08",
    ),
    "yellow at 90 % of 20 wd from 2026-09-18": (lambda: yellow_on(CALENDARS, on("09-18"), 20), "10-20"),
}


@pytest.mark.parametrize("row", GOLDEN)
def test_golden_vector(row: str) -> None:
    count, expected = GOLDEN[row]
    assert count() == on(expected)


def counted(result: Due) -> list[str]:
    return [f"{day.on:%m-%d}" for day in result.explanation if day.number is not None]


def test_explanation_says_why_of_every_day() -> None:
    result = due(CALENDARS, on("09-29"), 5)
    assert counted(result) == ["09-30", "10-08", "10-09", "10-10", "10-12"]
    reasons = {f"{day.on:%m-%d}": day.reason for day in result.explanation}
    assert len(reasons) == (on("10-12") - on("09-29")).days + 1
    assert reasons["09-29"] is Reason.STARTING_DAY
    assert reasons["10-01"] is Reason.DAY_OFF
    assert reasons["10-10"] is Reason.MAKE_UP_DAY
    assert reasons["10-11"] is Reason.WEEKEND
    assert counted(due(CALENDARS, on("02-12"), 5)) == ["02-13", "02-14", "02-24", "02-25", "02-26"]
    assert counted(due(CALENDARS, on("04-30"), 5)) == ["05-06", "05-07", "05-08", "05-09", "05-11"]
    assert counted(due(CALENDARS, on("09-18"), 20))[0] == "09-20"


def test_exclusion_names_its_ground_and_does_not_recolour_rest_days() -> None:
    result = due(CALENDARS, on("09-18"), 20, [REVIEW])
    reasons = {day.on: (day.reason, day.ground) for day in result.explanation}
    assert reasons[on("09-21")] == (Reason.EXCLUDED, "expert review")
    assert reasons[on("09-26")] == (Reason.DAY_OFF, None)


def test_clock_travels_as_json() -> None:
    assert due(CALENDARS, on("09-18"), 20, extension_wd=10).clock("decision_statutory") == {
        "kind": "decision_statutory", "starts_on": "2026-09-18", "limit_wd": 30, "due_on": "2026-11-05",
        "provisional": False, "calendar": ["2026.v1"],
    }  # fmt: skip


def test_extension_adds_to_the_limit() -> None:
    assert due(CALENDARS, on("02-12"), 20, extension_wd=10).due_on == due(CALENDARS, on("02-12"), 30).due_on


@pytest.mark.parametrize(("start", "expected"), [("09-18", "09-18"), ("09-19", "09-20"), ("10-01", "10-08")])
def test_limit_of_nothing_is_decided_on_the_spot(start: str, expected: str) -> None:
    assert due(CALENDARS, on(start), 0).due_on == on(expected)


def test_date_beyond_the_last_calendar_is_provisional_and_names_the_year() -> None:
    result = due(CALENDARS, on("12-28"), 5)
    assert result.provisional
    assert result.missing_years == (2027,)
    assert result.calendar == ("2026.v1",)
    assert [day.provisional for day in result.explanation if day.on.year == 2027] == [True, True, True, True]
    assert not due(CALENDARS, on("12-28"), 3).provisional


def test_published_calendar_moves_a_provisional_date() -> None:
    new_year = Calendar(2027, 1, frozenset({date(2027, 1, 1)}), frozenset({date(2027, 1, 3)}))
    later = due(Calendars([*CALENDARS.values(), new_year]), on("12-28"), 5)
    assert (due(CALENDARS, on("12-28"), 5).due_on, later.due_on) == (date(2027, 1, 4), date(2027, 1, 4))
    assert counted(later) == ["12-29", "12-30", "12-31", "01-03", "01-04"]
    assert not later.provisional


def test_start_in_an_unpublished_year_alone_does_not_make_provisional() -> None:
    assert not due(CALENDARS, date(2024, 12, 31), 1).provisional


def test_highest_version_of_a_year_counts() -> None:
    second = Calendar(2026, 2, CALENDARS[2026].days_off | {on("03-02")}, CALENDARS[2026].make_up_days)
    for order in ([CALENDARS[2026], second], [second, CALENDARS[2026]]):
        result = due(Calendars(order), on("02-27"), 2)
        assert (result.due_on, result.calendar) == (on("03-03"), ("2026.v2",))


def test_months_end_on_the_corresponding_day_or_the_months_last() -> None:
    assert add_months_for_remedies(CALENDARS, on("02-05"), 6).due_on == on("08-05")
    # 28 February 2026 is a Saturday, but a make-up working day, so it is no rest day to move off
    assert add_months_for_remedies(CALENDARS, date(2025, 8, 31), 6).due_on == on("02-28")
    assert add_months_for_remedies(CALENDARS, date(2025, 10, 31), 6).due_on == on("04-30")


def test_remedy_falling_on_a_rest_day_says_why_it_moved() -> None:
    result = add_calendar_days_for_remedies(CALENDARS, on("08-05"), 60)
    assert [day.reason for day in result.explanation][-2:] == [Reason.REST_DAY_MOVED, Reason.LAST_DAY]
    assert result.explanation[1].on == on("10-04")


def test_remedy_beyond_the_last_calendar_is_provisional() -> None:
    assert add_months_for_remedies(CALENDARS, on("08-05"), 24).missing_years == (2028,)


def test_agencys_day_ends_at_the_close_of_business_a_persons_at_midnight() -> None:
    assert closing_instant(on("10-12"), CALENDARS) == datetime(2026, 10, 12, 9, tzinfo=UTC)
    assert end_of_day(on("10-12")) == datetime(2026, 10, 12, 16, tzinfo=UTC)
    assert legal_day(end_of_day(on("10-12"))) == on("10-13")
    assert legal_day(datetime(2026, 10, 12, 15, 59, tzinfo=UTC)) == on("10-12")
    with pytest.raises(NoCalendar):
        closing_instant(on("10-12"), Calendars())
    with pytest.raises(ValueError, match="time zone"):
        legal_day(datetime(2026, 10, 12))


def test_used_days_are_counted_to_the_end_of_the_day() -> None:
    days = {"09-17": 0, "09-18": 0, "09-19": 0, "09-20": 1, "10-22": 20}
    assert {day: used_wd(CALENDARS, on("09-18"), on(day)) for day in days} == days


@pytest.mark.parametrize("limit", [-1, 5000])
def test_absurd_limit_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        due(CALENDARS, on("01-05"), limit)


def test_exclusion_ending_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Exclusion(on("09-21"), on("09-20"))


@pytest.mark.parametrize(
    "change",
    [
        {"make_up_days": ["2026-01-05"]},
        {"make_up_days": ["2026-10-03"]},
        {"days_off": ["2025-12-31"]},
        {"days_off": ["soon"]},
        {"business_hours": {"opens": "17:00", "closes": "09:00"}},
        {"business_hours": None},
        {"year": None},
    ],
)
def test_calendar_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadCalendar):
        Calendar.from_published({**PUBLISHED[2026], **change})


@pytest.mark.parametrize("year", sorted(PUBLISHED))
def test_shipped_calendar_agrees_with_chinesecalendar_every_day(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert is_working_day(CALENDARS, day) is chinese_calendar.is_workday(day), day
        day += timedelta(days=1)
