"""Publish the catalogue (catalogue editors) and read it in any version and on any day (everybody)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, Response

from libs.http import Command, Person, Reader, router
from libs.refusals import NotFound
from services.disclosure import handlers, storage
from services.disclosure.domain.documents import Rule, ServiceItem, Tariff, YearCalendar
from services.disclosure.domain.leaves import legal_day

catalogue = router()

Words = Annotated[str, Query(max_length=200, description="words to search for, Chinese or English")]
Page = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=100)]
Day = Annotated[date | None, Query(description="the state on this legal day; today when left out")]


def today(request: Request) -> date:
    """The legal day of the business clock."""
    return date.fromisoformat(legal_day(request.app.state.clock.now()))


def listing(found: storage.Found, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """One page of a list."""
    return {name: rows, "page": found.page, "pages": found.pages, "total": found.total}


@catalogue.post("/items", status_code=201)
async def post_item(body: ServiceItem, person: Person, command: Command) -> Response:
    """Publish one version of a service item; 422 catalogue_breach lists every breach of law."""
    return await command.run(lambda work: handlers.publish_item(work, person, body), status=201)


@catalogue.post("/tariffs", status_code=201)
async def post_tariff(body: Tariff, person: Person, command: Command) -> Response:
    """Publish one version of a fee standard; 422 catalogue_breach lists every breach of law."""
    return await command.run(lambda work: handlers.publish_tariff(work, person, body), status=201)


@catalogue.post("/calendars", status_code=201)
async def post_calendar(body: YearCalendar, person: Person, command: Command) -> Response:
    """Publish one version of a year's calendar."""
    return await command.run(lambda work: handlers.publish_calendar(work, person, body), status=201)


@catalogue.post("/rules", status_code=201)
async def post_rule(body: Rule, person: Person, command: Command) -> Response:
    """Publish one version of a conduct or management rule."""
    return await command.run(lambda work: handlers.publish_rule(work, person, body), status=201)


@catalogue.get("/items")
async def get_items(
    request: Request,
    reader: Reader,
    *,
    q: Words = "",
    life_event: Annotated[str | None, Query(max_length=64)] = None,
    on: Day = None,
    page: Page = 1,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The items in force, searched by words and life event."""
    found = await storage.find_items(
        reader, on or today(request), q=q, life_event=life_event, page=page, size=limit
    )
    shown = (
        "item_code",
        "version",
        "name",
        "summary",
        "life_events",
        "mode",
        "lead",
        "limits",
        "in_force_from",
    )
    rows = [
        {name: row["content"][name] for name in shown} | {"leaf_index": row["leaf_index"]}
        for row in found.rows
    ]
    return listing(found, rows, "items")


@catalogue.get("/items/{code}")
async def get_item(
    code: str,
    request: Request,
    reader: Reader,
    version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    on: Day = None,
) -> dict[str, Any]:
    """One item: a version, or as in force on a day; with the list of its versions."""
    return await _one(request, reader, "service_item", code, version=version, on=on)


@catalogue.get("/tariffs")
async def get_tariffs(request: Request, reader: Reader, on: Day = None) -> dict[str, Any]:
    """The fee standards in force."""
    return {"tariffs": await storage.publications_on(reader, "tariff", on or today(request))}


@catalogue.get("/tariffs/{code}")
async def get_tariff(
    code: str,
    request: Request,
    reader: Reader,
    version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    on: Day = None,
) -> dict[str, Any]:
    """One fee standard: a version, or as in force on a day."""
    return await _one(request, reader, "tariff", code, version=version, on=on)


@catalogue.get("/calendars")
async def get_calendars(reader: Reader) -> dict[str, Any]:
    """The newest version of every published year."""
    return {"calendars": await storage.publications_on(reader, "calendar", date.max)}


@catalogue.get("/rules")
async def get_rules(request: Request, reader: Reader, on: Day = None) -> dict[str, Any]:
    """The conduct and management rules in force."""
    return {"rules": await storage.publications_on(reader, "rule", on or today(request))}


async def _one(
    request: Request, reader: Reader, kind: str, code: str, *, version: int | None, on: date | None
) -> dict[str, Any]:
    if version is not None:
        content = await storage.publication_version(reader, kind, code, version)
    else:
        content = await storage.publication_on(reader, kind, code, on or today(request))
    if content is None:
        raise NotFound()
    return {**content, "versions": await storage.versions(reader, kind, code)}
