"""Working days: every day of the published years laid out in one list, limits read off by position."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

CHINA = timezone(timedelta(hours=8))  # no summer time since 1991


def day_of(moment: datetime) -> date:
    """The legal day of an instant."""
    return moment.astimezone(CHINA).date()


class Counting:
    """Counts with published calendars (the data of calendar_published), the newest version of each year."""

    def __init__(self, calendars: Iterable[Mapping[str, Any]]) -> None:
        years: dict[int, Mapping[str, Any]] = {}
        for each in calendars:
            if each["year"] not in years or years[each["year"]]["version"] < each["version"]:
                years[each["year"]] = each
        self._years = years
        self._working = sorted(day for year in years for day in self._of_year(year))

    def _of_year(self, year: int) -> list[date]:
        told = self._years[year]
        off, made_up = set(told["days_off"]), set(told["make_up_days"])
        length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
        days = (date(year, 1, 1) + timedelta(days=n) for n in range(length))
        return [
            day for day in days
            if day.isoformat() in made_up or (day.isoweekday() <= 5 and day.isoformat() not in off)
        ]  # fmt: skip

    def last_day(self, starts_on: date, limit: int) -> date | None:
        """The ``limit``-th working day after ``starts_on`` (0: that day, or the next working one).

        None when it cannot be told from the published years alone.
        """
        begin = starts_on - timedelta(days=1) if limit == 0 else starts_on
        position = bisect_right(self._working, begin) + max(limit, 1) - 1
        if position >= len(self._working):
            return None
        found = self._working[position]
        first = begin + timedelta(days=1)
        return found if all(year in self._years for year in range(first.year, found.year + 1)) else None

    def _instant(self, day: date | None, hour: str) -> datetime | None:
        if day is None:
            return None
        hours, minutes = map(int, self._years[day.year]["business_hours"][hour].split(":")[:2])
        return datetime(day.year, day.month, day.day, hours, minutes, tzinfo=CHINA).astimezone(UTC)

    def yellow(self, starts_on: date, limit: int) -> datetime | None:
        """Opening of the day on which nine tenths of the limit are reached; none for limit 0."""
        return None if limit == 0 else self._instant(self.last_day(starts_on, -(-9 * limit // 10)), "opens")

    def red(self, starts_on: date, limit: int) -> datetime | None:
        """Close of business on the last day."""
        return self._instant(self.last_day(starts_on, limit), "closes")
