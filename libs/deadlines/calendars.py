"""Knows published calendars as data: which days of a year are off, which weekends are worked (T-3, T-4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY = 5


class BadCalendar(ValueError):
    """A published calendar contradicts itself; the text says where."""


class NoCalendar(LookupError):
    """No calendar at all is known, so that not even business hours can be said."""


@dataclass(frozen=True)
class Calendar:
    """One year as published. ``days_off`` and ``make_up_days`` are the exceptions to Monday to Friday.

    ``days_off`` may hold weekend days of a holiday (they are off anyway); ``make_up_days`` are weekend days
    worked by the State Council's yearly notice. ``opens`` and ``closes`` are local time.
    """

    year: int
    version: int
    days_off: frozenset[date]
    make_up_days: frozenset[date]
    opens: time = time(9)
    closes: time = time(17)

    def __post_init__(self) -> None:
        for day in self.days_off | self.make_up_days:
            if day.year != self.year:
                raise BadCalendar(f"{day} is not in {self.year}")
        for day in self.make_up_days:
            if day.weekday() < SATURDAY or day in self.days_off:
                raise BadCalendar(f"{day} cannot be a make-up day")
        if self.opens >= self.closes:
            raise BadCalendar("business hours end before they begin")

    @classmethod
    def from_published(cls, data: Mapping[str, Any]) -> Calendar:
        """From the data of ``disclosure.calendar_published`` (dates as dates or ISO text); BadCalendar."""
        try:
            hours = data["business_hours"]
            return cls(
                int(data["year"]),
                int(data["version"]),
                frozenset(_date(day) for day in data["days_off"]),
                frozenset(_date(day) for day in data["make_up_days"]),
                time.fromisoformat(hours["opens"]),
                time.fromisoformat(hours["closes"]),
            )
        except (KeyError, TypeError, ValueError) as wrong:
            raise BadCalendar(f"calendar: {wrong}") from wrong

    @property
    def name(self) -> str:
        """How a clock cites it: ``2026.v1``."""
        return f"{self.year}.v{self.version}"


class Calendars(Mapping[int, Calendar]):
    """The calendars known, one per year: of several versions of a year the highest. Never changes."""

    def __init__(self, calendars: Iterable[Calendar] = ()) -> None:
        kept: dict[int, Calendar] = {}
        for calendar in calendars:
            known = kept.get(calendar.year)
            if known is None or known.version < calendar.version:
                kept[calendar.year] = calendar
        self._kept = kept
        self._hash = hash(frozenset(kept.values()))

    def __getitem__(self, year: int) -> Calendar:
        return self._kept[year]

    def __iter__(self) -> Any:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendars) and self._kept == other._kept

    def hours(self, day: date) -> Calendar:
        """The calendar whose hours hold on ``day``: its year's or the nearest year's; NoCalendar if none."""
        if not self._kept:
            raise NoCalendar("no calendar is published")
        return self._kept[min(self._kept, key=lambda year: (abs(year - day.year), year))]


def _date(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day
