"""Rows heard: what makes an event handled once, and the two places for events that cannot be handled yet.

`inbox` remembers every event by (source, id); `parked` keeps those whose predecessor is missing;
`set_aside` keeps those that can never be handled as they are, with the reason, for a person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import Event, event_from
from libs.statements import Statement

_NOW = sa.func.clock_timestamp()
_AT = sa.TIMESTAMP(timezone=True)


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why one event (or undecodable text) was given up: a stable code, a sentence, and how often it was tried."""

    source: str
    id: str
    type: str
    subject: str
    body: str
    code: str
    reason: str
    attempts: int = 1


def inbox_tables(metadata: sa.MetaData) -> None:
    """Declare `inbox`, `parked` and `set_aside`."""
    sa.Table(
        "inbox",
        metadata,
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="handled"),
        sa.Column("heard_at", _AT, nullable=False, server_default=_NOW),
        sa.CheckConstraint("state IN ('handled', 'parked', 'set_aside')", name="inbox_state"),
    )
    sa.Table(
        "parked",
        metadata,
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("waits_for", sa.Text, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("parked_at", _AT, nullable=False, server_default=_NOW),
    )
    sa.Table(
        "set_aside",
        metadata,
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("set_aside_at", _AT, nullable=False, server_default=_NOW),
        sa.Column("settled_at", _AT),
    )


_HEARD = """
INSERT INTO inbox (source, id, type, subject)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
"""
_HEAR = f"{_HEARD} ON CONFLICT DO NOTHING RETURNING source, id"


def hearing(events: Sequence[Event], *, new: bool = False) -> Statement:
    """Notes these events as heard and gives (source, id) of those that were new; each may stand here once.

    With ``new`` they are taken to be new: one that is not is an IntegrityError.
    """
    ordered = sorted(events, key=lambda event: (event.source, event.id))
    columns = (
        [event.source for event in ordered],
        [event.id for event in ordered],
        [event.type for event in ordered],
        [event.subject for event in ordered],
    )
    return Statement(_HEARD if new else _HEAR, columns)


async def hear(connection: AsyncConnection, event: Event) -> bool:
    """Note this event as heard; whether it was new."""
    found: Iterable[Any] = await connection.exec_driver_sql(*hearing([event])[:2])
    return any(found)


async def _set_state(connection: AsyncConnection, source: str, event_id: str, state: str) -> None:
    sql = "UPDATE inbox SET state = $3 WHERE source = $1 AND id = $2"
    await connection.exec_driver_sql(sql, (source, event_id, state))


async def park(connection: AsyncConnection, event: Event, waits_for: str) -> None:
    """Keep ``event`` until ``waits_for`` (or its own subject) is touched."""
    sql = (
        "INSERT INTO parked (source, id, type, subject, waits_for, body) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (source, id) DO UPDATE SET waits_for = excluded.waits_for"
    )
    values = (event.source, event.id, event.type, event.subject, waits_for, event.to_json())
    await connection.exec_driver_sql(sql, values)
    await _set_state(connection, event.source, event.id, "parked")


async def unpark(connection: AsyncConnection, event: Event, state: str = "handled") -> None:
    """The parked event was handled (or set aside) after all."""
    await connection.exec_driver_sql(
        "DELETE FROM parked WHERE source = $1 AND id = $2", (event.source, event.id)
    )
    await _set_state(connection, event.source, event.id, state)


async def parked(connection: AsyncConnection, touched: Sequence[str] | None, limit: int = 500) -> list[Event]:
    """Parked events that concern one of ``touched`` (all of them for None), oldest first, locked."""
    where = "" if touched is None else "WHERE subject = ANY($2::text[]) OR waits_for = ANY($2::text[]) "
    sql = f"SELECT body FROM parked {where}ORDER BY parked_at LIMIT $1 FOR UPDATE SKIP LOCKED"
    values = (limit,) if touched is None else (limit, list(touched))
    return [event_from(json.loads(row.body)) for row in await connection.exec_driver_sql(sql, values)]


async def set_aside(connection: AsyncConnection, given_up: SetAside) -> None:
    """Give up on one event alone: kept with its reason, and never tried again by itself."""
    sql = (
        "INSERT INTO set_aside (source, id, type, subject, body, code, reason, attempts) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    )
    fields = ("source", "id", "type", "subject", "body", "code", "reason", "attempts")
    await connection.exec_driver_sql(sql, tuple(getattr(given_up, name) for name in fields))
    await _set_state(connection, given_up.source, given_up.id, "set_aside")


def unreadable(body: str, reason: str) -> SetAside:
    """What is kept of text that is no event; its identity is its own hash, so that a repeat is recognised."""
    identity = hashlib.sha256(body.encode()).hexdigest()
    return SetAside("unknown", identity, "unknown", "unknown", body, "unreadable", reason)


async def counts(connection: AsyncConnection) -> tuple[int, float, int]:
    """(parked, seconds since the oldest of them was parked, set aside and not settled)."""
    sql = (
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(parked_at)), 0), "
        "(SELECT count(*) FROM set_aside WHERE settled_at IS NULL) FROM parked"
    )
    parked_events, oldest_s, aside = tuple((await connection.exec_driver_sql(sql)).one())
    return int(parked_events), float(oldest_s), int(aside)
