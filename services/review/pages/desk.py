"""The department's desk: what is due today, and the queue by due day with search and pages."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from libs.deadlines import due, legal_day
from libs.http import PagePerson, Reader, page_router
from services.review import storage
from services.review.api.reading import business_now, own_department, queue_page
from services.review.domain import ACTIVE_STATES, State
from services.review.pages.kit import NEXT_WORDS, PAGES, status

desk = page_router()
DONE_STATES: tuple[State, ...] = ("checked", "opinion_given", "decided", "closed")
PAGE_SIZE = 20
SOON_WD = 2


@desk.get("/")
async def front() -> RedirectResponse:
    """A department's front page is its desk."""
    return RedirectResponse("/desk", 303)


@desk.get("/desk")
async def desk_page(
    request: Request,
    person: PagePerson,
    reader: Reader,
    view: Literal["", "done"] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """The queue, or what is done."""
    own_department(request, person)
    now = business_now(request)
    states = DONE_STATES if view == "done" else ACTIVE_STATES
    queue = await queue_page(reader, now, states, q, page, PAGE_SIZE)
    calendars = await storage.read_calendars(reader)
    today = legal_day(now)
    soon = due(calendars, today, SOON_WD).due_on
    return PAGES.render(
        request,
        "desk.html",
        person=person,
        section=view or "desk",
        department=request.app.state.settings.department,
        place=None,
        queue=queue,
        size=PAGE_SIZE,
        figures=await storage.read_figures(reader, today=today, soon=soon),
        view=view,
        q=q.strip(),
        status_of=status,
        next_words=NEXT_WORDS,
        address="/desk?" + urlencode({"view": view, "q": q.strip()}) + "&",
    )
