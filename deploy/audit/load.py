"""Loads the snapshot: one read-only transaction per database, plain SELECTs, no code of any service."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from deploy.audit.snapshot import Answered, Books, Heard, Row, Said, Snapshot
from libs.signatures import KeyDirectory

STALE_S = 15.0  # how old the broker's own counts may be

# Each service's own tables, as JSON rows; files, papers and personal data stay where they are.
TABLES: dict[str, dict[str, str]] = {
    "intake": {"cases": "jsonb_build_object('case_id', t.case_id)"},
    "review": {"tasks": "jsonb_build_object('case_id', t.case_id)"},
    "fee": {
        "bills": "to_jsonb(t) - 'document'",
        "settlements": "to_jsonb(t) - 'receipt'",
        "cancellations": "to_jsonb(t)",
        "ledger_transactions": "to_jsonb(t)",
        "ledger_entries": "to_jsonb(t)",
        "accounts": "to_jsonb(t)",
    },
    "disclosure": {"leaves": "to_jsonb(t) - 'words'", "checkpoints": "to_jsonb(t)"},
    "supervision": {
        "cards": "to_jsonb(t)",
        "findings": "to_jsonb(t)",
        "clocks": "to_jsonb(t) - 'body'",
        "cases": "jsonb_build_object('case_id', t.case_id)",
        "happenings": "jsonb_build_object('case_id', t.case_id, 'source', t.source, 'id', t.id)",
    },
}
_OUTBOX = (
    "SELECT seq, source, id, type, subject, time, department, body, unsent.seq IS NULL AS is_sent "
    "FROM outbox LEFT JOIN unsent USING (seq) ORDER BY seq"
)
_INBOX = "SELECT source, id, type, subject, state FROM inbox ORDER BY source, id"
_ANSWERS = "SELECT actor, client_key, status, body, subject FROM answers ORDER BY actor, client_key"
_PARKED = "SELECT type, waits_for FROM parked"
_SET_ASIDE = "SELECT type, code FROM set_aside WHERE settled_at IS NULL"


async def load(
    databases: Mapping[str, str],
    *,
    key_directory: Path | None = None,
    business_now: datetime | None = None,
    broker_url: str | None = None,
) -> Snapshot:
    """Read every database; ``business_now`` defaults to the latest instant anybody spoke of."""
    names = list(databases)
    found = await asyncio.gather(*(_books(name, databases[name]) for name in names))
    books = dict(zip(names, found, strict=True))
    latest = max((event.time for each in found for event in each.outbox), default=datetime.now(UTC))
    keys, log_key = _keys(key_directory)
    queues = await asyncio.to_thread(_queues, broker_url) if broker_url else None
    return Snapshot(books, business_now or latest, keys, log_key, queues)


async def _books(name: str, url: str) -> Books:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"), timeout=15)
    try:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(connection, name)
    finally:
        await connection.close()


async def _read(connection: asyncpg.Connection, name: str) -> Books:
    books = Books(name)
    books.outbox = [_said(row) for row in await connection.fetch(_OUTBOX)]
    books.inbox = [Heard(**dict(row)) for row in await connection.fetch(_INBOX)]
    books.answers = [Answered(**dict(row)) for row in await connection.fetch(_ANSWERS)]
    books.parked = [tuple(row) for row in await connection.fetch(_PARKED)]
    books.set_aside = [tuple(row) for row in await connection.fetch(_SET_ASIDE)]
    for table, columns in TABLES.get(books.service, {}).items():
        rows = await connection.fetch(f"SELECT {columns} AS row FROM {table} t")  # names are constants above
        books.tables[table] = [row["row"] for row in rows]
    return books


def _said(row: Mapping[str, Any]) -> Said:
    """The event as its stored text tells it; the columns beside it must agree, for by them it was routed."""
    body: Row = json.loads(row["body"])
    told = (body["source"], body["id"], body["type"], body["subject"], body.get("department"))
    kept = (row["source"], row["id"], row["type"], row["subject"], row["department"])
    if told != kept or datetime.fromisoformat(body["time"]) != row["time"]:
        raise ValueError(f"outbox row {row['seq']}: its text {told} is not its columns {kept}")
    return Said(
        row["seq"], row["source"], row["id"], row["type"], row["subject"], row["time"], row["department"],
        body["data"], row["is_sent"],
    )  # fmt: skip


def _keys(path: Path | None) -> tuple[KeyDirectory | None, bytes | None]:
    """The directory, and the raw key of the log (disclosure signs the log with its own key)."""
    if path is None:
        return None, None
    entries = json.loads(path.read_text(encoding="utf-8"))
    raw = next(
        (base64.b64decode(each["public_key"]) for each in entries if each["issuer"] == "disclosure"), None
    )
    return KeyDirectory.from_entries(entries), raw


def _queues(url: str) -> dict[str, int]:
    """Messages per queue, ready or not acknowledged, from the broker's management address.

    The broker counts every few seconds only, so a queue that seems to hold something is looked at again until
    the count is younger than the question.
    """
    deadline = time.monotonic() + STALE_S
    while True:
        held = _counts(url)
        if not any(held.values()) or time.monotonic() > deadline:
            return held
        time.sleep(0.5)


def _counts(url: str) -> dict[str, int]:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/queues?columns=name,messages"
    word = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {word}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return {row["name"]: int(row.get("messages", 0)) for row in json.load(answer)}


def clock_file_now(path: Path) -> datetime:
    """Business time as the clock file tells it."""
    told = json.loads(path.read_text(encoding="utf-8"))
    since = timedelta(seconds=max(0.0, time.time() - float(told["real_at"])) * float(told["rate"]))
    moment = datetime.fromisoformat(told["business_at"]) + since
    ceiling = told.get("ceiling")
    return min(moment, datetime.fromisoformat(ceiling)) if ceiling else moment
