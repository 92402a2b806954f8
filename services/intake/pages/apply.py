"""The form of an item: published fields and files in one post, without scripts; then the case with its voucher."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from libs.deadlines import legal_day
from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.identity import Person
from libs.pages import Form
from libs.refusals import Refusal
from services.intake.domain.filing import typed_answer
from services.intake.domain.items import Item
from services.intake.domain.refusals import UnknownItem
from services.intake.handlers.applying import file_application
from services.intake.messages.asked import ApplicationAsked
from services.intake.pages.files import attached_files, typed
from services.intake.pages.frame import PAGES, kept_form, show
from services.intake.storage import queries

apply = page_router()


class FilesRefused(Refusal):
    """Some of the chosen files cannot be taken; the rest of the form is kept."""

    code = "files_refused"
    status = 422
    title = "Some files cannot be taken."


async def _item(request: Request, reader: AsyncConnection, item_code: str) -> Item:
    today = legal_day(request.app.state.clock.now())
    item = await queries.item_in_force(reader, item_code, today)
    if item is None:
        raise UnknownItem()
    return item


def _page(
    request: Request, person: Person, item: Item, form: Form, kept: dict[str, str], status: int = 200
) -> HTMLResponse:
    language = PAGES.language(request)
    labels = {f"facts.{field.code}": getattr(field.label, language) for field in item.fields}
    labels |= {f"materials.{each.code}": getattr(each.name, language) for each in item.materials}
    return show(
        request, "apply.html", person, status=status, section="services", item=item, form=form, kept=kept,
        labels=labels,
    )  # fmt: skip


@apply.get("/apply/{item_code}")
async def apply_page(request: Request, item_code: str, person: PagePerson, reader: Reader) -> HTMLResponse:
    """The empty form of the version in force today."""
    return _page(request, person, await _item(request, reader, item_code), Form(), {})


@apply.post("/apply/{item_code}")
async def apply_for(
    request: Request, item_code: str, person: PagePerson, command: PageCommand, reader: Reader
) -> Response:
    """File it: to the case with its voucher, or back to the form with everything typed still there."""
    item = await _item(request, reader, item_code)
    form = await request.form()
    materials, kept, errors = await attached_files(request, person, item, form)
    try:
        if errors:
            raise FilesRefused(errors=errors)
        asked = ApplicationAsked.model_validate(_asked(item, form, materials))
        answer = await command.answer(lambda work: file_application(work, person, asked), status=201)
    except (Refusal, ValidationError) as reason:
        return _page(request, person, item, kept_form(typed(form), reason), kept, 422)
    return RedirectResponse(f"/cases/{json.loads(answer.body)['case_id']}?filed=1", 303)


def _asked(item: Item, form: FormData, materials: list[dict[str, str]]) -> dict[str, Any]:
    facts = {}
    for field in item.fields:
        value = form.get(f"facts.{field.code}")
        if isinstance(value, str) and value.strip():
            facts[field.code] = typed_answer(field, value)
    return {
        "item_code": item.item_code,
        "item_version": item.version,
        "applicant": {"kind": form.get("applicant.kind") or "natural"},
        "facts": facts,
        "materials": materials,
    }
