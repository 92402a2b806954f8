"""What a case page draws: lanes on one axis of days, and the calendar of the period that matters now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from libs.deadlines import legal_day
from libs.pages import drawings
from services.intake.api.shapes import CaseView, Lane, Period

RISK = 0.9  # from nine tenths of a limit on, a lane is at risk (as supervision's yellow card)
_ORDER = ("respond", "accept", "delivery", "decision_promised", "decision_statutory", "notice")


@dataclass(frozen=True)
class DrawnLane:
    """A department's lane: the review, its drawing, and what kind of status it has."""

    review: Lane
    lane: Any
    kind: str


@dataclass(frozen=True)
class Drawn:
    """The drawings of a case. ``current`` is the period the top of the page speaks of."""

    lanes: tuple[DrawnLane, ...]
    marks: tuple[tuple[str, date, str, str], ...]
    current: Period | None
    calendar: tuple[Any, ...]
    today: date


def drawn_case(view: CaseView) -> Drawn:
    """Everything to draw, from the view alone."""
    today = legal_day(view.business_now)
    current = current_period(view)
    cells = (
        drawings.calendar(current.days, starts_on=current.starts_on, due_on=current.due_on, today=today)
        if current
        else ()
    )
    lanes, marks = _lanes(view, today)
    return Drawn(lanes, marks, current, cells, today)


def current_period(view: CaseView) -> Period | None:
    """The period that runs now: the first of the waiting clocks, else the last one that ran."""
    waiting = {waits.clock.kind for waits in view.waits_for if waits.clock is not None}
    if view.state in ("accepted", "decision_due", "granted", "refused"):
        waiting = {"decision_promised"}
    running = [period for kind in _ORDER for period in view.due if period.kind == kind and kind in waiting]
    return running[0] if running else (view.due[-1] if view.due else None)


def _lanes(
    view: CaseView, today: date
) -> tuple[tuple[DrawnLane, ...], tuple[tuple[str, date, str, str], ...]]:
    if not view.lanes:
        return (), ()
    promised = next((period for period in view.due if period.kind == "decision_promised"), None)
    days = [promised.starts_on, promised.due_on] if promised else []
    for each in view.lanes:
        days += [each.clock.starts_on, each.clock.due_on] if each.clock else []
        days += [legal_day(each.given_at)] if each.given_at else []
    ended = view.decision is not None or view.withdrawal is not None
    axis = drawings.Axis.over([*days, *([] if ended else [today])])
    rests = _rest_days(axis.first, axis.last, view.due)
    drawn = tuple(
        DrawnLane(
            each,
            drawings.lane(
                axis,
                starts_on=each.clock.starts_on if each.clock else None,
                due_on=each.clock.due_on if each.clock else None,
                today=today,
                done_on=legal_day(each.given_at) if each.given_at else None,
                risk=_kind(each) == "risk",
                rest_days=rests,
            ),
            _kind(each),
        )
        for each in view.lanes
    )
    marks = []
    if promised:
        marks.append((axis.x(promised.starts_on), promised.starts_on, "", "start"))
        marks.append((axis.x(promised.due_on), promised.due_on, "t-acc", "end"))
    return drawn, tuple(marks)


def _kind(lane: Lane) -> str:
    if lane.outcome is not None:
        return "done"
    if not lane.released or lane.clock is None:
        return "wait"
    if lane.overdue or lane.card == "red":
        return "over"
    used = (lane.used_wd or 0) / lane.clock.limit_wd if lane.clock.limit_wd else 0.0
    return "risk" if lane.card == "yellow" or used >= RISK else "run"


def _rest_days(first: date, last: date, periods: list[Period]) -> list[date]:
    """Days off within the axis: as the explanations say, and plain weekends where they say nothing."""
    told = {day.on: day.reason for period in periods for day in period.days}
    found = []
    day = first
    while day <= last:
        reason = told.get(day)
        if reason in ("weekend", "day_off") or (reason is None and day.weekday() >= 5):
            found.append(day)
        day += timedelta(days=1)
    return found
