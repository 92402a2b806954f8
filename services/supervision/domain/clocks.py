"""The clocks of one case: what the flow starts and stops, from which day to which, and what they crossed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import blake2b

from services.supervision.domain.case_file import CaseFile, Happening
from services.supervision.domain.catalogue import Calendars, Item
from services.supervision.domain.workdays import WorkingDays, legal_day, warning_day

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


_NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Crossing:
    """A clock reached its last tenth (yellow) or ran out (red), at this instant, whenever noticed."""

    colour: str
    at: datetime
    used_wd: int


@dataclass(slots=True)
class Clock:
    """One running or stopped clock. ``agency`` is who is timed: "intake" or a department.

    ``due_on`` is the last day; ``yellow_at`` and ``red_at`` are None where the count would be a guess.
    ``by_silence``: it was ended by the law's own consequence of silence (deemed acceptance), not by an act.
    ``clock_id``: unique, as there is one clock of a kind per case and agency. Nothing changes a clock once it is
    made (that it could be changed makes it several times cheaper to make, and a case makes dozens).
    """

    case_id: str
    kind: str
    agency: str
    starts_on: date
    limit_wd: int
    due_on: date
    provisional: bool
    yellow_at: datetime | None
    red_at: datetime | None
    started_at: datetime
    stopped_at: datetime | None = None
    by_silence: bool = False
    clock_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.clock_id = f"{self.case_id}/{self.kind}/{self.agency}"

    def stopped(self, at: datetime, *, by_silence: bool) -> Clock:
        """The same clock, stopped."""
        return Clock(
            self.case_id, self.kind, self.agency, self.starts_on, self.limit_wd, self.due_on, self.provisional,
            self.yellow_at, self.red_at, self.started_at, at, by_silence,
        )  # fmt: skip

    def digest(self) -> str:
        """Tells this clock, as it stands, from itself at any other time."""
        stands = (
            f"{self.starts_on.toordinal()} {self.limit_wd} {self.due_on.toordinal()} {self.provisional} "
            f"{_seconds(self.yellow_at)} {_seconds(self.red_at)} {_seconds(self.started_at)} "
            f"{_seconds(self.stopped_at)} {self.by_silence}"
        )
        return blake2b(stands.encode(), digest_size=8).hexdigest()

    def crossings(self) -> Iterator[Crossing]:
        """What this clock crossed or, running, will cross; an act at that very instant is in time (T-5)."""
        for colour, at in (("yellow", self.yellow_at), ("red", self.red_at)):
            if at is not None and (self.stopped_at is None or self.by_silence or self.stopped_at > at):
                used = self.limit_wd if colour == "red" else warning_day(self.limit_wd) or 0
                yield Crossing(colour, at, used)

    @property
    def in_time(self) -> bool | None:
        """Whether it was stopped by its last day's close; None while it runs, or when only provisional."""
        if self.stopped_at is None or self.red_at is None:
            return None
        return self.stopped_at <= self.red_at and not self.by_silence


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def clocks_of(
    case: CaseFile, item: Item, calendars: Calendars, marks: Mapping[str, Marks]
) -> tuple[Clock, ...]:
    """Every clock of the case, in the order of starting: a pure function of what happened.

    A running clock is counted with the newest calendars, a stopped one with those published when it stopped.
    """
    days = calendars.newest()
    clocks: dict[str, Clock] = {}
    for happening in case.happenings:
        for kind in marks.get(happening.type, _NO_MARKS).starts:
            clock = _started(case, item, days, kind, happening)
            if clock is not None:
                clocks.setdefault(clock.clock_id, clock)
    for happening in case.happenings:
        for kind in _stopped_by(marks.get(happening.type, _NO_MARKS)):
            for clock in _meant(clocks.values(), kind, happening):
                if clock.stopped_at is None:
                    silent = kind == "notice" and happening.data.get("mode") == "deemed"
                    stopped = clock.stopped(happening.at, by_silence=silent)
                    clocks[clock.clock_id] = _counted(stopped, calendars.as_of(happening.at), days)
    return tuple(_never_ran(clock) for clock in clocks.values())


def _counted(clock: Clock, then: WorkingDays, now: WorkingDays) -> Clock:
    """The clock as it was counted then; unchanged when no calendar has been published since."""
    if then is now or then.stamp == now.stamp:
        return clock
    due = then.day_number(clock.starts_on, clock.limit_wd)
    return replace(
        clock,
        due_on=due.day,
        provisional=due.provisional,
        yellow_at=then.yellow_at(clock.starts_on, clock.limit_wd),
        red_at=then.red_at(clock.starts_on, clock.limit_wd),
    )


def _stopped_by(marks: Marks) -> tuple[str, ...]:
    """What ends the time for the notice ends the departments' completeness checks with it."""
    return (*marks.stops, "check") if "notice" in marks.stops else marks.stops


def _never_ran(clock: Clock) -> Clock:
    """A clock whose end came before its start (an opinion given ahead of its release) ran for no time."""
    if clock.stopped_at is not None and clock.stopped_at < clock.started_at:
        return replace(clock, stopped_at=clock.started_at)
    return clock


def _meant(clocks: Iterable[Clock], kind: str, happening: Happening) -> Sequence[Clock]:
    """The clocks a stopping happening stops: a department's own, or all of the kind when it names none."""
    named = happening.department if kind in PER_DEPARTMENT else None
    return [each for each in clocks if each.kind == kind and named in (None, each.agency)]


def _started(case: CaseFile, item: Item, days: WorkingDays, kind: str, by: Happening) -> Clock | None:
    basis = _basis(item, kind, by)
    if basis is None:
        return None
    agency, starts_on, limit = basis
    due = days.day_number(starts_on, limit)
    return Clock(
        case.case_id, kind, agency, starts_on, limit, due.day, due.provisional,
        days.yellow_at(starts_on, limit), days.red_at(starts_on, limit), by.at,
    )  # fmt: skip


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
    return legal_day(datetime.fromisoformat(told) if told else happening.at)
