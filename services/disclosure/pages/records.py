"""The public record: find an entry, see that it is in the log and unchanged, learn how to check it alone."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query, Request
from fastapi.responses import HTMLResponse

from libs.http import MaybePerson, Reader, page_router
from libs.pages import drawings, mark
from libs.refusals import NotFound
from services.disclosure import storage
from services.disclosure.domain.leaves import RECORD_KINDS, RecordKind
from services.disclosure.domain.merkle import leaf_hash
from services.disclosure.domain.notes import BadCheckpoint, open_note, verifier_key
from services.disclosure.pages.frame import PAGES

router = page_router()
PAGE_ROWS = 20
KIND_WORDS: dict[str, str] = {
    "decision": mark("许可决定"),
    "voucher": mark("受理凭证"),
    "bill": mark("账单"),
    "service_item": mark("办事指南"),
    "tariff": mark("收费标准"),
    "rule": mark("规范和制度"),
    "calendar": mark("工作日历"),
}


@router.get("/records")
async def records(
    request: Request,
    reader: Reader,
    person: MaybePerson,
    q: Annotated[str, Query(max_length=200)] = "",
    kind: Annotated[RecordKind | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Records by words and kind, newest first."""
    found = await storage.find_records(reader, q=q, kind=kind, page=page, size=PAGE_ROWS)
    counts = await storage.record_counts(reader)
    kept = {key: value for key, value in (("q", q), ("kind", kind)) if value}
    return PAGES.render(
        request,
        "records.html",
        person=person,
        section="records",
        found=found,
        q=q,
        kind=kind,
        size=PAGE_ROWS,
        kinds=[(each, KIND_WORDS[each], counts.get(each, 0)) for each in _ordered()],
        total=sum(counts.values()),
        address=f"/records?{urlencode(kept)}{'&' if kept else ''}",
        head=await storage.newest_checkpoint(reader),
        kind_words=KIND_WORDS,
    )


def _ordered() -> list[str]:
    return sorted(RECORD_KINDS, key=list(KIND_WORDS).index)


@router.get("/records/{index}")
async def record(
    request: Request,
    index: Annotated[int, Path(ge=0, le=2**53)],
    reader: Reader,
    person: MaybePerson,
) -> HTMLResponse:
    """One record: what it says, what was checked just now, its path to the checkpoint, what stays closed."""
    row = await storage.record(reader, index)
    if row is None:
        raise NotFound()
    ladder = drawings.proof(index, row["tree_size"], row["leaf_hash"], row["proof"])
    content = row["content"]
    item = None
    if content.get("item_code"):
        item = await storage.item_version(reader, content["item_code"], content["item_version"])
    return PAGES.render(
        request,
        "record.html",
        person=person,
        section="records",
        row=row,
        content=content,
        publication=content.get("publication") or {},
        item=item,
        ladder=ladder,
        checks=_checks(request, row, ladder),
        kind_words=KIND_WORDS,
    )


def _checks(request: Request, row: dict[str, Any], ladder: drawings.Proof) -> list[tuple[str, bool]]:
    """What this server recomputed while writing the page: (words, whether it holds)."""
    settings = request.app.state.settings
    try:
        head = open_note(row["checkpoint"], settings.log_key.public_key())
        signed, size, root = True, head.size, head.root.hex()
    except BadCheckpoint:
        signed, size, root = False, -1, ""
    return [
        (mark("内容与指纹一致"), leaf_hash(row["leaf"].encode()).hex() == row["leaf_hash"]),
        (mark("指纹在公开日志里"), ladder.root == row["root"]),
        (mark("检查点签名有效"), signed and size == row["tree_size"] and root == row["root"]),
    ]


@router.get("/verify")
async def verify(request: Request, reader: Reader, person: MaybePerson) -> HTMLResponse:
    """How anybody checks the log without us, with the key and the newest checkpoint to compare."""
    settings = request.app.state.settings
    return PAGES.render(
        request,
        "verify.html",
        person=person,
        section="records",
        head=await storage.newest_checkpoint(reader),
        key=verifier_key(settings.log_origin, settings.log_key.public_key()),
        address=str(request.base_url).rstrip("/"),
    )
