"""The deeds of supervision: keep what was published, follow every case, issue cards and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time
from time import monotonic

from libs.envelope import Event
from libs.flow import FLOW
from libs.refusals import Park
from libs.work import Work
from services.supervision import messages as said
from services.supervision.domain.backlog import Backlog
from services.supervision.domain.case_file import CaseFile, IssuedCard
from services.supervision.domain.catalogue import (
    Calendars,
    DatedItem,
    DatedTariff,
    Item,
    Items,
    Tariffs,
)
from services.supervision.domain.charges import Tariff
from services.supervision.domain.clocks import CARD_RULES, Clock, Crossing, Marks, clocks_of
from services.supervision.domain.rules import faults_of
from services.supervision.domain.rules.view import Fault, View
from services.supervision.domain.workdays import PublishedCalendar, legal_day
from services.supervision.storage import (
    CALENDARS,
    CARDS,
    CASE_FILES,
    CLOCKS,
    DUE_CASES,
    FINDINGS,
    HAPPENED,
    HAPPENINGS,
    ITEMS,
    LEAVES,
    RULES,
    STALE_CASES,
    TARIFFS,
    ClockRecord,
    LeafRecord,
    RuleRecord,
    happened,
)

CENTER = "center"
BACKLOG = Backlog(monotonic())
MARKS = {name: Marks(rule.starts, rule.stops) for name, rule in FLOW.rules.items()}


async def keep_calendar(work: Work, data: said.CalendarPublished) -> None:
    """A published year is counted with from now on; running clocks are counted again by the timer."""
    calendar = PublishedCalendar(
        year=data.year,
        version=data.version,
        days_off=frozenset(data.days_off),
        make_up_days=frozenset(data.make_up_days),
        opens=time.fromisoformat(data.business_hours.opens),
        closes=time.fromisoformat(data.business_hours.closes),
        published_at=data.published_at,
    )
    known = await work.get(CALENDARS, CENTER) or Calendars()
    work.put(CALENDARS, known.with_one(calendar))


async def keep_tariff(work: Work, data: said.TariffPublished) -> None:
    """A published fee standard."""
    known = await work.get(TARIFFS, data.tariff_code) or Tariffs(tariff_code=data.tariff_code)
    dated = DatedTariff(
        tariff=Tariff.model_validate(data.model_dump()),
        published_on=legal_day(data.published_at),
        in_force_from=data.in_force_from,
        in_force_until=data.in_force_until,
    )
    work.put(TARIFFS, known.with_one(dated))


async def keep_item(work: Work, data: said.ServiceItemPublished) -> None:
    """A published service item."""
    known = await work.get(ITEMS, data.item_code) or Items(item_code=data.item_code)
    item = Item.model_validate(data.model_dump())
    work.put(ITEMS, known.with_one(DatedItem(item=item, published_at=data.published_at)))


async def keep_rule(work: Work, data: said.RulePublished) -> None:
    """A published conduct or management rule."""
    rule = RuleRecord(
        rule_id=f"{data.rule_code}/{data.version}", kind=data.kind, title=data.title,
        in_force_from=data.in_force_from,
    )  # fmt: skip
    work.put(RULES, rule)


async def keep_leaf(work: Work, data: said.RecordPublished) -> None:
    """A leaf of the public log, so that a person can be shown where a case's papers are."""
    leaf = LeafRecord(
        leaf_index=str(data.leaf_index), leaf_hash=data.leaf_hash, record_kind=data.record_kind,
        of_source=data.of_event.source, of_id=data.of_event.id,
    )  # fmt: skip
    work.put(LEAVES, leaf)


async def note_happening(work: Work, event: Event, data: said.AboutCase) -> None:
    """Something happened to a case: into its file; the whole case is judged again when the commit is settled."""
    items = await work.get(ITEMS, data.item_code)
    if items is None or items.version(data.item_version) is None:
        raise Park(f"item/{data.item_code}")
    calendars = await work.get(CALENDARS, CENTER)
    if calendars is None:  # a year without one is counted provisionally (T-4), a center without any is not
        raise Park(f"calendar/{legal_day(event.time).year}")
    await _park_without_tariff(work, event, items, data)
    BACKLOG.note(work.now - event.time, work.settings.card_grace, monotonic())
    work.add(
        HAPPENINGS, source=event.source, id=event.id, case_id=event.subject, type=event.type, at=event.time,
        department=event.department, traceparent=event.traceparent, data=data.model_dump_json(),
    )  # fmt: skip


async def _park_without_tariff(work: Work, event: Event, items: Items, data: said.AboutCase) -> None:
    item = items.version(data.item_version)
    if not isinstance(data, said.ChargeAssessed) or item is None or item.fee is None:
        return
    if await work.get(TARIFFS, item.fee.tariff_code) is None:
        raise Park(f"tariff/{item.fee.tariff_code}")


async def settle_cases(work: Work, subjects: list[str]) -> None:
    """Judge every case of this commit once, however many events of it were heard."""
    for case in await _files(work, subjects):
        if not case.is_judged:
            work.cause = case.happenings[-1].id
            await look_at_case(work, case, caught_up=False)


async def _files(work: Work, case_ids: Sequence[str]) -> list[CaseFile]:
    """The files of these cases with everything that has happened; that of a new case is opened."""
    known = {case.case_id: case for case in await work.load(CASE_FILES, [(each,) for each in case_ids])}
    by_case = happened(await work.rows(HAPPENED, cases=list(case_ids)))
    return [
        (known.get(case_id) or CaseFile.opened_by(case_id, told[0])).with_happenings(told)
        for case_id, told in by_case.items()
    ]


