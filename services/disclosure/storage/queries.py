"""The named queries of disclosure; see the package docstring for the list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.disclosure.domain import merkle
from services.disclosure.domain.merkle import OutOfTree

LONGEST_SEARCH = 200
MOST_ENTRIES = 1000

IN_FORCE = """
    SELECT DISTINCT ON (code) code, version, in_force_from, published_at, content, words, leaf_index
    FROM publications WHERE kind = :kind AND in_force_from <= :day ORDER BY code, version DESC
"""
NODES = sa.text(
    "SELECT n.level, n.position, n.hash FROM log_nodes n "
    "JOIN unnest(CAST(:levels AS int[]), CAST(:positions AS bigint[])) AS w(level, position) "
    "ON n.level = w.level AND n.position = w.position"
)
UNSIGNED_LEAVES = sa.text(
    "SELECT leaf_index, leaf_hash, record_kind, subject, event_source, event_id, event_type, document_sha256 "
    "FROM leaves WHERE leaf_index >= :first ORDER BY leaf_index"
)
VERSION = sa.text(
    "SELECT content FROM publications WHERE kind = :kind AND code = :code AND version = :version"
)
ON_DAY = sa.text(
    "SELECT content FROM publications WHERE kind = :kind AND code = :code AND in_force_from <= :day "
    "ORDER BY version DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search."""

    rows: list[dict[str, Any]]
    total: int
    page: int
    pages: int


def _terms(q: str) -> list[str]:
    """The words searched for, each as a LIKE pattern."""
    escaped = q[:LONGEST_SEARCH].lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{term}%" for term in escaped.replace("\x00", "").split()]


