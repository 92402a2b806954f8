"""Deadlines under hypothesis: exclusions, splits, unions, limits, and a second count by chinesecalendar."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
from hypothesis import given
from hypothesis import strategies as st

from libs.deadlines import Calendar, Calendars, Exclusion, due, is_working_day, used_wd, yellow_on

YEARS = (2024, 2025, 2026)


def from_chinesecalendar(year: int) -> Calendar:
    """A year as PyPI chinesecalendar knows it: a source the code under test has never seen."""
    days = [date(year, 1, 1) + timedelta(days=i) for i in range(366)]
    days = [day for day in days if day.year == year]
    return Calendar(
        year,
        1,
        frozenset(day for day in days if day.weekday() < 5 and not chinese_calendar.is_workday(day)),
        frozenset(day for day in days if day.weekday() >= 5 and chinese_calendar.is_workday(day)),
    )


CALENDARS = Calendars(map(from_chinesecalendar, YEARS))
STARTS = st.dates(date(2024, 1, 1), date(2026, 6, 30))
LIMITS = st.integers(0, 60)


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    start = draw(st.dates(date(2024, 1, 1), date(2026, 8, 30)))
    return Exclusion(start, start + timedelta(days=draw(st.integers(0, 40))), "testing")


MANY = st.lists(exclusions(), max_size=4)


@given(STARTS, st.integers(1, 60))
def test_due_agrees_with_a_count_by_chinesecalendar(start: date, limit: int) -> None:
    day, left = start, limit
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    result = due(CALENDARS, start, limit)
    assert result.due_on == day
    assert not result.provisional


@given(STARTS, LIMITS, MANY, exclusions())
def test_an_exclusion_never_moves_a_date_earlier(
    start: date, limit: int, some: list[Exclusion], more: Exclusion
) -> None:
    assert due(CALENDARS, start, limit, [*some, more]).due_on >= due(CALENDARS, start, limit, some).due_on


@given(STARTS, LIMITS, MANY, exclusions(), st.integers(0, 40))
def test_splitting_an_exclusion_changes_nothing(
    start: date, limit: int, some: list[Exclusion], whole: Exclusion, cut: int
) -> None:
    at = min(whole.from_on + timedelta(days=cut), whole.until_on)
    parts = [Exclusion(whole.from_on, at, "testing")]
    if at < whole.until_on:
        parts.append(Exclusion(at + timedelta(days=1), whole.until_on, "testing"))
    assert due(CALENDARS, start, limit, [*some, *parts]) == due(CALENDARS, start, limit, [*some, whole])


@given(STARTS, LIMITS, MANY, st.dates(date(2024, 1, 1), date(2026, 8, 30)))
def test_an_exclusion_of_rest_days_only_changes_nothing(
    start: date, limit: int, some: list[Exclusion], day: date
) -> None:
    while is_working_day(CALENDARS, day):
        day += timedelta(days=1)
    last = day
    while not is_working_day(CALENDARS, last + timedelta(days=1)):
        last += timedelta(days=1)
    rest = Exclusion(day, last, "testing")
    assert due(CALENDARS, start, limit, [*some, rest]).due_on == due(CALENDARS, start, limit, some).due_on


@given(STARTS, LIMITS, MANY, st.randoms())
def test_order_and_repetition_of_exclusions_do_not_matter(
    start: date, limit: int, some: list[Exclusion], random: object
) -> None:
    shuffled = [*some, *some]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert due(CALENDARS, start, limit, shuffled).due_on == due(CALENDARS, start, limit, some).due_on


@given(STARTS, LIMITS, exclusions(), exclusions())
def test_overlapping_exclusions_count_as_their_union(
    start: date, limit: int, one: Exclusion, other: Exclusion
) -> None:
    days = {
        each.from_on + timedelta(days=i)
        for each in (one, other)
        for i in range((each.until_on - each.from_on).days + 1)
    }
    union = [Exclusion(day, day, "testing") for day in days]
    assert due(CALENDARS, start, limit, [one, other]).due_on == due(CALENDARS, start, limit, union).due_on


@given(STARTS, LIMITS, st.integers(0, 30), MANY)
def test_more_limit_is_never_earlier(start: date, limit: int, more: int, some: list[Exclusion]) -> None:
    longer = due(CALENDARS, start, limit + more, some)
    assert longer.due_on >= due(CALENDARS, start, limit, some).due_on
    assert longer == due(CALENDARS, start, limit, some, extension_wd=more)


@given(STARTS, st.integers(1, 60), MANY)
def test_due_day_uses_up_the_limit_exactly(start: date, limit: int, some: list[Exclusion]) -> None:
    result = due(CALENDARS, start, limit, some)
    assert used_wd(CALENDARS, start, result.due_on, some) == limit
    assert used_wd(CALENDARS, start, result.due_on - timedelta(days=1), some) == limit - 1
    assert is_working_day(CALENDARS, result.due_on)
    assert [day.number for day in result.explanation if day.number] == list(range(1, limit + 1))


@given(STARTS, st.integers(1, 60), MANY)
def test_yellow_is_never_after_due_and_at_nine_tenths(start: date, limit: int, some: list[Exclusion]) -> None:
    day = yellow_on(CALENDARS, start, limit, some)
    assert day <= due(CALENDARS, start, limit, some).due_on
    assert used_wd(CALENDARS, start, day, some) * 10 >= limit * 9
    assert (used_wd(CALENDARS, start, day, some) - 1) * 10 < limit * 9
