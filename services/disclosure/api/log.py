"""The log as an outsider audits it: its signed head, its entries and its proofs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import PlainTextResponse

from libs.http import Reader, router
from libs.refusals import NotFound, Refusal
from services.disclosure import storage
from services.disclosure.domain.merkle import OutOfTree
from services.disclosure.domain.notes import verifier_key

log = router("/log")
Count = Annotated[int, Query(ge=0, le=2**53)]


class NotInLog(Refusal):
    """A proof was asked for what the signed log does not hold."""

    code = "not_in_log"
    status = 404
    title = "The signed log does not reach that far."


@log.get("/checkpoint", response_class=PlainTextResponse)
async def get_checkpoint(reader: Reader) -> PlainTextResponse:
    """The newest signed checkpoint (C2SP signed note); 404 before the first leaf."""
    head = await storage.newest_checkpoint(reader)
    if head is None:
        raise NotFound("nothing was published yet")
    return PlainTextResponse(head["note"], headers={"Cache-Control": "no-store"})


@log.get("/key", response_class=PlainTextResponse)
async def get_key(request: Request) -> PlainTextResponse:
    """The verifier key. Trust a printed one rather: whoever forged the log would forge this copy."""
    settings = request.app.state.settings
    return PlainTextResponse(verifier_key(settings.log_origin, settings.log_key.public_key()) + "\n")


@log.get("/entries")
async def get_entries(reader: Reader, start: Count, end: Count) -> dict[str, Any]:
    """The exact leaf texts from ``start`` up to, not including, ``end``; at most 1000 an answer."""
    head = await storage.newest_checkpoint(reader)
    end = min(end, head["tree_size"] if head else 0)
    return {"start": start, "entries": await storage.entries(reader, start, end) if start < end else []}


@log.get("/proof/{index}")
async def get_proof(
    index: Annotated[int, Path(ge=0, le=2**53)],
    reader: Reader,
    size: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> dict[str, Any]:
    """The inclusion proof of a leaf in the tree of ``size`` leaves (the newest signed size when left out)."""
    head = await storage.newest_checkpoint(reader)
    if head is None:
        raise NotInLog("nothing was published yet")
    size = size or head["tree_size"]
    try:
        return {"index": index, "size": size, "proof": await storage.inclusion(reader, index, size)}
    except OutOfTree as beyond:
        raise NotInLog(str(beyond)) from None


@log.get("/consistency")
async def get_consistency(
    reader: Reader,
    older: Annotated[int, Query(alias="from", ge=0, le=2**53)],
    newer: Annotated[int, Query(alias="to", ge=0, le=2**53)],
) -> dict[str, Any]:
    """The proof that the log of ``from`` leaves is the beginning of the log of ``to`` leaves."""
    try:
        return {"from": older, "to": newer, "proof": await storage.consistency(reader, older, newer)}
    except OutOfTree as beyond:
        raise NotInLog(str(beyond)) from None
