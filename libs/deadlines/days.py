"""Knows where a legal day lies in time: whose day ends when, which day an instant belongs to (T-5, T-8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from libs.deadlines.calendars import SHANGHAI, Calendars


def legal_day(moment: datetime) -> date:
    """The day ``moment`` belongs to, in Asia/Shanghai. ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(SHANGHAI).date()


def closing_instant(due_on: date, calendars: Calendars) -> datetime:
    """When an agency's day ends (Civil Code 203(2)): the close of business, as an instant in UTC.

    Business hours are those of the year's published calendar, else of the nearest year; NoCalendar if none.
    """
    closes = calendars.hours(due_on).closes
    return datetime.combine(due_on, closes, SHANGHAI).astimezone(UTC)


def end_of_day(due_on: date) -> datetime:
    """When a person's online filing day ends: 24:00 in Asia/Shanghai, as an instant in UTC."""
    return datetime.combine(due_on + timedelta(days=1), time(0), SHANGHAI).astimezone(UTC)
