"""Counts a person's remedies: calendar days and months, the last day moved off a rest day (T-6)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from libs.deadlines.calendars import Calendars
from libs.deadlines.counting import ONE_DAY, DayReason, Due, Reason, day_reason, finished

MOST_DAYS = 3_700
MOST_MONTHS = 120


def add_calendar_days_for_remedies(calendars: Calendars, starts_on: date, days: int) -> Due:
    """The last of ``days`` calendar days after ``starts_on``, which is not counted (reconsideration: 60)."""
    if not 0 <= days <= MOST_DAYS:
        raise ValueError(f"a limit of {days} calendar days")
    return _moved(calendars, starts_on, days, starts_on + timedelta(days=days))


def add_months_for_remedies(calendars: Calendars, starts_on: date, months: int) -> Due:
    """The corresponding day ``months`` later, or that month's last (litigation: 6; compensation: 24)."""
    if not 0 <= months <= MOST_MONTHS:
        raise ValueError(f"a limit of {months} months")
    year, month = divmod(starts_on.year * 12 + starts_on.month - 1 + months, 12)
    day = min(starts_on.day, monthrange(year, month + 1)[1])
    return _moved(calendars, starts_on, months, date(year, month + 1, day))


def _moved(calendars: Calendars, starts_on: date, limit: int, last: date) -> Due:
    """The Due ending on ``last``, or on the first working day after it when it is a rest day."""
    days = [DayReason(starts_on, Reason.STARTING_DAY, None)]
    while True:
        reason, provisional = day_reason(calendars, last)
        if reason.works:
            break
        days.append(DayReason(last, Reason.REST_DAY_MOVED, None, reason.value, provisional))
        last += ONE_DAY
    days.append(DayReason(last, Reason.LAST_DAY, None, None, provisional))
    return finished(calendars, starts_on, limit, days)
