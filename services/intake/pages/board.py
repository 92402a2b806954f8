"""The applicant's board: the list of cases, one case with its lanes and dates, taking back, receiving."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.identity import Person
from libs.pages import Form
from libs.refusals import NotFound, Refusal
from services.intake.api.cases import item_of, list_cases, visible_case
from services.intake.api.views import case_view
from services.intake.domain.records import State
from services.intake.handlers import answering
from services.intake.pages.drawn import drawn_case
from services.intake.pages.frame import kept_form, show
from services.intake.storage import queries

board = page_router()
SIZE = 20


@board.get("/cases")
async def cases_page(
    request: Request,
    person: PagePerson,
    reader: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[State | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Own cases, by next last day."""
    states = [state] if state else None
    found = await list_cases(request, reader, sub=person.sub, states=states, q=q, page=page, size=SIZE)
    return show(request, "cases.html", person, found=found, q=q, state=state, size=SIZE)


@board.get("/cases/{case_id}")
async def case_page(
    request: Request, case_id: str, person: PagePerson, reader: Reader, filed: bool = False
) -> HTMLResponse:
    """One case; right after filing it opens with what was received, the number and what comes next."""
    return await _case(request, person, reader, case_id, Form(), filed=filed)


async def _case(
    request: Request, person: Person, reader: AsyncConnection, case_id: str, form: Form, *,
    filed: bool = False, status: int = 200,
) -> HTMLResponse:  # fmt: skip
    case = await visible_case(reader, person, case_id)
    item = await item_of(reader, case)
    view = await case_view(reader, case, item, request.app.state.clock.now())
    permit = await queries.document_of(reader, case_id, "permit", None) if case.state == "delivered" else None
    return show(
        request, "case.html", person, status=status, case=view, item=item, form=form, filed=filed,
        own=case.belongs_to(person.sub), drawn=drawn_case(view), permit=permit[0] if permit else None,
    )  # fmt: skip


@board.post("/cases/{case_id}/withdrawal")
async def withdraw(
    request: Request, case_id: str, person: PagePerson, command: PageCommand, reader: Reader
) -> Response:
    """Take the application back."""
    try:
        await command.answer(lambda work: answering.withdraw_application(work, person, case_id), status=201)
    except NotFound:
        raise
    except Refusal as reason:
        return await _case(request, person, reader, case_id, kept_form({}, reason), status=reason.status)
    return RedirectResponse(f"/cases/{case_id}", 303)


@board.post("/cases/{case_id}/delivery")
async def deliver(
    request: Request, case_id: str, person: PagePerson, command: PageCommand, reader: Reader
) -> Response:
    """Receive the document."""
    try:
        await command.answer(lambda work: answering.deliver_document(work, person, case_id), status=201)
    except NotFound:
        raise
    except Refusal as reason:
        return await _case(request, person, reader, case_id, kept_form({}, reason), status=reason.status)
    return RedirectResponse(f"/cases/{case_id}", 303)
