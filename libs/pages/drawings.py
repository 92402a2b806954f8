"""Computes every coordinate of the drawings: x in percent so that they stretch, y in pixels so that text stays readable.

Pure: facts in, numbers out; the macros in templates/kit only write them down. Used words: a *lane* is one clock on a
shared axis of days, a *strip* shows many clocks at once, a *proof* is an RFC 6962 inclusion path, bottom to top.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from libs.pages.formats import as_date

DUE_AT = 100 / 1.2  # on a strip the limit's end stands here, so that an overdue clock still fits beside it
YELLOW = 0.9
ROW = 44
WEEK = 7


def percent(number: float) -> str:
    """An SVG length in percent."""
    return f"{number:.2f}%"


@dataclass(frozen=True)
class Span:
    """A bar or band: where it begins, how wide, and its colour class."""

    x: str
    width: str
    kind: str = ""


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
        """Where the day begins (part 0), is at noon (0.5) or ends (1), in percent, kept inside the drawing."""
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
    """The lane of a clock: used, remaining, not counted, due. Without a start only the due tick is drawn."""
    now = as_date(today)
    bars: list[Span] = []
    over = bool(due_on and (as_date(done_on) if done_on else now) > as_date(due_on))
    if starts_on and due_on:
        begun = as_date(starts_on) + timedelta(days=1)  # the starting day itself is not counted
        until = as_date(done_on) if done_on else now
        if not done_on and as_date(due_on) >= begun:
            bars.append(axis.span(begun, due_on, "wait"))
        if until >= begun:
            bars.append(axis.span(begun, until, "red" if over else "amber" if risk and not done_on else "acc"))
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
    """Whole weeks from the starting day to the due day. ``explanation``: objects or mappings with on, reason, number."""
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
        if each is None and day.weekday() >= 5:
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


@dataclass(frozen=True)
class Mark:
    """One clock on a strip: where, and whether it is within (acc), past nine tenths (amber) or overdue (red)."""

    x: str
    kind: str


def strip(shares: Iterable[float]) -> tuple[Mark, ...]:
    """Clocks by the share of their limit that is used; more than 1 is overdue."""
    marks = [
        Mark(
            percent(min(max(share, 0.0), 1.18) * DUE_AT),
            "red" if share > 1 else "amber" if share >= YELLOW else "acc",
        )
        for share in sorted(shares)
    ]
    return tuple(marks)


def bars(values: Sequence[float], most: float) -> tuple[Span, ...]:
    """Stacked bars of one row, in percent of ``most``, with a hair's breadth between them."""
    found, x = [], 0.0
    for value in values:
        width = value / most * 98 if most else 0.0
        found.append(Span(percent(x), percent(width)))
        x += width + (1 if width else 0)
    return tuple(found)


@dataclass(frozen=True)
class Plot:
    """A line through points, its grid and its target, in a box of ``height`` pixels."""

    height: int
    grid: tuple[tuple[float, str], ...]
    points: tuple[tuple[str, float, str, float], ...]  # x, y, label, value
    target: float | None


def line_plot(
    points: Sequence[tuple[str, float]], *, low: float, high: float, target: float | None = None, height: int = 190
) -> Plot:
    """``points`` from left to right; the axis runs from ``low`` to ``high`` and is labelled at its thirds."""
    top, bottom = 14.0, height - 32.0

    def y(value: float) -> float:
        return round(bottom - (min(max(value, low), high) - low) / ((high - low) or 1) * (bottom - top), 1)

    step = 88 / max(1, len(points) - 1)
    placed = tuple((percent(6 + place * step), y(value), label, value) for place, (label, value) in enumerate(points))
    grid = tuple((y(value), f"{value:g}") for value in (low, (low + high) / 2, high))
    return Plot(height, grid, placed, y(target) if target is not None else None)


@dataclass(frozen=True)
class Box:
    """One department between filing and delivery; a dashed line leads to one that only some cases need."""

    label: str
    y: int
    middle: int
    certain: bool


def fan_out(departments: Sequence[tuple[str, bool]]) -> tuple[int, tuple[Box, ...]]:
    """(height, boxes) of one application that goes to all departments at once."""
    boxes = tuple(
        Box(name, 10 + place * 42, 26 + place * 42, certain) for place, (name, certain) in enumerate(departments)
    )
    return max(84, 10 + len(boxes) * 42), boxes


@dataclass(frozen=True)
class ProofStep:
    """One step of an inclusion proof: the hash so far, its sibling and the side the sibling stands on."""

    number: int
    own: str
    sibling: str
    side: str
    y: int


@dataclass(frozen=True)
class Proof:
    """The path from a leaf to the root, bottom to top."""

    steps: tuple[ProofStep, ...]
    root: str
    height: int
    leaf_y: int


def proof(index: int, size: int, leaf_hash: str, path: Sequence[str]) -> Proof:
    """Walks an RFC 6962 inclusion path (RFC 9162, 2.1.3.2); the root it ends in must be compared with the checkpoint."""
    fn, sn, own = index, size - 1, leaf_hash
    found: list[tuple[str, str, str]] = []
    for sibling in path:
        left = bool(fn & 1) or fn == sn
        found.append((own, sibling, "left" if left else "right"))
        pair = sibling + own if left else own + sibling
        own = hashlib.sha256(b"\x01" + bytes.fromhex(pair)).hexdigest()
        while left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    height = 64 + 74 * len(found)
    leaf_y = height - 44
    steps = tuple(
        ProofStep(place + 1, mine, sibling, side, leaf_y - place * 74)
        for place, (mine, sibling, side) in enumerate(found)
    )
    return Proof(steps, own, height, leaf_y)
