"""What Prometheus is told of the center's cases: counts by item and state, never one case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.due import CAN_MOVE

_CASES = sa.text("SELECT item_code, state, count(*) AS number FROM cases GROUP BY item_code, state")
_PROMISES = sa.text(
    "SELECT item_code, promise_kept AS kept, count(*) AS number FROM cases "
    "WHERE state IN ('granted', 'refused', 'issued', 'delivered') GROUP BY item_code, kept"
)
_ACCEPTANCES = sa.text(
    "SELECT item_code, mode, count(*) AS number FROM cases WHERE mode IS NOT NULL GROUP BY item_code, mode"
)
_CORRECTIONS = sa.text("SELECT item_code, count(*) AS number FROM cases WHERE noticed GROUP BY item_code")
_AWAITED = sa.text(
    "SELECT r.department, count(*) FILTER (WHERE r.outcome IS NULL AND r.released AND c.state = 'accepted') "
    "AS number FROM reviews r JOIN cases c USING (case_id) GROUP BY r.department"
)
# A join is level-triggered: the commit that brought the last missing row moves the case. So this is empty, and
# whatever stands in it has waited since its newest row was written (the server's time, not business time).
_JOINS = sa.text(
    "SELECT count(*) AS cases, coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0) AS age "
    "FROM (SELECT greatest(c.changed_at, (SELECT max(r.changed_at) FROM reviews r WHERE r.case_id = c.case_id)) "
    f"AS since FROM cases c WHERE {CAN_MOVE}) AS ready"
)
_UNPROVEN = sa.text(
    "SELECT count(*) AS vouchers, min(d.issued_at) AS oldest FROM documents d "
    "WHERE d.kind IN ('receipt', 'acceptance', 'decline') "
    "AND NOT EXISTS (SELECT 1 FROM proofs p WHERE p.document_sha256 = d.sha256)"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that waits: how many, and for how many seconds the oldest."""

    number: int
    oldest_s: float


async def cases_by_state(reader: AsyncConnection) -> dict[tuple[str, str], int]:
    """Cases by (item, state)."""
    return {(row.item_code, row.state): row.number for row in await reader.execute(_CASES)}


async def promises(reader: AsyncConnection) -> dict[tuple[str, bool], int]:
    """Decided cases by (item, whether the promised day was kept)."""
    return {(row.item_code, bool(row.kept)): row.number for row in await reader.execute(_PROMISES)}


async def acceptances(reader: AsyncConnection) -> dict[tuple[str, str], int]:
    """Accepted cases by (item, mode)."""
    return {(row.item_code, row.mode): row.number for row in await reader.execute(_ACCEPTANCES)}


async def corrections(reader: AsyncConnection) -> dict[str, int]:
    """Cases that got the one-time notice, by item."""
    return {row.item_code: row.number for row in await reader.execute(_CORRECTIONS)}


async def awaited_opinions(reader: AsyncConnection) -> dict[str, int]:
    """Opinions that may be given and have not come, by every department that was ever asked."""
    return {row.department: row.number for row in await reader.execute(_AWAITED)}


async def joins_waiting(reader: AsyncConnection) -> Standing:
    """Cases that could move by their stored rows and have not; seconds of real time."""
    row = (await reader.execute(_JOINS)).one()
    return Standing(int(row.cases), float(row.age))


async def unproven_vouchers(reader: AsyncConnection, now: datetime) -> Standing:
    """Vouchers handed out of which the public log has not yet sent a proof; seconds of business time."""
    row = (await reader.execute(_UNPROVEN)).one()
    age = (now - row.oldest).total_seconds() if row.oldest else 0.0
    return Standing(int(row.vouchers), max(0.0, age))
