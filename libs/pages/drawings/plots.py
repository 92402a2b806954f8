"""Many things at once: all clocks of a department, stacked bars, a line over months, a fan-out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from libs.pages.drawings.lengths import Span, percent

DUE_AT = 100 / 1.2  # on a strip the limit ends here, so that an overdue clock still fits beside it
FURTHEST = 1.18
YELLOW = 0.9
LEFT, RIGHT = 10, 94  # where a line begins and ends; the grid's figures stand left of it


@dataclass(frozen=True)
class Mark:
    """One clock on a strip: where; within (acc), past nine tenths (amber) or overdue (red)."""

    x: str
    kind: str


def strip(shares: Iterable[float]) -> tuple[Mark, ...]:
    """Clocks by the share of their limit that is used; more than 1 is overdue."""
    marks = [
        Mark(
            percent(min(max(share, 0.0), FURTHEST) * DUE_AT),
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
    points: Sequence[tuple[str, float]],
    *,
    low: float,
    high: float,
    target: float | None = None,
    height: int = 190,
) -> Plot:
    """``points`` from left to right; the axis runs from ``low`` to ``high``."""
    top, bottom = 14.0, height - 32.0

    def y(value: float) -> float:
        return round(bottom - (min(max(value, low), high) - low) / ((high - low) or 1) * (bottom - top), 1)

    step = (RIGHT - LEFT) / max(1, len(points) - 1)
    placed = tuple(
        (percent(LEFT + place * step), y(value), label, value) for place, (label, value) in enumerate(points)
    )
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
        Box(name, 10 + place * 42, 26 + place * 42, certain)
        for place, (name, certain) in enumerate(departments)
    )
    return max(84, 10 + len(boxes) * 42), boxes
