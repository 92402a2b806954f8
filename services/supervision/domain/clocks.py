"""The clocks of one case: what the flow starts and stops, from which day to which, and what they crossed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.domain.catalogue import Calendars, Item
from services.supervision.domain.workdays import Span, legal_day, told_day, warning_day

REQUESTED = "intake.review_requested.v1"
PER_DEPARTMENT = ("check", "review")
# The clause a card names. A check that stays silent found nothing: no card.
CARD_RULES = {
    "notice": "AL 32(1)(4)",
    "review": "AL 26(2)",
    "decision_promised": "优化营商环境条例 36",
    "decision_statutory": "AL 42",
    "delivery": "AL 44",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Which clocks an event starts and stops, as the flow says."""

    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Crossing:
    """A clock reached its last tenth (yellow) or ran out (red), at this instant, whenever noticed."""

    colour: str
    at: datetime
    used_wd: int


@dataclass(slots=True)
class Clock:
    """One running or stopped clock. ``agency`` is who is timed: "intake" or a department.

    ``span`` is what its limit comes to; its crossings are None where the count would be a guess.
    ``by_silence``: it was ended by the law's own consequence of silence (deemed acceptance), not by an act.
    ``clock_id``: unique, as there is one clock of a kind per case and agency. Nothing changes a clock once it is
    made (that it could be changed makes it several times cheaper to make, and a case makes dozens).
    """

    case_id: str
    kind: str
    agency: str
    starts_on: date
    limit_wd: int
    span: Span
    started_at: datetime
    stopped_at: datetime | None = None
    by_silence: bool = False

    @property
    def name(self) -> str:
        """Which clock of its case this is."""
        return f"{self.kind}/{self.agency}"

    @property
    def clock_id(self) -> str:
        """Which clock of all this is."""
        return f"{self.case_id}/{self.kind}/{self.agency}"

    @property
    def due_on(self) -> date:
        """The last day."""
        return self.span.due_on

    def stopped(self, at: datetime, span: Span, *, by_silence: bool) -> Clock:
        """The same clock, stopped, as it was counted then; one that ended before its start ran for no time."""
        ended = max(at, self.started_at)
        return Clock(
            self.case_id, self.kind, self.agency, self.starts_on, self.limit_wd, span, self.started_at, ended,
            by_silence,
        )  # fmt: skip

    def stands(self) -> str:
        """Tells this clock, as it stands, from itself at any other time."""
        if self.stopped_at is None:
            return f"{self.span.mark} {self.started_at.timestamp()}"
        silent = " silent" if self.by_silence else ""
        return f"{self.span.mark} {self.started_at.timestamp()} {self.stopped_at.timestamp()}{silent}"

    def crossings(self) -> Iterator[Crossing]:
        """What this clock crossed or, running, will cross; an act at that very instant is in time (T-5)."""
        for colour, at in (("yellow", self.span.yellow_at), ("red", self.span.red_at)):
            if at is not None and (self.stopped_at is None or self.by_silence or self.stopped_at > at):
                used = self.limit_wd if colour == "red" else warning_day(self.limit_wd) or 0
                yield Crossing(colour, at, used)

    @property
    def in_time(self) -> bool | None:
        """Whether it was stopped by its last day's close; None while it runs, or when only provisional."""
        red_at = self.span.red_at
        if self.stopped_at is None or red_at is None:
            return None
        return self.stopped_at <= red_at and not self.by_silence


def clocks_of(
    case: CaseFile, item: Item, calendars: Calendars, marks: Mapping[str, Marks]
) -> tuple[Clock, ...]:
    """Every clock of the case, in the order of starting: a pure function of what happened.

    A running clock is counted with the newest calendars, a stopped one with those published when it stopped.
    """
    days = calendars.newest()
    clocks: dict[tuple[str, str], Clock] = {}
    stops: list[tuple[Happening, tuple[str, ...]]] = []
    for happening in case.happenings:
        mark = marks.get(happening.type)
        if mark is None:
            continue
        for kind in mark.starts:
            basis = _basis(item, kind, happening)
            if basis is not None and (kind, basis[0]) not in clocks:
                agency, starts_on, limit = basis
                clocks[(kind, agency)] = Clock(
                    case.case_id, kind, agency, starts_on, limit, days.span(starts_on, limit), happening.at
                )
        if mark.stops:
            stops.append((happening, mark.stops))
    for happening, kinds in stops:
        then = calendars.as_of(happening.at)
        for kind in _stopped_with(kinds):
            for name in _meant(clocks, kind, happening):
                clock = clocks[name]
                if clock.stopped_at is None:
                    silent = kind == "notice" and happening.data.get("mode") == "deemed"
                    span = clock.span if then is days else then.span(clock.starts_on, clock.limit_wd)
                    clocks[name] = clock.stopped(happening.at, span, by_silence=silent)
    return tuple(clocks.values())


def _stopped_with(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """What ends the time for the notice ends the departments' completeness checks with it."""
    return (*kinds, "check") if "notice" in kinds else kinds


def _meant(clocks: Mapping[tuple[str, str], Clock], kind: str, happening: Happening) -> list[tuple[str, str]]:
    """The clocks a stopping happening stops: a department's own, or all of the kind when it names none."""
    named = happening.department if kind in PER_DEPARTMENT else None
    if named is not None:
        return [(kind, named)] if (kind, named) in clocks else []
    return [name for name in clocks if name[0] == kind]


def _basis(item: Item, kind: str, by: Happening) -> tuple[str, date, int] | None:
    """(who is timed, the day not counted, the limit); None when this does not start it after all."""
    limits = item.limits
    if kind == "notice":
        return "intake", _day(by, "received_at"), limits.notice_wd
    if kind == "check":
        return by.department or "", legal_day(by.at), limits.check_wd
    if kind == "decision_promised":
        return item.lead, _day(by, "accepted_at"), limits.promised_wd
    if kind == "decision_statutory":
        return item.lead, _day(by, "accepted_at"), limits.statutory_wd
    if kind == "delivery":
        return "intake", _day(by, "decided_at"), limits.delivery_wd
    if kind == "review":
        step = next((each for each in item.plan if each.department == by.department), None)
        waits = by.type == REQUESTED and not by.data.get("released", True)
        return None if step is None or waits else (step.department, legal_day(by.at), step.limit_wd)
    return None


def _day(happening: Happening, name: str) -> date:
    """The legal day of the instant the event names; of the event itself when it names none."""
    told = happening.data.get(name)
    return told_day(told) if told else legal_day(happening.at)
