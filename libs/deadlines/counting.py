"""Counts working days: when an agency's limit ends, and why every day on the way did or did not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from libs.deadlines.calendars import SATURDAY, Calendars

ONE_DAY = timedelta(days=1)
MOST_WD = 2_000  # no published limit comes near; refuses nonsense before it loops
YELLOW_TENTHS = 9  # a card is due when nine tenths of the limit are used


class Reason(StrEnum):
    """Why a day did or did not count."""

    STARTING_DAY = "starting_day"  # T-2, Civil Code 201: the starting day is not counted
    WORKING_DAY = "working_day"
    MAKE_UP_DAY = "make_up_day"  # T-3: a weekend day worked by the State Council's notice
    WEEKEND = "weekend"
    DAY_OFF = "day_off"  # T-3: a holiday, or a day exchanged for a make-up day
    EXCLUDED = "excluded"  # AL 45: time the law does not count
    REST_DAY_MOVED = "rest_day_moved"  # T-6: a person's last day moves off a rest day
    LAST_DAY = "last_day"

    @property
    def works(self) -> bool:
        """Whether the agency works on such a day and its clock may count it."""
        return self in (Reason.WORKING_DAY, Reason.MAKE_UP_DAY)


class DayReason(NamedTuple):
    """One day of an explanation."""

    on: date
    reason: Reason
    number: int | None  # the how-manieth working day it is; None when it is not counted
    ground: str | None = None  # of an exclusion: its legal ground
    provisional: bool = False  # its year's calendar is not published


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Time not counted, first and last day included (AL 45). Overlapping exclusions count once."""

    from_on: date
    until_on: date
    ground: str = ""

    def __post_init__(self) -> None:
        if self.until_on < self.from_on:
            raise ValueError(f"an exclusion from {self.from_on} cannot end on {self.until_on}")


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a limit, and why this day."""

    starts_on: date  # the day not counted
    limit: int  # working days (remedies: calendar days or months)
    due_on: date
    explanation: tuple[DayReason, ...]
    calendar: tuple[str, ...]  # the calendars it rests on: "2026.v1"
    missing_years: tuple[int, ...]  # years it passes whose calendar is not published

    @property
    def provisional(self) -> bool:
        """Whether the date may still move, because a year's calendar is not published yet (T-4)."""
        return bool(self.missing_years)

    def clock(self, kind: str) -> dict[str, Any]:
        """As the clock of an event (JSON)."""
        return {
            "kind": kind,
            "starts_on": self.starts_on.isoformat(),
            "limit_wd": self.limit,
            "due_on": self.due_on.isoformat(),
            "provisional": self.provisional,
            "calendar": list(self.calendar),
        }


def day_reason(calendars: Calendars, day: date) -> tuple[Reason, bool]:
    """(what kind of day it is, whether that is provisional because its year is not published)."""
    calendar = calendars.get(day.year)
    weekend = day.weekday() >= SATURDAY
    if calendar is None:
        return (Reason.WEEKEND if weekend else Reason.WORKING_DAY), True
    if day in calendar.make_up_days:
        return Reason.MAKE_UP_DAY, False
    if day in calendar.days_off:
        return Reason.DAY_OFF, False
    return (Reason.WEEKEND if weekend else Reason.WORKING_DAY), False


def is_working_day(calendars: Calendars, day: date) -> bool:
    """Whether agencies work on ``day`` (T-3); in an unpublished year Monday to Friday, provisionally."""
    return day_reason(calendars, day)[0].works


def due(
    calendars: Calendars,
    starts_on: date,
    limit_wd: int,
    exclusions: Sequence[Exclusion] = (),
    extension_wd: int = 0,
) -> Due:
    """The last of ``limit_wd`` (+ ``extension_wd``) working days after ``starts_on`` (T-1, T-2, AL 42, 45).

    A limit of 0 ends on the starting day, or on the first working day after it when that is none (AL 34(2)).
    ValueError for a negative or absurd limit.
    """
    _check(limit_wd)
    _check(extension_wd)
    return _due(calendars, starts_on, limit_wd + extension_wd, tuple(exclusions))


@lru_cache(maxsize=4096)
def _due(calendars: Calendars, starts_on: date, limit: int, exclusions: tuple[Exclusion, ...]) -> Due:
    days: list[DayReason] = []
    for day in _count(calendars, starts_on, exclusions, from_start=limit == 0):
        days.append(day)
        if day.number is not None and day.number >= limit:
            break
    return finished(calendars, starts_on, limit, days)


def finished(calendars: Calendars, starts_on: date, limit: int, days: Sequence[DayReason]) -> Due:
    """The Due that ends with the last of ``days``."""
    years = sorted({day.on.year for day in days if day.reason is not Reason.STARTING_DAY})
    return Due(
        starts_on,
        limit,
        days[-1].on,
        tuple(days),
        tuple(calendars[year].name for year in years if year in calendars),
        tuple(year for year in years if year not in calendars),
    )


def _count(
    calendars: Calendars, starts_on: date, exclusions: Sequence[Exclusion], *, from_start: bool = False
) -> Iterator[DayReason]:
    """The days after ``starts_on`` without end, each with its reason and number."""
    day, number = starts_on, 0
    if not from_start:
        yield DayReason(starts_on, Reason.STARTING_DAY, None)
        day += ONE_DAY
    while True:
        reason, provisional = day_reason(calendars, day)
        exclusion = next((each for each in exclusions if each.from_on <= day <= each.until_on), None)
        if not reason.works:
            yield DayReason(day, reason, None, None, provisional)
        elif exclusion is not None:
            yield DayReason(day, Reason.EXCLUDED, None, exclusion.ground, provisional)
        else:
            number += 1
            yield DayReason(day, reason, number, None, provisional)
        day += ONE_DAY


def used_wd(calendars: Calendars, starts_on: date, on: date, exclusions: Sequence[Exclusion] = ()) -> int:
    """How many working days of a limit are used when ``on`` ends; 0 before it starts."""
    used = 0
    for day in _count(calendars, starts_on, exclusions):
        if day.on > on:
            return used
        used = day.number or used
    raise AssertionError("days never end")


def yellow_on(
    calendars: Calendars,
    starts_on: date,
    limit_wd: int,
    exclusions: Sequence[Exclusion] = (),
    extension_wd: int = 0,
) -> date:
    """The day on which nine tenths of the limit are used (law.md C7): day 18 of 20, day 3 of 3."""
    total = limit_wd + extension_wd
    return due(calendars, starts_on, (total * YELLOW_TENTHS + 9) // 10, exclusions).due_on


def working_day_back(calendars: Calendars, on: date, count: int) -> Due:
    """The ``count``-th working day before ``on``, ``on`` itself not counted."""
    _check(count)
    days = [DayReason(on, Reason.STARTING_DAY, None)]
    number, day = 0, on
    while number < count:
        day -= ONE_DAY
        reason, provisional = day_reason(calendars, day)
        number += reason.works
        days.append(DayReason(day, reason, number if reason.works else None, None, provisional))
    return finished(calendars, on, count, days)


def notice_by(calendars: Calendars, on: date, limit_wd: int) -> Due:
    """The last day to give notice at least ``limit_wd`` working days before ``on`` (AL 48).

    The law says only "seven days before"; the stricter reading wants that many clear days between the two.
    """
    return working_day_back(calendars, on, limit_wd + 1)


def _check(limit_wd: int) -> None:
    if not 0 <= limit_wd <= MOST_WD:
        raise ValueError(f"a limit of {limit_wd} working days")
