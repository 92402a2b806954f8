"""Named queries for readers and handlers; each is one statement, bounded, and answers with records or
plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.deadlines import Calendars
from services.intake.domain.items import Item, LocalText
from services.intake.domain.records import Case
from services.intake.domain.reviews import Check, Review
from services.intake.storage.tables import CalendarYear, KeptItem, Proof

MOST_CALENDARS = 40

ITEM_IN_FORCE = sa.text(
    "SELECT body FROM items WHERE item_code = :item_code AND in_force_from <= :day "
    "ORDER BY edition_no DESC LIMIT 1"
)
ITEMS_IN_FORCE = sa.text(
    "SELECT DISTINCT ON (item_code) body FROM items WHERE in_force_from <= :day "
    "ORDER BY item_code, edition_no DESC"
)
ALL_CALENDARS = sa.text(f"SELECT body FROM calendars ORDER BY year DESC LIMIT {MOST_CALENDARS}")
UPLOADED = sa.text(
    "SELECT sha256, size, media_type FROM materials WHERE uploaded_by = :sub AND sha256 = ANY(:hashes)"
)
_UPLOADED_BY = sa.text(
    "SELECT content, media_type FROM materials WHERE sha256 = :sha256 AND uploaded_by = :sub"
)
_CONTENT = sa.text("SELECT content, media_type FROM materials WHERE sha256 = :sha256 LIMIT 1")
_CASE = sa.text("SELECT body FROM cases WHERE case_id = :case_id")
_REVIEWS = sa.text("SELECT body FROM reviews WHERE case_id = :case_id ORDER BY department")
_CHECKS = sa.text("SELECT body FROM checks WHERE case_id = :case_id ORDER BY department")
_TIMELINE = sa.text(
    "SELECT at, kind, department, detail FROM timeline WHERE case_id = :case_id ORDER BY at, seq LIMIT 500"
)
_DOCUMENTS = sa.text(
    "SELECT kind, sha256, department, issued_at FROM documents WHERE case_id = :case_id "
    "ORDER BY issued_at, kind"
)
_DOCUMENT = sa.text(
    "SELECT document, sha256 FROM documents WHERE case_id = :case_id AND kind = :kind "
    "AND (CAST(:department AS text) IS NULL OR department = :department) ORDER BY issued_at DESC LIMIT 1"
)
_PROOFS = sa.text(
    "SELECT body FROM proofs "
    "WHERE subject = :case_id OR document_sha256 = ANY(:hashes) OR event_id = ANY(:events)"
)
_ITEM = sa.text("SELECT body FROM items WHERE item_code = :item_code AND edition = :edition")
_SEARCH = """
FROM cases c WHERE (CAST(:sub AS text) IS NULL OR c.owner = :sub OR c.filed_by = :sub)
AND (CAST(:states AS text[]) IS NULL OR c.state = ANY(:states))
AND (:q = '' OR c.application_no ILIKE :like OR c.permit_no ILIKE :like OR c.item_code ILIKE :like
  OR (c.item_code, c.edition) IN (SELECT i.item_code, i.edition FROM items i
    WHERE i.body->'item'->'name'->>'zh' ILIKE :like OR i.body->'item'->'name'->>'en' ILIKE :like))
"""
_COUNT_CASES = sa.text(f"SELECT count(*) {_SEARCH}")
_LIST_CASES = sa.text(
    f"SELECT c.body {_SEARCH} ORDER BY (c.state IN ('delivered','declined','withdrawn')), "
    "c.due_on NULLS LAST, c.received_at DESC LIMIT :limit OFFSET :offset"
)
_NAMES = sa.text(
    "SELECT i.item_code, i.edition_no, i.body->'item'->'name' AS name FROM items i "
    "JOIN unnest(CAST(:codes AS text[]), CAST(:editions AS text[])) AS n(code, edition) "
    "ON i.item_code = n.code AND i.edition = n.edition"
)
_REVIEWS_OF = sa.text("SELECT body FROM reviews WHERE case_id = ANY(:cases) ORDER BY case_id, department")


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a list."""

    cases: list[Case]
    total: int
    page: int
    pages: int


async def _bodies(reader: AsyncConnection, statement: sa.TextClause, **given: Any) -> Sequence[Any]:
    return (await reader.execute(statement, given)).scalars().all()


async def calendars(reader: AsyncConnection) -> Calendars:
    """Every published calendar, newest version per year."""
    return Calendars(
        CalendarYear.model_validate(body).calendar() for body in await _bodies(reader, ALL_CALENDARS)
    )


async def item_in_force(reader: AsyncConnection, item_code: str, day: date) -> Item | None:
    """The version in force on ``day``."""
    found = await _bodies(reader, ITEM_IN_FORCE, item_code=item_code, day=day)
    return KeptItem.model_validate(found[0]).item if found else None


