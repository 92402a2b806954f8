"""Counts working days from the published calendars and says at which instant a clock is crossed.

T-1, T-2, T-3, T-4 and T-5 of the Licensing Law's limits: working days only, the starting day not counted,
make-up days in, the calendar is published data, an agency's day ends when its business hours close.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

from pydantic import BaseModel

CENTER_ZONE = ZoneInfo("Asia/Shanghai")
_DAY = timedelta(days=1)
_SATURDAY = 5
_MOST_DAYS = 5000  # no limit of the law walks through more calendar days than this


class PublishedCalendar(BaseModel, frozen=True):
    """One year's working days as disclosure published them; local business hours."""

    year: int
    version: int
    days_off: frozenset[date]
    make_up_days: frozenset[date]
    opens: time
    closes: time
    published_at: datetime

    @property
    def name(self) -> str:
        """How a clock names the calendar it was counted with, e.g. ``2026.v1``."""
        return f"{self.year}.v{self.version}"


@dataclass(frozen=True, slots=True)
class Counted:
    """A day reached by counting; provisional when a year without a published calendar was walked through."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A limit counted from a day: its last day, what is crossed on the way, and a text that tells it from others."""

    due_on: date
    provisional: bool
    yellow_at: datetime | None
    red_at: datetime | None
    mark: str


@lru_cache(maxsize=8192)
def legal_day(moment: datetime) -> date:
    """The day at the center on which ``moment`` falls."""
    return moment.astimezone(CENTER_ZONE).date()


def warning_day(limit_wd: int) -> int | None:
    """The working day that begins the last tenth of a limit: ceil(0.9 x limit); none for limit 0."""
    return (9 * limit_wd + 9) // 10 if limit_wd > 0 else None


class WorkingDays:
    """The working days of the years whose calendars are given; of several versions of a year the newest."""

    def __init__(self, calendars: Iterable[PublishedCalendar]) -> None:
        self._years: dict[int, PublishedCalendar] = {}
        self._counted: dict[tuple[date, int], Counted] = {}
        self._spans: dict[tuple[date, int], Span] = {}
        for calendar in sorted(calendars, key=lambda each: each.version):
            self._years[calendar.year] = calendar
        self._stamp = ",".join(self._years[year].name for year in sorted(self._years))

    @property
    def stamp(self) -> str:
        """Names the versions counted with, so that a changed calendar is seen to reach running clocks."""
        return self._stamp

    def knows(self, day: date) -> bool:
        """Whether the calendar of this day's year is published."""
        return day.year in self._years

    def is_working(self, day: date) -> bool:
        """T-3. For a year without a calendar: Monday to Friday, which is why the result is provisional."""
        calendar = self._years.get(day.year)
        if calendar is not None:
            if day in calendar.make_up_days:
                return True
            if day in calendar.days_off:
                return False
        return day.weekday() < _SATURDAY

    def day_number(self, starts_on: date, count: int, excluded: Collection[date] = frozenset()) -> Counted:
        """The ``count``-th working day after ``starts_on`` (T-2); days in ``excluded`` are not counted.

        Count 0 is the starting day itself or, if that is no working day, the first one after it.
        """
        if count < 0:
            raise ValueError(f"a limit of {count} working days")
        if excluded:
            return self._walk(starts_on, count, excluded)
        if (starts_on, count) not in self._counted:
            self._counted[(starts_on, count)] = self._walk(starts_on, count, excluded)
        return self._counted[(starts_on, count)]

    def _walk(self, starts_on: date, count: int, excluded: Collection[date]) -> Counted:
        day = starts_on if count else starts_on - _DAY
        left, provisional = max(count, 1), False
        for _ in range(_MOST_DAYS):
            day += _DAY
            provisional = provisional or not self.knows(day)
            if self.is_working(day) and day not in excluded:
                left -= 1
                if left == 0:
                    return Counted(day, provisional)
        raise ValueError(f"{count} working days from {starts_on} are not reached in {_MOST_DAYS} days")

    def used(self, starts_on: date, until: date) -> int:
        """Working days after ``starts_on`` up to and including ``until``; 0 when it is earlier."""
        days = (until - starts_on).days
        return sum(self.is_working(starts_on + timedelta(days=n)) for n in range(1, days + 1))

    def opening(self, day: date) -> datetime | None:
        """The instant business hours open on ``day``; None when its year has no calendar."""
        calendar = self._years.get(day.year)
        return None if calendar is None else _at(day, calendar.opens)

    def closing(self, day: date) -> datetime | None:
        """The instant business hours close on ``day`` (T-5); None when its year has no calendar."""
        calendar = self._years.get(day.year)
        return None if calendar is None else _at(day, calendar.closes)

    def yellow_at(self, starts_on: date, limit_wd: int) -> datetime | None:
        """When the last tenth of the limit opens; None for limit 0 or where the count would be a guess."""
        number = warning_day(limit_wd)
        if number is None:
            return None
        counted = self.day_number(starts_on, number)
        return None if counted.provisional else self.opening(counted.day)

    def red_at(self, starts_on: date, limit_wd: int) -> datetime | None:
        """When the last day of the limit closes; None where the count would be a guess."""
        counted = self.day_number(starts_on, limit_wd)
        return None if counted.provisional else self.closing(counted.day)

    def span(self, starts_on: date, limit_wd: int) -> Span:
        """Everything a clock of this limit is measured with; the same question has one answer, and is asked often."""
        found = self._spans.get((starts_on, limit_wd))
        if found is None:
            due = self.day_number(starts_on, limit_wd)
            yellow_at, red_at = self.yellow_at(starts_on, limit_wd), self.red_at(starts_on, limit_wd)
            told = f"{starts_on} {limit_wd} {due.day} {due.provisional} {yellow_at} {red_at}"
            mark = blake2b(told.encode(), digest_size=8).hexdigest()
            found = self._spans[(starts_on, limit_wd)] = Span(due.day, due.provisional, yellow_at, red_at, mark)
        return found


LEFT = ("overdue", "0", "1", "2", "3-5", "6-10", "more")
_SPANS = ((2, ""), (5, "3-5"), (10, "6-10"))


def days_left(days: WorkingDays, today: date, due_on: date, overdue: bool) -> str:
    """One of LEFT: the working days after ``today`` until the last day of a running clock."""
    if overdue or due_on < today:
        return "overdue"
    number = days.used(today, due_on)
    return next((span or str(number) for most, span in _SPANS if number <= most), "more")


@lru_cache(maxsize=256)
def counting_with(calendars: tuple[PublishedCalendar, ...]) -> WorkingDays:
    """WorkingDays of these calendars, kept: every case is counted with the same few."""
    return WorkingDays(calendars)


@lru_cache(maxsize=8192)
def told_day(instant: str) -> date:
    """The day at the center on which an instant falls that was told as text (RFC 3339)."""
    return legal_day(datetime.fromisoformat(instant))


@lru_cache(maxsize=4096)
def _at(day: date, local: time) -> datetime:
    return datetime.combine(day, local, CENTER_ZONE).astimezone(UTC)
