"""What a deed must find before it can act: the case, the item of that case, the calendars, with the
refusals for it."""

from __future__ import annotations

from datetime import date

from libs.deadlines import Calendars, legal_day
from libs.identity import Person
from libs.refusals import NotFound, Park, Refusal
from libs.work import Place, Work
from services.intake.domain.items import Item
from services.intake.domain.records import Case
from services.intake.domain.refusals import UnknownItem
from services.intake.domain.reviews import Check, Review
from services.intake.storage import CALENDARS, CASES, CHECKS, ITEMS, REVIEWS, CalendarYear, KeptItem
from services.intake.storage.queries import ITEM_IN_FORCE


class NoCalendarPublished(Refusal):
    """Without a published calendar no last day can be said, so nothing that starts a clock may happen."""

    code = "no_calendar_published"
    status = 503
    title = "No calendar has been published yet; please come back later."


async def known_calendars(work: Work) -> Calendars:
    """The calendars around today: last year to three years on (one statement per transaction)."""
    year = legal_day(work.now).year
    found = await work.load(CALENDARS, [(str(each),) for each in range(year - 1, year + 4)])
    if not found:
        raise NoCalendarPublished()
    return _counting_with(tuple(found))


_COUNTED: dict[tuple[tuple[str, int], ...], Calendars] = {}
_MOST_COUNTED = 16


def _counting_with(found: tuple[CalendarYear, ...]) -> Calendars:
    """Built once per set of versions: a published version never changes."""
    versions = tuple((each.year, int(each.published["version"])) for each in found)
    known = _COUNTED.get(versions)
    if known is None:
        if len(_COUNTED) >= _MOST_COUNTED:
            _COUNTED.clear()
        known = _COUNTED[versions] = Calendars(each.calendar() for each in found)
    return known


async def item_on(work: Work, item_code: str, day: date) -> Item:
    """The version in force on ``day``; UnknownItem when none was published for it."""

    async def find() -> Item | None:
        rows = await work.rows(ITEM_IN_FORCE, item_code=item_code, day=day)
        return KeptItem.model_validate(rows[0].body).item if rows else None

    item = await work.once((ITEMS.name, item_code, day), find)
    if item is None:
        raise UnknownItem()
    return item


async def item_version(work: Work, item_code: str, version: int) -> Item:
    """Exactly this version; UnknownItem when it was never published."""
    kept = await work.get(ITEMS, item_code, str(version))
    if kept is None:
        raise UnknownItem()
    return kept.item


async def item_of(work: Work, case: Case) -> Item:
    """The version the case was received under."""
    return await item_version(work, case.item_code, case.item_version)


async def any_case(work: Work, case_id: str) -> Case:
    """A case for a window officer; the deed joins the case's own trace."""
    case = await work.need(CASES, case_id)
    work.continue_trace(case.traceparent)
    return case


async def own_case(work: Work, person: Person, case_id: str) -> Case:
    """The person's own case; somebody else's looks exactly like a missing one."""
    case = await work.need(CASES, case_id)
    if not case.belongs_to(person.sub):
        raise NotFound()
    work.continue_trace(case.traceparent)
    return case


async def heard_case(work: Work, case_id: str) -> Case:
    """The case an event is about; the event waits while the case is not there."""
    case = await work.get(CASES, case_id)
    if case is None:
        raise Park(f"case/{case_id}")
    return case


def case_and_checks(case_id: str) -> list[Place]:
    """What an act of the window on a received case will want, to be loaded with its neighbours'."""
    return [(CASES, (case_id,)), (CHECKS, (case_id,))]


def the_case(case_id: str) -> list[Place]:
    """What an act on a case will want, to be loaded with its neighbours'."""
    return [(CASES, (case_id,))]


async def checks_of(work: Work, case: Case, item: Item) -> list[Check]:
    """The completeness checks of a case, in the order of the plan."""
    return await work.load(CHECKS, [(case.case_id, step.department) for step in item.plan])


async def reviews_of(work: Work, case: Case) -> list[Review]:
    """The reviews of an accepted case, in the order of its plan."""
    plan = case.acceptance.plan if case.acceptance else ()
    return await work.load(REVIEWS, [(case.case_id, step.department) for step in plan])