async def items_in_force(reader: AsyncConnection, day: date) -> list[Item]:
    """Every item that can be applied for on ``day``."""
    return [KeptItem.model_validate(body).item for body in await _bodies(reader, ITEMS_IN_FORCE, day=day)]


async def item_of(reader: AsyncConnection, item_code: str, version: int) -> Item | None:
    """Exactly this version, as a case keeps it."""
    found = await _bodies(reader, _ITEM, item_code=item_code, edition=str(version))
    return KeptItem.model_validate(found[0]).item if found else None


async def case_of(reader: AsyncConnection, case_id: str) -> Case | None:
    """The case, unlocked."""
    found = await _bodies(reader, _CASE, case_id=case_id)
    return Case.model_validate(found[0]) if found else None


async def reviews_of(reader: AsyncConnection, case_id: str) -> list[Review]:
    """All reviews of a case."""
    return [Review.model_validate(body) for body in await _bodies(reader, _REVIEWS, case_id=case_id)]


async def reviews_of_many(reader: AsyncConnection, case_ids: Sequence[str]) -> dict[str, list[Review]]:
    """All reviews of the cases of a list, in one statement."""
    found: dict[str, list[Review]] = {}
    for body in await _bodies(reader, _REVIEWS_OF, cases=list(case_ids)):
        review = Review.model_validate(body)
        found.setdefault(review.case_id, []).append(review)
    return found


async def checks_of(reader: AsyncConnection, case_id: str) -> list[Check]:
    """All completeness checks of a case."""
    return [Check.model_validate(body) for body in await _bodies(reader, _CHECKS, case_id=case_id)]


async def timeline_of(reader: AsyncConnection, case_id: str) -> list[dict[str, Any]]:
    """What happened, oldest first, without who pressed the button."""
    rows = (await reader.execute(_TIMELINE, {"case_id": case_id})).mappings().all()
    return [dict(row) for row in rows]


async def documents_of(reader: AsyncConnection, case_id: str) -> list[dict[str, Any]]:
    """The signed papers of a case: kind, hash, department, when."""
    rows = (await reader.execute(_DOCUMENTS, {"case_id": case_id})).mappings().all()
    return [dict(row) for row in rows]


async def document_of(
    reader: AsyncConnection, case_id: str, kind: str, department: str | None
) -> tuple[dict[str, Any], str] | None:
    """(the newest signed paper of that kind, its hash)."""
    given = {"case_id": case_id, "kind": kind, "department": department}
    row = (await reader.execute(_DOCUMENT, given)).first()
    return (row.document, row.sha256) if row else None


async def proofs_of(reader: AsyncConnection, case: Case, hashes: Sequence[str]) -> list[Proof]:
    """What the public log holds of this case."""
    events = [case.decision.event_id] if case.decision else []
    given = {"case_id": case.case_id, "hashes": list(hashes), "events": events}
    found = [Proof.model_validate(body) for body in await _bodies(reader, _PROOFS, **given)]
    return sorted(found, key=lambda proof: proof.leaf_index)


async def find_cases(
    reader: AsyncConnection, *, sub: str | None, states: Sequence[str] | None, q: str, page: int, size: int
) -> Found:
    """Cases of one person (``sub``) or of everybody (None), by next last day; ended ones come last."""
    wanted = q.strip()[:100].replace("\x00", "")
    escaped = wanted.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    given: dict[str, Any] = {"sub": sub, "states": list(states) if states else None, "q": wanted,
                             "like": f"%{escaped}%"}  # fmt: skip
    total = int((await reader.execute(_COUNT_CASES, given)).scalar_one())
    bodies = await _bodies(reader, _LIST_CASES, **given, limit=size, offset=(page - 1) * size)
    pages = max(1, -(-total // size))
    return Found([Case.model_validate(body) for body in bodies], total, page, pages)


async def names_of(reader: AsyncConnection, cases: Sequence[Case]) -> dict[tuple[str, int], LocalText]:
    """The items' names by (code, version)."""
    wanted = sorted({(case.item_code, str(case.item_version)) for case in cases})
    given = {"codes": [code for code, _ in wanted], "editions": [edition for _, edition in wanted]}
    rows = await reader.execute(_NAMES, given)
    return {(row.item_code, row.edition_no): LocalText.model_validate(row.name) for row in rows}


async def uploaded_content(reader: AsyncConnection, sha256: str, sub: str | None) -> tuple[bytes, str] | None:
    """(bytes, media type) of a file, of this uploader or (None) of whoever uploaded it first."""
    statement = _CONTENT if sub is None else _UPLOADED_BY
    row = (await reader.execute(statement, {"sha256": sha256, **({"sub": sub} if sub else {})})).first()
    return (bytes(row.content), row.media_type) if row else None
