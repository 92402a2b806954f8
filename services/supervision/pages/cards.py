"""Every card and every finding, newest first, for supervisors and auditors."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from libs.http import PagePerson, Reader, page_router
from services.supervision import storage
from services.supervision.pages.frame import CLOCK_WORDS, PAGES
from services.supervision.storage.wall import item_names

router = page_router()
PAGE_ROWS = 20


@router.get("/cards")
async def cards(
    request: Request,
    reader: Reader,
    person: PagePerson,
    agency: Annotated[str, Query(max_length=64)] = "",
    colour: Literal["", "yellow", "red"] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Cards by who got them and colour, and the newest findings."""
    search = storage.CardSearch(agency=agency or None, colour=colour or None, page=page, limit=PAGE_ROWS)
    kept = {key: value for key, value in (("agency", agency), ("colour", colour)) if value}
    findings = storage.FindingSearch(limit=PAGE_ROWS)
    return PAGES.render(
        request,
        "cards.html",
        person=person,
        section="supervision",
        cards=await storage.find_cards(reader, search),
        total=await storage.count_cards(reader, search),
        page=page,
        size=PAGE_ROWS,
        agency=agency,
        colour=colour,
        address=f"/cards?{urlencode(kept)}{'&' if kept else ''}",
        agencies=[row.agency for row in await storage.by_department(reader, request.app.state.clock.now())],
        findings=await storage.find_findings(reader, findings),
        finding_total=await storage.count_findings(reader, findings),
        names=await item_names(reader),
        clock_words=CLOCK_WORDS,
    )
