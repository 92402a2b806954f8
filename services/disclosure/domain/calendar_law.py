"""Knows what a calendar and a rule must satisfy to be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from services.disclosure.domain.breaches import Breach, Published, version_breaches
from services.disclosure.domain.documents import Rule, YearCalendar

SATURDAY = 5


def calendar_breaches(calendar: YearCalendar, in_force_from: date, published: Published) -> list[Breach]:
    """Everything that forbids publishing ``calendar``. Its year may have begun already."""
    # A correction of a published year applies to that whole year, so it is not retroactive either.
    counted = version_breaches(calendar.version, in_force_from, published, history=True)
    return [
        *(breach for breach in counted if breach.code == "version_not_next"),
        *_days(calendar),
        *_hours(calendar),
    ]


def _days(calendar: YearCalendar) -> Iterator[Breach]:
    named = [*calendar.days_off, *calendar.make_up_days]
    for day in named:
        if day.year != calendar.year:
            yield Breach("calendar_day_outside_year", "days_off", day.isoformat())
    for day, times in Counter(named).items():
        if times > 1:
            yield Breach("calendar_day_repeated", "days_off", day.isoformat())
    for day in calendar.make_up_days:
        if day.weekday() < SATURDAY:
            yield Breach("calendar_make_up_on_weekday", "make_up_days", day.isoformat())


def _hours(calendar: YearCalendar) -> Iterator[Breach]:
    hours = calendar.business_hours
    if hours.closes <= hours.opens:
        yield Breach("calendar_hours", "business_hours", f"{hours.opens} to {hours.closes}")


def rule_breaches(rule: Rule, in_force_from: date, published: Published) -> list[Breach]:
    """Everything that forbids publishing ``rule``."""
    return version_breaches(rule.version, in_force_from, published, history=False)
