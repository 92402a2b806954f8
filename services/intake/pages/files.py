"""Files that come with a form: kept at once, so that a refused form does not lose them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from libs.identity import Person
from libs.refusals import Refusal
from services.intake.domain.items import Item
from services.intake.handlers.applying import keep_material

_KEPT = re.compile(r"([0-9a-f]{64}) (.{1,200})", re.DOTALL)
_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


async def attached_files(
    request: Request, person: Person, item: Item, form: FormData
) -> tuple[list[dict[str, str]], dict[str, str], list[dict[str, Any]]]:
    """(materials to attach, kept files by material code for the form to carry on, errors by field).

    A newly chosen file replaces a kept one of the same line.
    """
    materials: list[dict[str, str]] = []
    kept: dict[str, str] = {}
    errors: list[dict[str, Any]] = []
    for asked in item.materials:
        chosen = form.get(f"materials.{asked.code}")
        carried = _KEPT.fullmatch(str(form.get(f"kept.{asked.code}") or ""))
        if isinstance(chosen, UploadFile) and chosen.filename:
            try:
                sha256 = await _keep(request, person, chosen)
            except Refusal as refused:
                told = {"at": f"materials.{asked.code}", "kind": refused.code, "what": refused.title}
                errors.append(told)
                continue
            name = _NAME.sub("_", chosen.filename)[-200:]
        elif carried is not None:
            sha256, name = carried.group(1), carried.group(2)
        else:
            continue
        kept[asked.code] = f"{sha256} {name}"
        materials.append({"code": asked.code, "sha256": sha256, "name": name})
    return materials, kept, errors


async def _keep(request: Request, person: Person, chosen: UploadFile) -> str:
    content = await chosen.read()
    stored: Mapping[str, Any] = await request.app.state.commits.do(
        "keep material", lambda work: keep_material(work, person, content, chosen.content_type or "")
    )
    return str(stored["sha256"])


def typed(form: FormData) -> dict[str, str]:
    """Everything typed, as text, for the form to be shown again."""
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}
