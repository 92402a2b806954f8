"""Letters: what was set aside, to be read and heard again on a person's word. Nobody can change what one says.

A letter is a row of `set_aside`. Its text stays as it came; every word of a person about it is a row of
`replays`, which may only grow: who, when, and what came of it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
import structlog
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from libs import inbox
from libs.envelope import Event, event_from
from libs.hearing import Hearing
from libs.metrics import REPLAYS
from libs.refusals import NotFound, Park, Refusal
from libs.work import Work

LOG = structlog.get_logger(__name__)
Outcome = Literal["handled", "parked", "failed", "known", "closed", "settled"]
State = Literal["open", "settled"]
NO_EVENT = "unreadable"  # the code of a letter whose text is no event


class LetterNotFound(NotFound):
    """There is no letter of this number."""


class LetterUnreadable(Refusal):
    """The text is no event: it can be closed, never heard."""

    code = "letter_unreadable"
    title = "This text is no event and cannot be heard. Close it with a note."


class LetterHearable(Refusal):
    """An event is heard again until it is handled; closing it would drop it."""

    code = "letter_hearable"
    title = "This letter is an event. It is heard again, not closed."


class LetterRow(BaseModel):
    """One letter in a list; code and reason are those of the last try, ``attempts`` counts all of them."""

    number: int
    source: str
    id: str
    type: str
    subject: str
    code: str
    reason: str
    attempts: int
    set_aside_at: datetime
    settled_at: datetime | None
    replayed_at: datetime | None
    replayed_by: str | None


class Replay(BaseModel):
    """What a person did with a letter, and what came of it."""

    actor: str
    outcome: str
    code: str | None
    reason: str
    replayed_at: datetime


class Letter(LetterRow):
    """A whole letter: its text as it came, why it was set aside at first, and its replays, newest first."""

    body: str
    first_code: str
    first_reason: str
    replays: list[Replay]


class ParkedRow(BaseModel):
    """An event that waits for a predecessor."""

    source: str
    id: str
    type: str
    subject: str
    waits_for: str
    parked_at: datetime


class Figures(BaseModel):
    """How much waits for a person, how much for a predecessor, and for how long (seconds, 0 for nothing)."""

    set_aside: int
    oldest_set_aside_s: float
    parked: int
    oldest_parked_s: float


class Replayed(BaseModel):
    """What came of hearing a letter again; ``settled`` means that it had been settled before."""

    number: int
    outcome: Outcome
    code: str | None = None
    reason: str = ""


def replays_table(metadata: sa.MetaData) -> sa.Table:
    """Declare `replays` (append-only) beside `set_aside`."""
    return sa.Table(
        "replays",
        metadata,
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("letter", sa.BigInteger, sa.ForeignKey("set_aside.seq"), nullable=False, index=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column(
            "replayed_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            server_default=sa.func.clock_timestamp(),
        ),
        sa.CheckConstraint(
            "outcome IN ('handled', 'parked', 'failed', 'known', 'closed')", name="replays_outcome"
        ),
    )


_ROWS = """
SELECT s.seq AS number, s.source, s.id, s.type, s.subject, coalesce(r.code, s.code) AS code,
       CASE WHEN r.code IS NULL THEN s.reason ELSE r.reason END AS reason,
       s.attempts + (SELECT count(*) FROM replays WHERE letter = s.seq AND outcome <> 'closed') AS attempts,
       s.set_aside_at, s.settled_at, r.replayed_at, r.actor AS replayed_by, s.body,
       s.code AS first_code, s.reason AS first_reason
FROM set_aside s
LEFT JOIN LATERAL (SELECT * FROM replays WHERE letter = s.seq ORDER BY seq DESC LIMIT 1) r ON true
"""
_OPEN: dict[State, str] = {"open": "s.settled_at IS NULL", "settled": "s.settled_at IS NOT NULL"}
_FIGURES = """
SELECT (SELECT count(*) FROM set_aside WHERE settled_at IS NULL) AS set_aside,
       (SELECT count(*) FROM parked) AS parked,
       extract(epoch FROM clock_timestamp() - (SELECT min(set_aside_at) FROM set_aside WHERE settled_at IS NULL))
         AS oldest_set_aside_s,
       extract(epoch FROM clock_timestamp() - (SELECT min(parked_at) FROM parked)) AS oldest_parked_s
