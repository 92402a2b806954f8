"""I11 the promise clock: every due date recounted, every card matched with its crossing and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from deploy.audit.checks.cases import ACCEPTED, published_item
from deploy.audit.evidence.days import Counting, day_of
from deploy.audit.report import Finding
from deploy.audit.snapshot import Row, Said, Snapshot, first, pick
from libs.flow import Flow

CARD = "supervision.card_issued.v1"
CARDED = ("notice", "review", "decision_promised", "decision_statutory", "delivery")
NOTICE_S = 120  # a crossing this fresh may not have its card yet


class Years:
    """The published calendars, and counting with those of a moment or with named ones."""

    def __init__(self, published: Iterable[Row]) -> None:
        self._published = list(published)
        self._counting: dict[tuple[str, ...], Counting] = {}

    def _with(self, calendars: list[Row]) -> Counting:
        names = tuple(sorted(_name(each) for each in calendars))
        if names not in self._counting:
            self._counting[names] = Counting(calendars)
        return self._counting[names]

    def as_of(self, moment: datetime) -> Counting:
        """A later calendar does not reach back to what had stopped before it."""
        return self._with(
            [each for each in self._published if datetime.fromisoformat(each["published_at"]) <= moment]
        )

    def named(self, names: Iterable[str]) -> Counting:
        """Exactly these versions, as far as they are published."""
        wanted = set(names)
        return self._with([each for each in self._published if _name(each) in wanted])


def _name(calendar: Row) -> str:
    return f"{calendar['year']}.v{calendar['version']}"


@dataclass
class Running:
    """A clock as the audit reads it from the events."""

    kind: str
    agency: str
    starts_on: date
    limit: int
    started_at: datetime
    stopped_at: datetime | None = None
    silent: bool = False

    def crossed(self, at: datetime | None) -> bool:
        """Whether an instant was crossed while it ran; an act at that very instant was in time."""
        return at is not None and (self.stopped_at is None or self.silent or self.stopped_at > at)

    def crossings(self, days: Counting) -> Iterator[tuple[str, datetime]]:
        """(colour, instant) of what it crossed or, running, will cross."""
        instants = {
            "yellow": days.yellow(self.starts_on, self.limit),
            "red": days.red(self.starts_on, self.limit),
        }
        for colour, at in instants.items():
            if at is not None and self.crossed(at):
                yield colour, at


def clocks_and_cards(snapshot: Snapshot, flow: Flow) -> Finding:
    """Due dates as said, cards as crossed, and supervision's own clocks: all three agree with the recount."""
    finding = Finding("I11", "promises and cards")
    years = Years(dict(event.data) for event in snapshot.of_type("disclosure.calendar_published.v1"))
    for case_id, events in snapshot.cases.items():
        clocks = list(clocks_of(snapshot, flow, events))
        finding.count("clocks", len(clocks))
        for event in events:
            for said in event.data.get("clocks") or [event.data.get("clock")]:
                if said:
                    _said(finding, years, clocks, event, said)
        _cards(finding, snapshot, years, case_id, clocks, pick(events, CARD))
        _supervised(finding, snapshot, years, case_id, clocks)
    return finding


def clocks_of(snapshot: Snapshot, flow: Flow, events: list[Said]) -> Iterator[Running]:
    """The clocks of a case: started and stopped by what the story says of its events, in business order."""
    clocks: dict[tuple[str, str], Running] = {}
    for event in events:
        for kind in flow.rule(event.type).starts if event.type in flow.rules else ():
            clock = _start(snapshot, events, event, kind)
            if clock is not None:
                clocks.setdefault((kind, clock.agency), clock)
    for event in events:
        for kind in flow.rule(event.type).stops if event.type in flow.rules else ():
            for clock in clocks.values():
                if clock.kind == kind and _means(event, clock) and clock.stopped_at is None:
                    clock.stopped_at = max(event.time, clock.started_at)
                    clock.silent = kind == "notice" and event.data.get("mode") == "deemed"
    yield from clocks.values()


def _means(event: Said, clock: Running) -> bool:
    """A department's event stops that department's clock; one that names none stops them all."""
    return clock.kind not in ("check", "review") or event.department in (None, clock.agency)


def _start(snapshot: Snapshot, events: list[Said], event: Said, kind: str) -> Running | None:
    item = published_item(snapshot, event.data["item_code"], event.data["item_version"])
    if item is None:
        return None
    limits, lead = item["limits"], item["lead"]
    accepted = first(events, ACCEPTED)
    match kind:
        case "notice":
            agency, since, limit = "intake", _at(event, "received_at"), limits["notice_wd"]
        case "check":
            agency, since, limit = str(event.department), event.time, limits["check_wd"]
        case "review":
            step = next((each for each in item["plan"] if each["department"] == event.department), None)
            limit = step["limit_wd"] if step else None
            if limit is None or event.data.get("released") is False:
                return None
            agency, since = str(event.department), event.time
        case "decision_promised" | "decision_statutory":
            agency, since = lead, _at(accepted or event, "accepted_at")
            limit = limits["promised_wd" if kind == "decision_promised" else "statutory_wd"]
        case "delivery":
            agency, since, limit = "intake", _at(event, "decided_at"), limits["delivery_wd"]
        case _:
            return None
    return Running(kind, agency, day_of(since), limit, event.time)


