"""Counts legal time: pure functions of published calendars, a starting day and a limit, with their reasons.

A limit binding an agency is in working days (AL 82); a person's remedies run in calendar days and months.
Nothing here reads a clock, and nothing here guesses: a date that rests on a year whose calendar is not
published is marked provisional and names the year.
"""

from libs.deadlines.calendars import SHANGHAI, BadCalendar, Calendar, Calendars, NoCalendar
from libs.deadlines.counting import (
    DayReason,
    Due,
    Exclusion,
    Reason,
    due,
    is_working_day,
    notice_by,
    used_wd,
    working_day_back,
    yellow_on,
)
from libs.deadlines.days import closing_instant, end_of_day, legal_day
from libs.deadlines.remedies import add_calendar_days_for_remedies, add_months_for_remedies

__all__ = [
    "SHANGHAI",
    "BadCalendar",
    "Calendar",
    "Calendars",
    "DayReason",
    "Due",
    "Exclusion",
    "NoCalendar",
    "Reason",
    "add_calendar_days_for_remedies",
    "add_months_for_remedies",
    "closing_instant",
    "due",
    "end_of_day",
    "is_working_day",
    "legal_day",
    "notice_by",
    "used_wd",
    "working_day_back",
    "yellow_on",
]
