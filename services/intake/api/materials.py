"""Files: uploaded before they are attached, read by their uploader, by the window, or by capability."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from libs.http import Command, MaybePerson, Person, Reader, router
from libs.refusals import NotFound
from services.intake.domain.files import MOST_BYTES
from services.intake.domain.refusals import MaterialTooLarge
from services.intake.handlers.applying import keep_material
from services.intake.handlers.capability import may_read
from services.intake.storage import queries

materials = router()
Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@materials.post("/materials", status_code=201)
async def post_material(request: Request, person: Person, command: Command) -> Response:
    """Upload one file as the raw body (PDF, PNG, JPEG, UTF-8 text; at most 5 MiB); the answer names its
    hash."""
    content = await request.body()
    if len(content) > MOST_BYTES:
        raise MaterialTooLarge(f"{len(content)} bytes")
    declared = request.headers.get("content-type", "")
    return await command.run(lambda work: keep_material(work, person, content, declared), status=201)


@materials.get("/materials/{sha256}", response_class=Response)
async def get_material(
    request: Request,
    sha256: Sha256,
    person: MaybePerson,
    reader: Reader,
    capability: Annotated[str | None, Query(max_length=16_384)] = None,
) -> Response:
    """A file, for whoever holds a capability that names it, for its uploader, and for window officers.

    A wrong, foreign or ended capability looks exactly like a missing file.
    """
    found: tuple[bytes, str] | None = None
    if capability is not None:
        if may_read(request.app.state.settings.capability_key(), capability, sha256):
            found = await queries.uploaded_content(reader, sha256, None)
    elif person is not None:
        owner = None if person.may("window_officer") else person.sub
        found = await queries.uploaded_content(reader, sha256, owner)
    if found is None:
        raise NotFound()
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(found[0], media_type=found[1], headers={**headers, "Cache-Control": "private, no-store"})
