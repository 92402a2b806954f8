"""Supervision's own counting of working days against the golden vectors of the law."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import yaml

from services.supervision.domain.workdays import (
    LEFT,
    PublishedCalendar,
    WorkingDays,
    days_left,
    legal_day,
    warning_day,
)

CATALOGUE = Path(__file__).resolve().parents[3] / "deploy" / "catalogue" / "calendars"


def published(year: int, version: int = 1, **other: object) -> PublishedCalendar:
    told = yaml.safe_load((CATALOGUE / f"{year}.yaml").read_text(encoding="utf-8"))
    fields = {
        "year": year,
        "version": version,
        "days_off": frozenset(told["days_off"]),
        "make_up_days": frozenset(told["make_up_days"]),
        "opens": time(9),
        "closes": time(17),
        "published_at": datetime(2026, 1, 1, tzinfo=UTC),
        **other,
    }
    return PublishedCalendar.model_validate(fields)


DAYS = WorkingDays([published(2025), published(2026)])


def between(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


@pytest.mark.parametrize(
    ("starts_on", "limit_wd", "due_on"),
    [
        (date(2026, 9, 29), 5, date(2026, 10, 12)),
        (date(2026, 10, 3), 5, date(2026, 10, 13)),
        (date(2026, 2, 12), 5, date(2026, 2, 26)),
        (date(2026, 2, 12), 20, date(2026, 3, 18)),
        (date(2026, 2, 12), 30, date(2026, 4, 1)),
        (date(2026, 2, 12), 45, date(2026, 4, 23)),
        (date(2026, 2, 12), 60, date(2026, 5, 18)),
        (date(2026, 9, 18), 20, date(2026, 10, 22)),
        (date(2026, 9, 30), 10, date(2026, 10, 20)),
        (date(2026, 4, 30), 5, date(2026, 5, 11)),
    ],
)
def test_T_2_golden_vectors_of_agency_limits(starts_on: date, limit_wd: int, due_on: date) -> None:
    counted = DAYS.day_number(starts_on, limit_wd)
    assert (counted.day, counted.provisional) == (due_on, False)


@pytest.mark.parametrize(
    ("excluded", "due_on"),
    [
        (between(date(2026, 9, 21), date(2026, 9, 30)), date(2026, 11, 2)),
        (
            between(date(2026, 9, 21), date(2026, 9, 30)) | between(date(2026, 9, 28), date(2026, 10, 9)),
            date(2026, 11, 4),
        ),
        (between(date(2026, 9, 26), date(2026, 9, 27)), date(2026, 10, 22)),
    ],
)
def test_AL_45_golden_vectors_of_excluded_time(excluded: set[date], due_on: date) -> None:
    assert DAYS.day_number(date(2026, 9, 18), 20, excluded).day == due_on


def test_yellow_crossing_is_the_opening_of_the_day_that_begins_the_last_tenth() -> None:
    # 18th working day after 2026-09-18 is 2026-10-20; 09:00 in Shanghai is 01:00 UTC.
    assert DAYS.yellow_at(date(2026, 9, 18), 20) == datetime(2026, 10, 20, 1, tzinfo=UTC)


def test_T_5_red_crossing_is_the_close_of_business_on_the_due_day() -> None:
    assert DAYS.red_at(date(2026, 9, 18), 20) == datetime(2026, 10, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("limit_wd", "day"),
    [(0, None), (1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (10, 9), (15, 14), (20, 18), (45, 41)],
)
def test_warning_day_is_nine_tenths_rounded_up(limit_wd: int, day: int | None) -> None:
    assert warning_day(limit_wd) == day


def test_limit_nought_ends_the_same_day_and_never_turns_yellow() -> None:
    assert DAYS.day_number(date(2026, 9, 18), 0).day == date(2026, 9, 18)
    assert DAYS.day_number(date(2026, 10, 3), 0).day == date(2026, 10, 8)
    assert DAYS.yellow_at(date(2026, 9, 18), 0) is None
    assert DAYS.red_at(date(2026, 9, 18), 0) == datetime(2026, 9, 18, 9, tzinfo=UTC)


def test_T_4_a_year_without_calendar_is_provisional_and_never_crossed() -> None:
    counted = DAYS.day_number(date(2026, 12, 28), 10)
    assert counted.provisional
    assert DAYS.red_at(date(2026, 12, 28), 10) is None
    assert DAYS.yellow_at(date(2026, 12, 28), 2) == datetime(2026, 12, 30, 1, tzinfo=UTC)


def test_T_4_a_newer_version_of_a_year_is_the_one_that_counts() -> None:
    storm = date(2026, 9, 21)
    newer = published(2026, 2, days_off=published(2026).days_off | {storm})
    days = WorkingDays([newer, published(2026)])
    assert days.stamp == "2026.v2"
    assert days.day_number(date(2026, 9, 18), 20).day == date(2026, 10, 23)


def test_T_1_the_legal_day_is_the_one_at_the_center() -> None:
    assert legal_day(datetime(2026, 1, 5, 16, 30, tzinfo=UTC)) == date(2026, 1, 6)


def test_limits_are_never_negative() -> None:
    with pytest.raises(ValueError, match="working days"):
        DAYS.day_number(date(2026, 1, 5), -1)


def test_T_3_working_days_agree_with_an_outside_calendar() -> None:
    chinese_calendar = pytest.importorskip("chinese_calendar")
    for year in (2025, 2026):
        for day in between(date(year, 1, 1), date(year, 12, 31)):
            assert DAYS.is_working(day) == chinese_calendar.is_workday(day), day


@pytest.mark.parametrize(
    ("due_on", "overdue", "left"),
    [
        (date(2026, 2, 12), False, "0"),  # today, a Thursday
        (date(2026, 2, 12), True, "overdue"),  # today, after the close of business
        (date(2026, 2, 11), False, "overdue"),
        (date(2026, 2, 13), False, "1"),
        (date(2026, 2, 14), False, "2"),  # a Saturday made up for the holiday
        (date(2026, 2, 24), False, "3-5"),  # the first working day after the Spring Festival
        (date(2026, 2, 27), False, "6-10"),
        (date(2026, 4, 1), False, "more"),
    ],
)
def test_days_left_are_working_days_after_today(due_on: date, overdue: bool, left: str) -> None:
    assert days_left(DAYS, date(2026, 2, 12), due_on, overdue) == left
    assert left in LEFT
