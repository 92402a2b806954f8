"""The guide of one item, answer first, and the conduct and management rules in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.http import MaybePerson, Reader, page_router
from libs.pages import FieldError, Form
from libs.refusals import NotFound
from services.disclosure import storage
from services.disclosure.pages import estimate
from services.disclosure.pages.conditions import in_words, values_in_words
from services.disclosure.pages.frame import PAGES, today

router = page_router()
CALCULATE = "calculate"


@router.get("/items/{code}")
async def guide(
    request: Request,
    code: str,
    reader: Reader,
    person: MaybePerson,
    version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    on: date | None = None,
) -> HTMLResponse:
    """One item as in force today, in one version, or on a day; with the charge worked out when asked."""
    if version is not None:
        item = await storage.item_version(reader, code, version)
    else:
        item = await storage.item_on(reader, code, on or today(request))
    if item is None:
        raise NotFound()
    versions = await storage.versions(reader, "service_item", code)
    current = next((each for each in versions if each["in_force_from"] <= today(request)), None)
    speaking: dict[str, Any] = {"language": PAGES.language(request), "say": partial(PAGES.text, request)}
    return PAGES.render(
        request,
        "guide.html",
        person=person,
        section="services",
        item=item,
        versions=versions,
        is_current=current is not None and current["version"] == item["version"],
        leaf_index=next(
            (each["leaf_index"] for each in versions if each["version"] == item["version"]), None
        ),
        plan=_plan(item["plan"]),
        say=lambda condition: in_words(condition, item["fields"], **speaking),
        say_of=lambda condition, tariff: values_in_words(condition, tariff["inputs"], **speaking),
        **await _charge(request, reader, item),
    )


def _plan(plan: list[dict[str, Any]]) -> dict[str, Any]:
    """Who reviews: from when to when in working days after acceptance, and how many are certain."""
    ends: dict[str, int] = {}
    waiting = list(plan)
    while waiting:
        ready = [step for step in waiting if all(each in ends for each in step["after"])] or waiting
        for step in ready:
            ends[step["department"]] = _begins(step, ends) + step["limit_wd"]
        waiting = [step for step in waiting if step["department"] not in ends]
    most = max(ends.values(), default=1)
    steps = [{**step, "start": _begins(step, ends) / most, "share": step["limit_wd"] / most} for step in plan]
    certain = sum(step["when"] is None for step in plan)
    return {"steps": steps, "certain": certain, "all": len(plan), "longest_wd": most}


def _begins(step: Mapping[str, Any], ends: Mapping[str, int]) -> int:
    return max((ends.get(each, 0) for each in step["after"]), default=0)


async def _charge(request: Request, reader: AsyncConnection, item: dict[str, Any]) -> dict[str, Any]:
    """The standard an item's fee is computed by, and the estimate for what was typed into the address."""
    nothing: dict[str, Any] = {"tariff": None, "form": None, "estimate": None, "plain": False}
    if item["fee"] is None:
        return nothing
    day = max(today(request), date.fromisoformat(str(item["in_force_from"])))
    tariff = await storage.publication_on(reader, "tariff", item["fee"]["tariff_code"], day)
    if tariff is None:
        return nothing
    plain = estimate.is_plain(tariff)
    given = {key: value[:40] for key, value in request.query_params.items()}
    if not plain or CALCULATE not in given:
        return {"tariff": tariff, "form": Form(given), "estimate": None, "plain": plain}
    found = estimate.estimate(tariff, given)
    if isinstance(found, estimate.Estimate):
        return {"tariff": tariff, "form": Form(given), "estimate": found, "plain": True}
    errors: tuple[FieldError, ...] = tuple(found)
    return {"tariff": tariff, "form": Form(given, errors), "estimate": None, "plain": True}


@router.get("/rules")
async def rules(request: Request, reader: Reader, person: MaybePerson) -> HTMLResponse:
    """The conduct and management rules in force, in full."""
    found = await storage.publications_on(reader, "rule", today(request))
    ordered = sorted(found, key=lambda rule: (rule["kind"], rule["rule_code"]))
    return PAGES.render(request, "rules.html", person=person, section="records", rules=ordered)
