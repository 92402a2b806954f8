"""Answering the one-time notice, item by item: a new answer, a new file, or words."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.identity import Person
from libs.pages import Form
from libs.refusals import NotFound, Refusal
from services.intake.api.cases import item_of
from services.intake.domain.filing import typed_answer
from services.intake.domain.items import Item
from services.intake.domain.records import Case
from services.intake.handlers.answering import correct_application
from services.intake.messages.asked import CorrectionAsked
from services.intake.pages.apply import FilesRefused
from services.intake.pages.files import attached_files, typed
from services.intake.pages.frame import kept_form, show
from services.intake.storage import queries

correcting = page_router()


async def _own(reader: AsyncConnection, person: Person, case_id: str) -> tuple[Case, Item]:
    case = await queries.case_of(reader, case_id)
    if case is None or not case.belongs_to(person.sub) or case.correction is None:
        raise NotFound()
    return case, await item_of(reader, case)


def _page(
    request: Request,
    person: Person,
    case: Case,
    item: Item,
    form: Form,
    kept: dict[str, str],
    status: int = 200,
) -> HTMLResponse:
    defects = case.correction.defects if case.correction else ()
    first: dict[str, int] = {}
    for defect in defects:
        first.setdefault(defect.target, defect.no)  # a target named twice gets one field, at its first defect
    return show(
        request, "correction.html", person, status=status, case=case, item=item, form=form, kept=kept,
        first=first,
    )  # fmt: skip


@correcting.get("/cases/{case_id}/correction")
async def correction_page(request: Request, case_id: str, person: PagePerson, reader: Reader) -> HTMLResponse:
    """The notice with a field for every defect."""
    case, item = await _own(reader, person, case_id)
    return _page(request, person, case, item, Form(), {})


@correcting.post("/cases/{case_id}/correction")
async def correct(
    request: Request, case_id: str, person: PagePerson, command: PageCommand, reader: Reader
) -> Response:
    """Send the answer: to the case, or back to the form with everything typed still there."""
    case, item = await _own(reader, person, case_id)
    form = await request.form()
    materials, kept, errors = await attached_files(request, person, item, form)
    try:
        if errors:
            raise FilesRefused(errors=errors)
        asked = CorrectionAsked.model_validate(_asked(case, item, form, materials))
        await command.answer(lambda work: correct_application(work, person, case_id, asked), status=201)
    except (Refusal, ValidationError) as reason:
        return _page(request, person, case, item, kept_form(typed(form), reason), kept, 422)
    return RedirectResponse(f"/cases/{case_id}", 303)


def _asked(case: Case, item: Item, form: FormData, materials: list[dict[str, str]]) -> dict[str, Any]:
    facts, answers = {}, []
    for defect in case.correction.defects if case.correction else ():
        field = item.field(defect.target)
        value = form.get(f"facts.{defect.target}")
        if field is not None and isinstance(value, str) and value.strip():
            facts[field.code] = typed_answer(field, value)
        words = form.get(f"answers.{defect.no}")
        if isinstance(words, str) and words.strip():
            answers.append({"no": defect.no, "answer": words})
    return {"facts": facts, "materials": materials, "answers": answers}