async def _page(
    reader: AsyncConnection, sql: str, order: str, params: dict[str, Any], *, page: int, size: int
) -> Found:
    total = int(
        (await reader.execute(sa.text(f"SELECT count(*) FROM ({sql}) AS found"), params)).scalar_one()
    )
    statement = sa.text(f"{sql} {order} LIMIT :size OFFSET :skip")
    found = await reader.execute(statement, {**params, "size": size, "skip": (page - 1) * size})
    return Found([dict(row) for row in found.mappings()], total, page, max(1, -(-total // size)))


async def find_items(
    reader: AsyncConnection,
    day: date,
    *,
    q: str = "",
    life_event: str | None = None,
    page: int = 1,
    size: int = 50,
) -> Found:
    """The items in force on ``day`` that hold every word of ``q`` (Chinese or English), by name."""
    sql = f"SELECT * FROM ({IN_FORCE}) AS force WHERE words LIKE ALL (CAST(:terms AS text[]))"
    params: dict[str, Any] = {"kind": "service_item", "day": day, "terms": _terms(q)}
    if life_event is not None:
        sql += " AND content->'life_events' @> to_jsonb(CAST(:life_event AS text))"
        params["life_event"] = life_event
    return await _page(reader, sql, "ORDER BY code", params, page=page, size=size)


async def _content(reader: AsyncConnection, statement: Any, **params: Any) -> dict[str, Any] | None:
    found = (await reader.execute(statement, params)).scalar_one_or_none()
    return dict(found) if found is not None else None


async def publication_on(reader: AsyncConnection, kind: str, code: str, day: date) -> dict[str, Any] | None:
    """The version in force on ``day``; None when none is."""
    return await _content(reader, ON_DAY, kind=kind, code=code, day=day)


async def publication_version(
    reader: AsyncConnection, kind: str, code: str, version: int
) -> dict[str, Any] | None:
    """One version, in force or not."""
    return await _content(reader, VERSION, kind=kind, code=code, version=version)


async def item_on(reader: AsyncConnection, code: str, day: date) -> dict[str, Any] | None:
    """The item as it is in force on ``day``."""
    return await publication_on(reader, "service_item", code, day)


async def item_version(reader: AsyncConnection, code: str, version: int) -> dict[str, Any] | None:
    """One version of an item."""
    return await publication_version(reader, "service_item", code, version)


async def versions(reader: AsyncConnection, kind: str, code: str) -> list[dict[str, Any]]:
    """All versions of a publication, newest first."""
    statement = sa.text(
        "SELECT version, in_force_from, published_at, leaf_index FROM publications "
        "WHERE kind = :kind AND code = :code ORDER BY version DESC"
    )
    return [dict(row) for row in (await reader.execute(statement, {"kind": kind, "code": code})).mappings()]


async def publications_on(reader: AsyncConnection, kind: str, day: date) -> list[dict[str, Any]]:
    """Every publication of a kind in force on ``day``, by code."""
    found = await reader.execute(sa.text(IN_FORCE), {"kind": kind, "day": day})
    return [dict(row["content"]) for row in found.mappings()]


async def find_records(
    reader: AsyncConnection, *, q: str = "", kind: str | None = None, page: int = 1, size: int = 50
) -> Found:
    """The signed leaves that hold every word of ``q`` in their own words or their item's, newest first."""
    sql = """
        SELECT l.leaf_index, l.leaf_hash, l.record_kind, l.leaf, l.recorded_at, l.item_code,
               i.content->'name' AS item_name
        FROM leaves l
        LEFT JOIN latest_publications p ON p.kind = 'service_item' AND p.code = l.item_code
        LEFT JOIN publications i ON i.kind = p.kind AND i.code = p.code
            AND i.version = (p.body->>'version')::int
        WHERE (l.words || ' ' || COALESCE(i.words, '')) LIKE ALL (CAST(:terms AS text[]))
    """
    params: dict[str, Any] = {"terms": _terms(q)}
    if kind is not None:
        sql += " AND l.record_kind = :kind"
        params["kind"] = kind
    found = await _page(reader, sql, "ORDER BY l.leaf_index DESC", params, page=page, size=size)
    return Found(
        [{**row, "content": json.loads(row["leaf"])} for row in found.rows], found.total, page, found.pages
    )


async def record_counts(reader: AsyncConnection) -> dict[str, int]:
    """How many leaves of each kind."""
    found = await reader.execute(
        sa.text("SELECT record_kind, count(*) AS n FROM leaves GROUP BY record_kind")
    )
    return {row.record_kind: row.n for row in found}


async def leaf_of_document(reader: AsyncConnection, document_sha256: str) -> int | None:
    """The first leaf that names this document; None for a refusal, whose document is not named."""
    statement = sa.text("SELECT min(leaf_index) FROM leaves WHERE document_sha256 = :sha")
    found = (await reader.execute(statement, {"sha": document_sha256})).scalar_one_or_none()
    return None if found is None else int(found)


async def record(reader: AsyncConnection, index: int) -> dict[str, Any] | None:
    """One leaf with its proof under the newest checkpoint: a receipt; None if missing."""
    statement = sa.text(
        "SELECT leaf_index, leaf_hash, record_kind, leaf, document_sha256, recorded_at FROM leaves "
        "WHERE leaf_index = :index"
    )
    row = (await reader.execute(statement, {"index": index})).mappings().one_or_none()
    head = await newest_checkpoint(reader)
    if row is None or head is None or index >= head["tree_size"]:
        return None
    return {
        **row,
        "content": json.loads(row["leaf"]),
        "proof": await inclusion(reader, index, head["tree_size"]),
        "tree_size": head["tree_size"],
        "root": head["root"],
        "checkpoint": head["note"],
    }


async def newest_checkpoint(reader: AsyncConnection) -> dict[str, Any] | None:
    """The newest signed checkpoint; None before the first leaf."""
    statement = sa.text(
        "SELECT tree_size, root, note, signed_at FROM checkpoints ORDER BY tree_size DESC LIMIT 1"
    )
    row = (await reader.execute(statement)).mappings().one_or_none()
    return dict(row) if row is not None else None


async def entries(reader: AsyncConnection, start: int, end: int) -> list[str]:
    """The leaf texts from ``start`` up to, not including, ``end``; at most 1000, so ask again from there."""
    statement = sa.text(
        "SELECT leaf FROM leaves WHERE leaf_index >= :start AND leaf_index < :end ORDER BY leaf_index"
    )
    found = await reader.execute(statement, {"start": start, "end": min(end, start + MOST_ENTRIES)})
    return [str(leaf) for leaf in found.scalars()]


async def nodes(reader: AsyncConnection, places: Sequence[merkle.Place]) -> dict[merkle.Place, bytes]:
    """The stored nodes at these places."""
    wanted = sorted(set(places))
    if not wanted:
        return {}
    found = await reader.execute(NODES, node_params(wanted))
    return {(row.level, row.position): bytes.fromhex(row.hash) for row in found}


def node_params(wanted: Sequence[merkle.Place]) -> dict[str, list[int]]:
    """The parameters of NODES."""
    return {"levels": [level for level, _ in wanted], "positions": [position for _, position in wanted]}


async def _proof(reader: AsyncConnection, spans: Sequence[tuple[int, int]]) -> list[str]:
    known = await nodes(reader, merkle.places(spans))
    return [each.hex() for each in merkle.proof(spans, known.__getitem__)]


async def _largest(reader: AsyncConnection) -> int:
    return int(
        (await reader.execute(sa.text("SELECT COALESCE(max(tree_size), 0) FROM checkpoints"))).scalar_one()
    )


async def inclusion(reader: AsyncConnection, index: int, size: int) -> list[str]:
    """The inclusion proof of a leaf in the tree of ``size``; OutOfTree beyond what is signed."""
    if size > await _largest(reader):
        raise OutOfTree(f"{size} leaves are not signed yet")
    return await _proof(reader, merkle.inclusion_spans(index, size))


async def consistency(reader: AsyncConnection, older: int, newer: int) -> list[str]:
    """The proof that the tree of ``newer`` leaves begins with that of ``older``; OutOfTree beyond signed."""
    if newer > await _largest(reader):
        raise OutOfTree(f"{newer} leaves are not signed yet")
    return await _proof(reader, merkle.consistency_spans(older, newer))
