"""Clocks on days: a lane on a shared axis, and the calendar that says why a day is the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from libs.pages.drawings.lengths import Span, percent
from libs.pages.formats import as_date

ROW = 44
WEEK = 7
SATURDAY = 5


@dataclass(frozen=True)
class Axis:
    """A row of days, both ends included, drawn over the whole width."""

    first: date
    last: date

    @classmethod
    def over(cls, days: Iterable[date | str | None], margin: int = 1) -> Axis:
        """The axis that shows all given days (None is skipped), with a margin of days at both ends."""
        known = sorted(as_date(day) for day in days if day)
        if not known:
            raise ValueError("an axis needs a day")
        return cls(known[0] - timedelta(days=margin), known[-1] + timedelta(days=margin))

    @property
    def days(self) -> int:
        """How many days it shows."""
        return (self.last - self.first).days + 1

    def at(self, on: date | str, part: float = 0.0) -> float:
        """Where the day begins (part 0), is at noon (0.5) or ends (1), in percent of the width."""
        place = ((as_date(on) - self.first).days + part) / self.days * 100
        return min(100.0, max(0.0, place))

    def x(self, on: date | str, part: float = 0.5) -> str:
        """``at`` as an SVG length."""
        return percent(self.at(on, part))

    def span(self, first: date | str, last: date | str, kind: str = "") -> Span:
        """From the beginning of the first day to the end of the last."""
        left = self.at(first)
        return Span(percent(left), percent(max(0.0, self.at(last, 1) - left)), kind)


@dataclass(frozen=True)
class Lane:
    """One clock on an axis of days."""

    bars: tuple[Span, ...]
    rests: tuple[Span, ...]
    excluded: tuple[Span, ...]
    due: str | None
    due_kind: str
    today: str | None


def lane(
    axis: Axis,
    *,
    starts_on: date | str | None,
    due_on: date | str | None,
    today: date | str,
    done_on: date | str | None = None,
    risk: bool = False,
    rest_days: Iterable[date | str] = (),
    excluded: Iterable[tuple[date | str, date | str]] = (),
) -> Lane:
    """A clock's lane: used, remaining, not counted, due. Without a start only the due tick is drawn."""
    now = as_date(today)
    bars: list[Span] = []
    over = bool(due_on and (as_date(done_on) if done_on else now) > as_date(due_on))
    if starts_on and due_on:
        begun = as_date(starts_on) + timedelta(days=1)  # the starting day itself is not counted
        until = as_date(done_on) if done_on else now
        if not done_on and as_date(due_on) >= begun:
            bars.append(axis.span(begun, due_on, "wait"))
        if until >= begun:
            bars.append(axis.span(begun, until, "red" if over else "amber" if risk else "acc"))
        elif done_on:
            bars.append(axis.span(until, until, "acc"))
    return Lane(
        tuple(bars),
        tuple(axis.span(first, last, "ground") for first, last in runs(axis, rest_days)),
        tuple(axis.span(first, last, "hatch") for first, last in excluded),
        percent(axis.at(due_on, 1)) if due_on else None,
        "red" if over else "amber" if risk else "axis",
        axis.x(now) if axis.first <= now <= axis.last else None,
    )


def runs(axis: Axis, days: Iterable[date | str]) -> list[tuple[date, date]]:
    """Neighbouring days joined into runs, those outside the axis left out."""
    found: list[tuple[date, date]] = []
    for day in sorted({as_date(day) for day in days}):
        if not axis.first <= day <= axis.last:
            continue
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


@dataclass(frozen=True)
class Cell:
    """One day of a calendar drawing. ``kind``: plain, start, counted, rest, excluded or due."""

    on: date
    x: str
    middle: str
    left: str
    right: str
    y: int
    width: str
    kind: str
    label: str
    number: int | None
    make_up: bool
    today: bool


_KINDS = {
    "starting_day": "start", "working_day": "counted", "make_up_day": "counted",
    "weekend": "rest", "day_off": "rest", "rest_day_moved": "rest", "excluded": "excluded", "last_day": "due",
}  # fmt: skip


def calendar(
    explanation: Iterable[Any], *, starts_on: date | str, due_on: date | str, today: date | str | None = None
) -> tuple[Cell, ...]:
    """Whole weeks from the starting day to the due day.

    ``explanation``: objects or mappings with ``on``, ``reason`` and ``number``, one per day.
    """
    first, last = as_date(starts_on), as_date(due_on)
    known = {as_date(_member(each, "on")): each for each in explanation}
    day = first - timedelta(days=first.weekday())
    end = last + timedelta(days=WEEK - 1 - last.weekday())
    cells: list[Cell] = []
    while day <= end:
        column, row = len(cells) % WEEK, len(cells) // WEEK
        each = known.get(day)
        reason = str(_member(each, "reason")) if each is not None else ""
        kind = "start" if day == first else "due" if day == last else _KINDS.get(reason, "plain")
        if each is None and day.weekday() >= SATURDAY:
            kind = "rest" if kind == "plain" else kind
        width = 100 / WEEK
        new_month = day.day == 1 or not cells or day in (first, last)
        cells.append(Cell(
            day, percent(column * width), percent((column + 0.5) * width), percent(column * width + 1),
            percent((column + 1) * width - 1), 28 + row * ROW, percent(width), kind,
            f"{day.month}/{day.day}" if new_month else str(day.day),
            _member(each, "number") if each is not None else None,
            reason == "make_up_day", today is not None and day == as_date(today),
        ))  # fmt: skip
        day += timedelta(days=1)
    return tuple(cells)


def _member(each: Any, name: str) -> Any:
    return each.get(name) if isinstance(each, Mapping) else getattr(each, name, None)
