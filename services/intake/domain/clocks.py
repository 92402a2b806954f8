"""Starts the clocks of a case from published limits and calendars, and says when the law itself moves the
case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, TypeVar

from libs.deadlines import Calendars, closing_instant, due, end_of_day
from services.intake.domain.records import Case, Clock, ClockKind, Counted, Term

P = TypeVar("P", bound=Counted)


def clock(calendars: Calendars, kind: ClockKind, starts_on: date, limit_wd: int) -> Clock:
    """A period of ``limit_wd`` working days after ``starts_on`` (AL 82; the starting day is not counted)."""
    return Clock(kind=kind, **_counted(calendars, starts_on, limit_wd))


def term(calendars: Calendars, kind: Literal["respond", "accept"], starts_on: date, limit_wd: int) -> Term:
    """Like clock, for the two periods that only the window knows."""
    return Term(kind=kind, **_counted(calendars, starts_on, limit_wd))


def _counted(calendars: Calendars, starts_on: date, limit_wd: int) -> dict[str, Any]:
    counted = due(calendars, starts_on, limit_wd)
    return {
        "starts_on": counted.starts_on,
        "limit_wd": counted.limit,
        "due_on": counted.due_on,
        "provisional": counted.provisional,
        "calendar": counted.calendar,
    }


def recounted(calendars: Calendars, known: P) -> P:
    """A provisional period counted again by the calendars known now; a firm one stays as promised."""
    if not known.provisional:
        return known
    return known.model_copy(update=_counted(calendars, known.starts_on, known.limit_wd))


def agency_end(known: Counted, calendars: Calendars) -> datetime:
    """When an agency's period ends: the close of business on its last day (Civil Code 203(2))."""
    return closing_instant(known.due_on, calendars)


def person_end(known: Counted) -> datetime:
    """When a person's period ends: 24:00 of its last day, as filing is online (law.md T-5)."""
    return end_of_day(known.due_on)


def when_law_acts(case: Case, calendars: Calendars) -> datetime | None:
    """The instant at which silence has its effect in this state; None where none follows."""
    if case.state == "received":
        return agency_end(case.notice, calendars)
    if case.state == "correction_requested" and case.correction is not None:
        return person_end(case.correction.respond)
    if case.state == "corrected" and case.duty is not None:
        return agency_end(case.duty, calendars)
    return None


def with_new_calendar(case: Case, calendars: Calendars) -> Case:
    """The case with its provisional clocks counted again: a new calendar reaches running cases, promises
    stand."""
    changes: dict[str, object] = {"notice": recounted(calendars, case.notice)}
    if case.duty is not None:
        changes["duty"] = recounted(calendars, case.duty)
    if case.correction is not None:
        respond = recounted(calendars, case.correction.respond)
        changes["correction"] = case.correction.model_copy(update={"respond": respond})
    changed = case.model_copy(update=changes)
    return changed.model_copy(update={"acts_at": when_law_acts(changed, calendars)})