"""


async def figures(connection: AsyncConnection) -> Figures:
    """How much is set aside and parked, and the age of the oldest."""
    row = (await connection.exec_driver_sql(_FIGURES)).one()
    return Figures(
        set_aside=row.set_aside,
        oldest_set_aside_s=max(0.0, float(row.oldest_set_aside_s or 0)),
        parked=row.parked,
        oldest_parked_s=max(0.0, float(row.oldest_parked_s or 0)),
    )


async def count(connection: AsyncConnection, state: State) -> int:
    """How many letters are open or settled."""
    found = await connection.exec_driver_sql(f"SELECT count(*) FROM set_aside s WHERE {_OPEN[state]}")
    return int(found.scalar_one())


async def rows(connection: AsyncConnection, state: State, page: int, limit: int) -> list[LetterRow]:
    """One page of letters, newest first."""
    sql = f"{_ROWS} WHERE {_OPEN[state]} ORDER BY s.seq DESC LIMIT $1 OFFSET $2"
    found = await connection.exec_driver_sql(sql, (limit, (page - 1) * limit))
    return [LetterRow.model_validate(row._mapping) for row in found]


async def hearable(connection: AsyncConnection, up_to: int, limit: int) -> list[int]:
    """The numbers of open letters that are events, oldest first, none beyond ``up_to``."""
    sql = "SELECT seq FROM set_aside WHERE settled_at IS NULL AND code <> $1 AND seq <= $2 ORDER BY seq LIMIT $3"
    return [row.seq for row in await connection.exec_driver_sql(sql, (NO_EVENT, up_to, limit))]


async def count_hearable(connection: AsyncConnection) -> int:
    """How many open letters are events."""
    sql = "SELECT count(*) FROM set_aside WHERE settled_at IS NULL AND code <> $1"
    return int((await connection.exec_driver_sql(sql, (NO_EVENT,))).scalar_one())


async def read(connection: AsyncConnection, number: int) -> Letter:
    """One letter with its text and its replays; LetterNotFound."""
    row = (await connection.exec_driver_sql(f"{_ROWS} WHERE s.seq = $1", (number,))).one_or_none()
    if row is None:
        raise LetterNotFound()
    sql = "SELECT actor, outcome, code, reason, replayed_at FROM replays WHERE letter = $1 ORDER BY seq DESC LIMIT 100"
    replays = [
        Replay.model_validate(each._mapping) for each in await connection.exec_driver_sql(sql, (number,))
    ]
    return Letter(**row._mapping, replays=replays)


async def parked(connection: AsyncConnection, limit: int) -> list[ParkedRow]:
    """Events that wait for a predecessor, the oldest first."""
    sql = "SELECT source, id, type, subject, waits_for, parked_at FROM parked ORDER BY parked_at LIMIT $1"
    return [ParkedRow.model_validate(row._mapping) for row in await connection.exec_driver_sql(sql, (limit,))]


async def hear_letter(work: Work, hearing: Hearing, number: int, actor: str) -> Replayed:
    """Hear a letter again, as a deed of its own; a failure is noted and the letter stays open.

    The lock on the letter makes a second replay, here or in another process, find it settled.
    """
    row = await _locked(work, number)
    if row.settled_at is not None:
        return Replayed(number=number, outcome="settled")
    if row.code == NO_EVENT:
        raise LetterUnreadable()
    event = event_from(json.loads(row.body))
    reason: Exception | None = None
    outcome: Outcome = "known"
    if not await _known(work, event):
        reason = await hearing.replay(event, work.shared)
        outcome = "handled" if reason is None else "parked" if isinstance(reason, Park) else "failed"
    return await _note(work, row, actor, outcome, reason)


async def note_failed(work: Work, number: int, actor: str, reason: Exception) -> Replayed:
    """Note that the database refused the effect of a letter: its own transaction was rolled back."""
    row = await _locked(work, number)
    if row.settled_at is not None:
        return Replayed(number=number, outcome="settled")
    return await _note(work, row, actor, "failed", reason)


async def close_letter(work: Work, number: int, actor: str, note: str) -> Replayed:
    """Settle text that is no event, with a person's note; LetterHearable for an event."""
    row = await _locked(work, number)
    if row.settled_at is not None:
        return Replayed(number=number, outcome="settled")
    if row.code != NO_EVENT:
        raise LetterHearable()
    return await _note(work, row, actor, "closed", None, note)


async def _locked(work: Work, number: int) -> sa.Row[Any]:
    sql = "SELECT seq, source, id, type, code, body, settled_at FROM set_aside WHERE seq = $1 FOR UPDATE"
    row = (await (await work.shared.sql()).exec_driver_sql(sql, (number,))).one_or_none()
    if row is None:
        raise LetterNotFound()
    return row


async def _known(work: Work, event: Event) -> bool:
    """Whether the event was handled (or waits for a predecessor) by another way in the meantime."""
    connection, identity = await work.shared.sql(), (event.source, event.id)
    if await inbox.hear(connection, event):  # heard for the first time: set aside until it is handled
        sql = "UPDATE inbox SET state = 'set_aside' WHERE source = $1 AND id = $2"
        await connection.exec_driver_sql(sql, identity)
    sql = "SELECT state FROM inbox WHERE source = $1 AND id = $2 FOR UPDATE"
    state = (await connection.exec_driver_sql(sql, identity)).scalar_one()
    return str(state) != "set_aside"


async def _note(
    work: Work,
    row: sa.Row[Any],
    actor: str,
    outcome: Outcome,
    reason: Exception | None,
    note: str = "",
) -> Replayed:
    code = text = None
    if outcome == "failed" and reason is not None:
        code, text = getattr(reason, "code", "handler_failed"), f"{type(reason).__name__}: {reason}"[:2000]
    elif isinstance(reason, Park):
        text = f"waits for {reason.waits_for}"
    connection = await work.shared.sql()
    sql = "INSERT INTO replays (letter, actor, outcome, code, reason) VALUES ($1, $2, $3, $4, $5)"
    await connection.exec_driver_sql(sql, (row.seq, actor, outcome, code, text or note))
    if outcome != "failed":
        await connection.exec_driver_sql(
            "UPDATE set_aside SET settled_at = clock_timestamp() WHERE seq = $1", (row.seq,)
        )
    REPLAYS.labels(outcome).inc()
    LOG.info(
        "letter_replayed",
        number=row.seq,
        event_type=row.type,
        id=row.id,
        by=actor,
        outcome=outcome,
        code=code,
    )
    return Replayed(number=row.seq, outcome=outcome, code=code, reason=text or note)
