"""The window officer's desk: what is due first, everything about a case, and the three acts of the window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.identity import Person
from libs.pages import Form
from libs.refusals import NotFound, Refusal
from libs.work import Work
from services.intake.api.cases import item_of, list_cases, visible_case
from services.intake.api.views import case_view
from services.intake.domain.items import Item
from services.intake.domain.records import State
from services.intake.handlers import answering, window
from services.intake.messages.asked import CorrectionRequestAsked, DeclineAsked
from services.intake.pages.drawn import drawn_case
from services.intake.pages.files import typed
from services.intake.pages.frame import PAGES, kept_form, show

desk = page_router()
SIZE = 25
OWN_DEFECTS = 3  # empty lines for defects the officer finds himself
AT_THE_WINDOW: list[State] = ["received", "corrected", "issued"]


class UnknownAct(Refusal):
    """The form named no act of the window."""

    code = "unknown_act"
    status = 422
    title = "This is no act of the window."


@desk.get("/desk")
async def desk_page(
    request: Request,
    person: PagePerson,
    reader: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[State | None, Query()] = None,
    every: Annotated[bool, Query(alias="all")] = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """What waits for the window, by last day; ``all`` or a search shows every case."""
    wanted = [state] if state else None if every or q else AT_THE_WINDOW
    found = await list_cases(request, reader, sub=None, states=wanted, q=q, page=page, size=SIZE)
    return show(
        request, "desk.html", person, section="desk", found=found, q=q, state=state, every=every, size=SIZE
    )


@desk.get("/desk/{case_id}")
async def desk_case_page(request: Request, case_id: str, person: PagePerson, reader: Reader) -> HTMLResponse:
    """One case as the window sees it."""
    return await _page(request, person, reader, case_id, Form())


async def _page(
    request: Request, person: Person, reader: AsyncConnection, case_id: str, form: Form, status: int = 200
) -> HTMLResponse:
    case = await visible_case(reader, person, case_id)
    item = await item_of(reader, case)
    view = await case_view(reader, case, item, request.app.state.clock.now())
    found = [
        (check.department, defect) for check in view.checks for defect in check.defects if not check.too_late
    ]
    return show(
        request, "desk_case.html", person, status=status, section="desk", case=view, item=item, form=form,
        drawn=drawn_case(view), found=found, rows=range(1, OWN_DEFECTS + 1), targets=_targets(item, request),
    )  # fmt: skip


def _targets(item: Item, request: Request) -> list[tuple[str, str]]:
    language = PAGES.language(request)
    named = [(each.code, getattr(each.name, language)) for each in item.materials]
    return named + [(each.code, getattr(each.label, language)) for each in item.fields]


@desk.post("/desk/{case_id}")
async def act(
    request: Request, case_id: str, person: PagePerson, command: PageCommand, reader: Reader
) -> Response:
    """Accept, give the one-time notice, decline, or hand the document over."""
    form = await request.form()
    try:
        await command.answer(_deed(person, case_id, form), status=201)
    except NotFound:
        raise
    except (Refusal, ValidationError) as reason:
        status = reason.status if isinstance(reason, Refusal) else 422
        return await _page(request, person, reader, case_id, kept_form(typed(form), reason), status)
    return RedirectResponse(f"/desk/{case_id}", 303)


def _deed(person: Person, case_id: str, form: FormData) -> Callable[[Work], Awaitable[Any]]:
    """The deed the pressed button names; what was typed is checked before it waits for its transaction."""
    kind = form.get("act")
    if kind == "accept":
        return lambda work: window.accept_application(work, person, case_id)
    if kind == "deliver":
        return lambda work: answering.deliver_document(work, person, case_id)
    if kind == "request":
        notice = CorrectionRequestAsked.model_validate({"defects": _defects(form)})
        return lambda work: window.request_corrections(work, person, case_id, notice)
    if kind == "decline":
        zh, en = form.get("right_agency.zh"), form.get("right_agency.en")
        named = {"zh": zh, "en": en or zh} if zh else None
        given = {"reason_code": form.get("reason_code"), "reason": form.get("reason"), "right_agency": named}
        asked = DeclineAsked.model_validate(given)
        return lambda work: window.decline_application(work, person, case_id, asked)
    raise UnknownAct()


def _defects(form: FormData) -> list[dict[str, Any]]:
    """The officer's own lines; an empty line is none."""
    found = []
    for number in range(1, OWN_DEFECTS + 1):
        target, what = form.get(f"target.{number}"), form.get(f"what.{number}")
        if target and what:
            article = form.get(f"article.{number}")
            found.append({"target": target, "what": what, **({"article": article} if article else {})})
    return found
