"""One case as supervision sees it: its clocks on one axis, what happened, its cards and findings."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from libs.http import PagePerson, Reader, page_router
from libs.pages import drawings
from libs.pages.formats import as_date
from libs.refusals import NotFound
from services.supervision import storage
from services.supervision.pages.frame import CLOCK_WORDS, EVENT_WORDS, PAGES, STATE_WORDS
from services.supervision.storage.wall import item_names

router = page_router()


@router.get("/cases/{case_id}")
async def case(request: Request, case_id: str, reader: Reader, person: PagePerson) -> HTMLResponse:
    """A case with its event chain, clocks, cards and findings."""
    found = await storage.read_case(reader, case_id)
    if found is None:
        raise NotFound()
    clocks = await storage.clocks_of_case(reader, case_id)
    today = as_date(request.app.state.clock.now())
    cards = await storage.cards_of_case(reader, case_id)
    return PAGES.render(
        request,
        "case.html",
        person=person,
        section="supervision",
        case=found,
        lanes=_lanes(clocks, cards, today),
        marks=_marks(clocks, today),
        running=[clock for clock in clocks if clock.stopped_at is None and clock.kind != "check"],
        cards=cards,
        findings=await storage.findings_of_case(reader, case_id),
        name=(await item_names(reader)).get(found.item_code),
        clock_words=CLOCK_WORDS,
        event_words=EVENT_WORDS,
        state_words=STATE_WORDS,
    )


def _axis(clocks: list[storage.ClockRow], today: date) -> drawings.Axis:
    days: list[date | str | None] = [today]
    for clock in clocks:
        days += [clock.starts_on, clock.due_on if clock.stopped_at is None else None, _ended(clock)]
    return drawings.Axis.over(days)


def _ended(clock: storage.ClockRow) -> date | None:
    return as_date(clock.stopped_at) if clock.stopped_at else None


def _lanes(clocks: list[storage.ClockRow], cards: list[storage.CardRow], today: date) -> list[dict[str, Any]]:
    """Each clock with its lane and how it stands: done, running, at risk, overdue."""
    if not clocks:
        return []
    axis = _axis(clocks, today)
    colours = {(card.clock_id, card.colour) for card in cards}
    found = []
    for clock in clocks:
        yellow, red = ((clock.clock_id, colour) in colours for colour in ("yellow", "red"))
        ended = _ended(clock)
        silent = clock.kind == "check" and (ended or today) > clock.due_on
        if silent:  # the last day of a check passed without a word: nothing was found, and that is in time
            ended = clock.due_on
        late = red or (ended is None and today > clock.due_on)
        state = "over" if late else "done" if ended else "risk" if yellow else "run"
        lane = drawings.lane(
            axis, starts_on=clock.starts_on, due_on=clock.due_on, today=today, done_on=ended,
            risk=state == "risk",
        )  # fmt: skip
        found.append({"clock": clock, "lane": lane, "state": state, "silent": silent})
    return found


def _marks(clocks: list[storage.ClockRow], today: date) -> list[dict[str, Any]]:
    """The axis: the first day and today."""
    if not clocks:
        return []
    axis = _axis(clocks, today)
    first = min(clock.starts_on for clock in clocks)
    marks = [{"x": axis.x(first, 0), "day": first, "kind": "", "anchor": "start"}]
    if (today - first).days * 4 > axis.days:  # else the two labels would run into each other
        marks.append({"x": axis.x(today), "day": today, "kind": "t-strong", "anchor": "middle"})
    return marks