async def look_at_case(work: Work, case: CaseFile, *, caught_up: bool) -> None:
    """Judge the case by everything heard so far: its clocks, what they crossed, what was not kept.

    Level-triggered: the outcome depends on the file and on business time, never on which event came last.
    What rests on something *not* having come (a crossing, an absence) is only judged when ``caught_up``.
    """
    view = await _view(work, case, caught_up)
    clocks = clocks_of(case, view.item, view.calendars, MARKS)
    again, grace = [], work.settings.card_grace
    for clock, crossing in _without_card(case, clocks):
        notice_at = crossing.at + grace
        if view.caught_up and notice_at <= work.now:
            case = await issue_card(work, case, clock, crossing)
        else:
            again.append(notice_at)
    faults, waits = faults_of(view)
    for fault in faults:
        if fault.key not in case.findings:
            case = await issue_finding(work, case, fault)
    again.extend(wait.until for wait in waits)
    update = {
        "projected": _project(work, case, clocks),
        "state": case.current_state(),
        "counted_with": view.calendars.newest().stamp,
        "look_at": min(again) if again else None,
        "heard": len(case.happenings),
    }
    work.put(CASE_FILES, case.model_copy(update=update))


def _without_card(case: CaseFile, clocks: Sequence[Clock]) -> Iterator[tuple[Clock, Crossing]]:
    for clock in clocks:
        if clock.kind not in CARD_RULES:
            continue
        for crossing in clock.crossings():
            if not case.has_card(clock.clock_id, crossing.colour):
                yield clock, crossing


async def _view(work: Work, case: CaseFile, caught_up: bool) -> View:
    items = await work.need(ITEMS, case.item_code)
    item = items.version(case.item_version)
    assert item is not None, "a case is only kept once its item version is known"
    calendars = await work.need(CALENDARS, CENTER)
    tariffs = await work.get(TARIFFS, item.fee.tariff_code) if item.fee else None
    return View(case, item, items, calendars, tariffs, work.now, work.settings.absence_grace, caught_up)


def _project(work: Work, case: CaseFile, clocks: Sequence[Clock]) -> dict[str, str]:
    """Write the clocks that changed since they were written last; how all of them stand."""
    projected: dict[str, str] = {}
    for clock in clocks:
        name = clock.name
        stands = projected[name] = clock.stands()
        if case.projected.get(name) == stands:
            continue
        span = clock.span
        record = ClockRecord(
            clock.clock_id, case.case_id, case.application_no, case.item_code, clock.kind, clock.agency,
            clock.starts_on, clock.limit_wd, span.due_on, span.provisional, span.yellow_at, span.red_at,
            clock.started_at, clock.stopped_at, clock.in_time,
        )  # fmt: skip
        work.put(CLOCKS, record)
    return projected


async def issue_card(work: Work, case: CaseFile, clock: Clock, crossing: Crossing) -> CaseFile:
    """A card: once per clock and colour, with the instant of the crossing whenever it was noticed."""
    number = await _number(work, "C", "card_numbers")
    card = said.CardIssued(
        application_no=case.application_no, item_code=case.item_code, item_version=case.item_version,
        card_no=number, colour="yellow" if crossing.colour == "yellow" else "red", clock_kind=clock.kind,
        agency=clock.agency, crossed_at=crossing.at, due_on=clock.due_on, used_wd=crossing.used_wd,
        limit_wd=clock.limit_wd, rule=CARD_RULES[clock.kind], issued_at=work.now,
    )  # fmt: skip
    kept = card.model_dump(exclude={"item_version"})
    work.add(CARDS, case_id=case.case_id, clock_id=clock.clock_id, **kept)
    _into_the_trace_of(work, case)
    work.say("supervision.card_issued.v1", case.case_id, card)
    issued = IssuedCard(clock_id=clock.clock_id, colour=crossing.colour)
    return case.model_copy(update={"cards": (*case.cards, issued)})


async def issue_finding(work: Work, case: CaseFile, fault: Fault) -> CaseFile:
    """A finding: once per fault. It commands nothing; the watched service reads it like anybody else."""
    number = await _number(work, "F", "finding_numbers")
    finding = said.FindingIssued(
        application_no=case.application_no, item_code=case.item_code, item_version=case.item_version,
        finding_no=number, rule=fault.rule, expected=fault.expected, found=fault.found,
        about={"source": fault.about.source, "id": fault.about.id}, issued_at=work.now,
    )  # fmt: skip
    kept = finding.model_dump(exclude={"item_version", "about"})
    work.add(
        FINDINGS, case_id=case.case_id, about_source=fault.about.source, about_id=fault.about.id,
        about_type=fault.about.type, **kept,
    )  # fmt: skip
    _into_the_trace_of(work, case)
    work.say("supervision.finding_issued.v1", case.case_id, finding)
    return case.model_copy(update={"findings": (*case.findings, fault.key)})


def _into_the_trace_of(work: Work, case: CaseFile) -> None:
    """A timer's deed looks at many cases: what it says of one belongs to that case's own trace."""
    if work.cause is None:
        work.continue_trace(case.trace)


async def _number(work: Work, letter: str, sequence: str) -> str:
    return f"{letter}-{legal_day(work.now).year}-{await work.next_number(sequence):06d}"


async def look_at_due_cases(work: Work) -> int:
    """Cases in which something fell due, and running clocks counted with calendars now replaced."""
    calendars = await work.get(CALENDARS, CENTER)
    if calendars is None or not BACKLOG.is_over(work.settings.settle_s, monotonic()):
        return 0
    rows = [*await work.rows(DUE_CASES, now=work.now)]
    rows += await work.rows(STALE_CASES, stamp=calendars.newest().stamp)
    for case in await _files(work, sorted({row.case_id for row in rows})):
        await look_at_case(work, case, caught_up=True)
    return len(rows)
