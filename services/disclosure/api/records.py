"""Read the public records; the answer for one record is its receipt, which anyone can verify without us."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response
from fastapi.responses import JSONResponse

from libs.envelope import instant
from libs.http import Reader, router
from libs.refusals import NotFound
from services.disclosure import storage
from services.disclosure.api.catalogue import Limit, Page, Words, listing
from services.disclosure.domain.leaves import RecordKind

records = router()
Index = Annotated[int, Path(ge=0, le=2**53)]


@records.get("/records")
async def get_records(
    reader: Reader,
    q: Words = "",
    kind: Annotated[RecordKind | None, Query()] = None,
    page: Page = 1,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Records by words and kind, newest first."""
    found = await storage.find_records(reader, q=q, kind=kind, page=page, size=limit)
    rows = [
        {
            "index": row["leaf_index"],
            "record_kind": row["record_kind"],
            "leaf_hash": row["leaf_hash"],
            "recorded_at": instant(row["recorded_at"]),
            "item_name": row["item_name"],
            "content": row["content"],
        }
        for row in found.rows
    ]
    return listing(found, rows, "records")


@records.get("/records/{index}")
async def get_record(index: Index, reader: Reader, download: bool = False) -> Response:
    """One record with its proof under the newest checkpoint: save it, and ``verify.py receipt`` checks it."""
    row = await storage.record(reader, index)
    if row is None:
        raise NotFound()
    receipt = {
        "leaf": row["leaf"],
        "index": index,
        "proof": row["proof"],
        "checkpoint": row["checkpoint"],
        "leaf_hash": row["leaf_hash"],
        "record_kind": row["record_kind"],
        "content": row["content"],
        "document_sha256": row["document_sha256"],
        "recorded_at": instant(row["recorded_at"]),
    }
    headers = {"Content-Disposition": f'attachment; filename="receipt-{index}.json"'} if download else None
    return JSONResponse(receipt, headers=headers)
