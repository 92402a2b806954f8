"""Rows said: written with the effect, relayed after the commit, kept for ever as they were said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import Event
from libs.statements import Statement


class OutboxRow(NamedTuple):
    """One event on its way: its place in the outbox, its routing and the exact text to send."""

    seq: int
    event_type: str
    department: str | None
    body: str


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """The outbox, which only grows, and ``unsent``: the numbers of those rows the broker has not confirmed yet.

    Noting that a row was sent deletes a number from a small table; the row itself is never touched again.
    """
    sa.Table("unsent", metadata, sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False))
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("department", sa.Text),
        sa.Column("time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column(
            "said_at", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()
        ),
    )


_SAY = """
INSERT INTO outbox (id, source, type, subject, department, time, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
RETURNING seq, id
"""
_WAIT = Statement("INSERT INTO unsent SELECT seq FROM said")
SAID = "SELECT seq, id FROM said"  # gives the numbers of what `saying` has stored
_SENT = "DELETE FROM unsent WHERE seq = ANY($1::bigint[])"


def saying(events: Sequence[Event], texts: Sequence[str]) -> list[Statement]:
    """Parts of a statement that stores ``events``, with the exact text of each; `SAID` gives their numbers."""
    columns = (
        [event.id for event in events],
        [event.source for event in events],
        [event.type for event in events],
        [event.subject for event in events],
        [event.department for event in events],
        [event.time for event in events],
        list(texts),
    )
    return [Statement(_SAY, columns, "said"), _WAIT]


def said_rows(events: Sequence[Event], texts: Sequence[str], found: Iterable[Any]) -> list[OutboxRow]:
    """What is to be sent, in the order it was said, from the rows that `SAID` gave."""
    stored = {row[1]: row[0] for row in found}
    return [
        OutboxRow(stored[event.id], event.type, event.department, text)
        for event, text in zip(events, texts, strict=True)
    ]


def marking(seqs: Sequence[int]) -> Statement:
    """Notes that the broker confirmed these rows."""
    return Statement(_SENT, (sorted(seqs),))


async def mark_sent(connection: AsyncConnection, seqs: Sequence[int]) -> None:
    """Note that the broker confirmed these rows."""
    if seqs:
        await connection.exec_driver_sql(*marking(seqs)[:2])


async def send_again(connection: AsyncConnection, ids: Sequence[str]) -> list[OutboxRow]:
    """Make the rows of these events unsent again; those that still are, and ids of nothing here, are left out."""
    sql = (
        "WITH again AS (INSERT INTO unsent SELECT seq FROM outbox WHERE id = ANY($1::text[]) "
        "ON CONFLICT DO NOTHING RETURNING seq) "
        "SELECT seq, type, department, body FROM outbox JOIN again USING (seq) ORDER BY seq"
    )
    return _rows(await connection.exec_driver_sql(sql, (list(ids),)))


# Row by row from the few that wait: a join in the order of seq would read the whole outbox, every second.
_UNSENT = """
SELECT waits.seq, said.type, said.department, said.body
FROM (SELECT seq FROM unsent ORDER BY seq LIMIT $2) AS waits
CROSS JOIN LATERAL (SELECT * FROM outbox WHERE outbox.seq = waits.seq LIMIT 1) AS said
WHERE said.said_at < clock_timestamp() - make_interval(secs => $1) ORDER BY waits.seq
"""


async def unsent(connection: AsyncConnection, older_than_s: float, limit: int) -> list[OutboxRow]:
    """Leftovers: rows committed at least ``older_than_s`` seconds ago that nobody confirmed, oldest first."""
    return _rows(await connection.exec_driver_sql(_UNSENT, (older_than_s, limit)))


def _rows(found: Iterable[Any]) -> list[OutboxRow]:
    return [OutboxRow(row.seq, row.type, row.department, row.body) for row in found]


async def waiting(connection: AsyncConnection) -> tuple[int, float]:
    """(rows that still wait for the broker, age of the oldest in seconds)."""
    sql = (
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - (SELECT said_at FROM outbox "
        "WHERE seq = (SELECT min(seq) FROM unsent))), 0) FROM unsent"
    )
    count, age = tuple((await connection.exec_driver_sql(sql)).one())
    return int(count), float(age)