def _at(event: Said, name: str) -> datetime:
    return datetime.fromisoformat(event.data[name])


def _said(finding: Finding, years: Years, clocks: list[Running], event: Said, said: Row) -> None:
    """A due date as it was said, recounted with the calendars it names."""
    finding.count("due dates")
    agency = event.department if said["kind"] in ("check", "review") else None
    mine = next(
        (each for each in clocks if each.kind == said["kind"] and agency in (None, each.agency)), None
    )
    if mine is None:
        finding.breach(f"{event} tells of a clock {said['kind']} that the story does not start")
        return
    due = years.named(said["calendar"]).last_day(mine.starts_on, mine.limit)
    told = said["starts_on"], said["limit_wd"]
    about = f"{event}: {said['kind']}"
    differs = f"{about} counts {told[1]} from {told[0]}, not {mine.limit} from {mine.starts_on}"
    finding.expect(told == (mine.starts_on.isoformat(), mine.limit), differs)
    finding.expect(bool(said["provisional"]) == (due is None), f"{about} is provisional: {due is None}")
    if due is not None and said["due_on"] != due.isoformat():
        finding.breach(f"{about} due {said['due_on']}, recounted {due}")


def _cards(
    finding: Finding, snapshot: Snapshot, years: Years, case_id: str, clocks: list[Running], cards: list[Said]
) -> None:
    found = Counter((card.data["clock_kind"], card.data["agency"], card.data["colour"]) for card in cards)
    finding.count("cards", len(cards))
    for key, number in found.items():
        finding.expect(number == 1, f"case {case_id[:12]}: {number} cards {' '.join(key)}")
    carded = {(clock.kind, clock.agency): clock for clock in clocks if clock.kind in CARDED}
    settled = snapshot.business_now - timedelta(seconds=NOTICE_S)
    for clock in carded.values():
        for colour, at in clock.crossings(years.as_of(clock.stopped_at or snapshot.business_now)):
            if (clock.kind, clock.agency, colour) not in found and at <= settled:
                what = f"{clock.kind} {clock.agency} {colour}"
                finding.breach(f"case {case_id[:12]}: no card {what} for the crossing at {at}")
    for card in cards:
        _earned(finding, years, case_id, carded.get((card.data["clock_kind"], card.data["agency"])), card)


def _earned(finding: Finding, years: Years, case_id: str, clock: Running | None, card: Said) -> None:
    """A card has its crossing, by the calendars published when the clock stopped or when the card was issued."""
    told, colour = datetime.fromisoformat(card.data["crossed_at"]), card.data["colour"]
    what = f"case {case_id[:12]}: card {card.data['clock_kind']} {card.data['agency']} {colour}"
    moments = [card.time, *([clock.stopped_at] if clock and clock.stopped_at else [])]
    crossed = [dict(clock.crossings(years.as_of(each))).get(colour) for each in moments] if clock else []
    if not any(crossed):
        finding.breach(f"{what} without a crossing")
    elif told not in crossed:
        finding.breach(f"{what} says {told}, crossed at {crossed[0]}")
    elif told > card.time:
        finding.breach(f"{what} was issued before its crossing")


def _supervised(
    finding: Finding, snapshot: Snapshot, years: Years, case_id: str, clocks: list[Running]
) -> None:
    """Supervision's own clocks of the case are the recounted ones."""
    books = snapshot.books.get("supervision")
    if books is None or "clocks" not in books.tables:
        return
    kept = {
        (row["kind"], row["agency"]): (str(row["due_on"]), row["stopped_at"] is None)
        for row in books.rows("clocks") if row["case_id"] == case_id
    }  # fmt: skip
    for clock in clocks:
        days = years.as_of(clock.stopped_at or snapshot.business_now)
        due = days.last_day(clock.starts_on, clock.limit)
        row = kept.pop((clock.kind, clock.agency), None)
        if row is None:
            finding.breach(f"case {case_id[:12]}: supervision keeps no clock {clock.kind} of {clock.agency}")
            continue
        if due is not None:
            differs = f"case {case_id[:12]}: supervision has {clock.kind} due {row[0]}, recounted {due}"
            finding.expect(row[0] == due.isoformat(), differs)
        if clock.kind != "check":
            running = clock.stopped_at is None
            differs = f"case {case_id[:12]}: supervision's {clock.kind} runs: {row[1]}"
            finding.expect(row[1] == running, differs)
    for kind, agency in kept:
        finding.breach(
            f"case {case_id[:12]}: supervision keeps a clock {kind} of {agency} that nothing started"
        )
