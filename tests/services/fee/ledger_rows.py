"""Lawful rows of the books for tests to write and to spoil, and how a refusal is seen."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.fee.domain.ledger import transaction
from tests.services.fee.tariffs import document

NUMBERS: Iterator[int] = itertools.count(1)
TARIFF = "road-occupation-chengdu-hitech"
ACCEPTED_ON = date(2026, 1, 6)
ASSESSED_AT = datetime(2026, 1, 6, 2, tzinfo=UTC)
PAID_AT = ASSESSED_AT + timedelta(hours=1)
PAID_ON = date(2026, 1, 6)
TOTAL = 1_080_000
IN_FORCE = "bill_follows_the_tariff_in_force_on_acceptance"
Rows = dict[str, list[dict[str, Any]]]


def signed(**content: Any) -> str:
    body = json.dumps(content, sort_keys=True)
    return json.dumps({"kind": "bill", "issuer": "fee", "body": body, "key_id": "k", "signature": "s"})


def bill_rows(total_fen: int = TOTAL, **changes: Any) -> Rows:
    """A lawful bill: its row, its line, its booking. Tests spoil one thing in it."""
    bill_no = f"B-2026-{next(NUMBERS):06d}"
    document_ = signed(bill_no=bill_no, total_fen=total_fen)
    bill = {
        "bill_no": bill_no,
        "case_id": f"case-{bill_no}",
        "application_no": "AL-2026-000001",
        "item_code": "road-occupation",
        "item_version": 1,
        "tariff_code": TARIFF,
        "tariff_version": 1,
        "accepted_on": ACCEPTED_ON,
        "subject_code": "sample-road-occupation",
        "payee": "treasury",
        "currency": "CNY",
        "total_fen": total_fen,
        "line_count": 1,
        "assessed_at": ASSESSED_AT,
        "assessed_on": ACCEPTED_ON,
        "document": document_,
        "document_sha256": hashlib.sha256(json.loads(document_)["body"].encode()).hexdigest(),
        "event_id": f"event-{bill_no}",
        **changes,
    }
    line = {
        "bill_no": bill_no,
        "line_no": 1,
        "charge_kind": "road_occupation",
        "rate": 2,
        "quantity": json.dumps({"area_m2": str(total_fen // 100 // 45 // 2), "days": "45"}),
        "tier_mode": "flat",
        "amount_fen": total_fen,
        "formula": "120 × 45 × 2.00 = 10800.00",
    }
    return {"bills": [bill], "bill_lines": [line], **booking("charge", bill_no, total_fen)}


def booking(kind: Any, bill_no: str, amount_fen: int, at: datetime = ASSESSED_AT, on: date = PAID_ON) -> Rows:
    if not amount_fen:
        return {}
    made = transaction(kind, bill_no, "sample-road-occupation", amount_fen)
    head = {
        "transaction_no": made.transaction_no,
        "kind": kind,
        "bill_no": bill_no,
        "entry_count": 2,
        "booked_at": at,
        "booked_on": on,
    }
    entries = [
        {
            "transaction_no": made.transaction_no,
            "account_no": entry.account_no,
            "amount_fen": entry.amount_fen,
        }
        for entry in made.entries
    ]
    return {"ledger_transactions": [head], "ledger_entries": entries}


def payment_rows(bill_no: str, amount_fen: int = TOTAL, **changes: Any) -> Rows:
    settlement = {
        "bill_no": bill_no,
        "amount_fen": amount_fen,
        "currency": "CNY",
        "channel": "bank",
        "channel_ref": f"ref-{bill_no}",
        "paid_at": PAID_AT,
        "received_at": PAID_AT,
        "received_on": PAID_ON,
        "receipt": signed(bill_no=bill_no, amount_fen=amount_fen),
        **changes,
    }
    return {"settlements": [settlement], **booking("payment", bill_no, amount_fen, PAID_AT)}


def cancellation_rows(bill_no: str, reason: str = "application_withdrawn") -> Rows:
    row = {"bill_no": bill_no, "reason": reason, "cancelled_at": PAID_AT}
    return {"cancellations": [row], **booking("cancellation", bill_no, TOTAL, PAID_AT)}


async def write(connection: asyncpg.Connection[Any], rows: Rows) -> None:
    """All rows in one transaction, as the service writes them."""
    async with connection.transaction():
        for table, entries in rows.items():
            for row in entries:
                names = ", ".join(row)
                marks = ", ".join(f"${i + 1}" for i in range(len(row)))
                await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *row.values())


def tariff_row(**changes: Any) -> dict[str, Any]:
    body = document(TARIFF, **changes)
    until = body["in_force_until"]
    return {
        "tariff_code": body["tariff_code"],
        "version": body["version"],
        "charge_kind": body["charge_kind"],
        "subject_code": body["subject_code"],
        "payee": body["payee"],
        "in_force_from": date.fromisoformat(body["in_force_from"]),
        "in_force_until": until and date.fromisoformat(until),
        "published_on": date(2026, 1, 5),
        "body": json.dumps(body),
    }


def run(url: str, deed: Callable[[asyncpg.Connection[Any]], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await deed(connection)
        finally:
            await connection.close()

    return asyncio.run(main())


def refused(url: str, rows: Rows, *rules: str) -> None:
    """Writing these rows is refused by one of the rules, and nothing of it stays."""
    bill_no = next((row["bill_no"] for entries in rows.values() for row in entries if "bill_no" in row), None)

    async def count(connection: asyncpg.Connection[Any]) -> int:
        sql = "SELECT count(*) FROM bills NATURAL FULL JOIN ledger_transactions WHERE bill_no = $1"
        return int(await connection.fetchval(sql, bill_no))

    before = run(url, count)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
        run(url, lambda connection: write(connection, rows))
    assert refusal.value.constraint_name in rules, refusal.value
    assert run(url, count) == before
