"""The front door: search by words or life event, one application that goes everywhere, and your rights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from libs.http import MaybePerson, Reader, page_router
from services.disclosure import storage
from services.disclosure.pages.frame import LIFE_EVENTS, PAGES, today

router = page_router()
LATEST = 3
MOST = 100


@router.get("/")
async def portal(
    request: Request,
    reader: Reader,
    person: MaybePerson,
    q: Annotated[str, Query(max_length=200)] = "",
    life_event: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """Without a question: all items and one of them in full. With one: what was found."""
    words = q.strip()
    found = await storage.find_items(
        reader, today(request), q=words, life_event=life_event or None, size=MOST
    )
    items = [row["content"] for row in found.rows]
    everything = found if not words and not life_event else None
    everything = everything or await storage.find_items(reader, today(request), size=MOST)
    latest = await storage.find_records(reader, size=LATEST)
    return PAGES.render(
        request,
        "portal.html",
        person=person,
        section="services",
        q=words,
        life_event=life_event,
        asked=bool(words or life_event),
        items=items,
        first=max(items, key=lambda item: _weight(item, words), default=None),
        life_events=_life_events([row["content"] for row in everything.rows]),
        catalogue_size=everything.total,
        latest=latest.rows,
        log_size=latest.total,
    )


def _weight(item: dict[str, Any], words: str) -> tuple[int, bool, int, str]:
    """The item worth drawing: one whose name begins with what was asked, then one whose name holds it; then
    one that the center handles as a whole, then whoever spares the most ways."""
    asked, names = words.casefold(), [name.casefold() for name in item["name"].values()]
    called = 2 * any(name.startswith(asked) for name in names) or int(any(asked in name for name in names))
    return called, item["mode"] == "central", len(item["plan"]), item["item_code"]


def _life_events(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every life event that has an item: code, words and how many."""
    counts: dict[str, int] = {}
    for item in items:
        for code in item["life_events"]:
            counts[code] = counts.get(code, 0) + 1
    return [
        {"code": code, "title": LIFE_EVENTS.get(code, (code, ""))[0], "count": count,
         "note": LIFE_EVENTS.get(code, (code, ""))[1]}
        for code, count in sorted(counts.items(), key=lambda entry: -entry[1])
    ]  # fmt: skip
