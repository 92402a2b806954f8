"""The books defend themselves: bad statements are fired at a real PostgreSQL, each is refused by name."""

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
from tests.services.fee.conftest import Books
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


@pytest.fixture(scope="session")
def published(books: Books) -> Books:
    """The books after the publication of a tariff, of one repealed and one to come."""
    rows = [
        tariff_row(),
        tariff_row(tariff_code="repealed", in_force_until="2026-01-05"),
        tariff_row(tariff_code="to-come", in_force_from="2026-02-01"),
        tariff_row(tariff_code="followed", version=1),
        tariff_row(tariff_code="followed", version=2, in_force_from="2026-01-06"),
        tariff_row(tariff_code="other-subject", subject_code="sample-other"),
    ]
    run(books.app, lambda connection: write(connection, {"tariff_versions": rows}))
    return books


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


def test_lawful_bills_payments_and_cancellations_are_written(published: Books) -> None:
    paid, cancelled, zero = bill_rows(), bill_rows(), bill_rows(0)
    zero["bill_lines"][0]["rate"] = 0
    for rows in (paid, cancelled, zero, payment_rows(paid["bills"][0]["bill_no"])):
        run(published.app, lambda connection, rows=rows: write(connection, rows))
    run(
        published.app,
        lambda connection: write(connection, cancellation_rows(cancelled["bills"][0]["bill_no"])),
    )
    sums = run(
        published.audit, lambda connection: connection.fetch("SELECT sum(amount_fen) FROM ledger_entries")
    )
    assert sums[0][0] == 0


def test_rows_of_one_transaction_may_come_in_any_order(published: Books) -> None:
    rows = bill_rows()
    backwards = dict(reversed(rows.items()))
    run(published.app, lambda connection: write(connection, backwards))


def spoiled(table: str, **changes: Any) -> Callable[[], Rows]:
    def make() -> Rows:
        rows = bill_rows()
        rows[table][0].update(changes)
        return rows

    return make


def more(table: str, **changes: Any) -> Callable[[], Rows]:
    def make() -> Rows:
        rows = bill_rows()
        rows[table].append({**rows[table][0], **changes})
        return rows

    return make


def without(*tables: str) -> Callable[[], Rows]:
    return lambda: {table: entries for table, entries in bill_rows().items() if table not in tables}


BAD_BILLS: dict[str, tuple[Callable[[], Rows], str]] = {
    "tampered total": (spoiled("bills", total_fen=TOTAL - 1), "bill_says_what_was_signed"),
    "tampered line": (spoiled("bill_lines", amount_fen=TOTAL - 1), "bill_total_is_the_sum_of_its_lines"),
    "tampered line and rate": (
        spoiled("bill_lines", amount_fen=TOTAL // 2, rate=1),
        "bill_total_is_the_sum_of_its_lines",
    ),
    "tampered quantity": (
        spoiled("bill_lines", quantity='{"area_m2": "119", "days": "45"}'),
        "line_amount_is_quantity_times_rate",
    ),
    "line without quantity": (spoiled("bill_lines", quantity="{}"), "line_amount_is_quantity_times_rate"),
    "negative quantities": (
        spoiled("bill_lines", quantity='{"area_m2": "-120", "days": "-45"}'),
        "line_is_not_negative",
    ),
    "infinite rate": (spoiled("bill_lines", rate=float("inf")), "line_is_not_negative"),
    "foreign charge kind": (spoiled("bill_lines", charge_kind="licence_fee"), "bill_has_exactly_its_lines"),
    "second line": (more("bill_lines", line_no=2, amount_fen=0, rate=0), "bill_has_exactly_its_lines"),
    "no line": (without("bill_lines"), "bill_has_exactly_its_lines"),
    "not signed as written": (spoiled("bills", document_sha256="0" * 64), "bill_says_what_was_signed"),
    "unpublished tariff": (spoiled("bills", tariff_code="invented"), "bill_names_a_published_tariff"),
    "unpublished version": (spoiled("bills", tariff_version=9), "bill_names_a_published_tariff"),
    "repealed tariff": (spoiled("bills", tariff_code="repealed"), IN_FORCE),
    "tariff to come": (spoiled("bills", tariff_code="to-come"), IN_FORCE),
    "superseded version": (spoiled("bills", tariff_code="followed"), IN_FORCE),
    "accepted before publication": (
        spoiled("bills", accepted_on=date(2026, 1, 4)),
        IN_FORCE,
    ),
    "foreign subject code": (
        spoiled("bills", tariff_code="other-subject"),
        "bill_has_the_subject_code_of_its_tariff",
    ),
    "departmental payee": (spoiled("bills", payee="urban_management"), "bill_pays_the_treasury_in_yuan"),
    "foreign currency": (spoiled("bills", currency="USD"), "bill_pays_the_treasury_in_yuan"),
    "unbooked bill": (without("ledger_transactions", "ledger_entries"), "bill_above_zero_is_booked"),
    "one-sided booking": (
        spoiled("ledger_entries", amount_fen=TOTAL - 1),
        "entries_of_a_transaction_sum_to_zero",
    ),
    "third entry": (
        more("ledger_entries", account_no="treasury/sample-road-occupation", amount_fen=5),
        "transaction_has_exactly_its_entries",
    ),
    "booked before the bill": (
        spoiled("ledger_transactions", booked_at=ASSESSED_AT - timedelta(seconds=1)),
        "nothing_is_booked_before_the_bill",
    ),
    "departmental account": (
        spoiled("ledger_entries", account_no="urban_management/sample-road-occupation"),
        "transaction_moves_the_bill_between_its_accounts",
    ),
    "treasury credited without payment": (
        spoiled("ledger_entries", account_no="treasury/sample-road-occupation"),
        "transaction_moves_the_bill_between_its_accounts",
    ),
    "account of another subject": (
        spoiled("ledger_entries", account_no="receivable/sample-other"),
        "transaction_moves_the_bill_between_its_accounts",
    ),
}


@pytest.mark.parametrize("name", BAD_BILLS)
def test_a_bad_bill_is_refused_by_the_database(published: Books, name: str) -> None:
    make, rule = BAD_BILLS[name]
    refused(published.app, make(), rule)


def test_a_smaller_booking_than_the_bill_is_refused(published: Books) -> None:
    rows = bill_rows()
    for entry in rows["ledger_entries"]:
        entry["amount_fen"] //= 2
    refused(published.app, rows, "transaction_moves_the_bill_between_its_accounts")


@pytest.fixture
def bill_no(published: Books) -> str:
    """A lawful bill that waits for its payment."""
    rows = bill_rows()
    run(published.app, lambda connection: write(connection, rows))
    number: str = rows["bills"][0]["bill_no"]
    return number


def test_an_item_of_a_case_is_billed_once(published: Books, bill_no: str) -> None:
    refused(published.app, bill_rows(case_id=f"case-{bill_no}"), "one_bill_per_case_and_item")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"amount_fen": TOTAL - 1}, "receipt_says_what_was_signed"),
        ({"currency": "USD"}, "settlement_is_money_in_yuan"),
        ({"paid_at": ASSESSED_AT - timedelta(seconds=301)}, "settlement_comes_after_the_bill"),
        ({"received_at": PAID_AT - timedelta(seconds=301)}, "settlement_comes_after_the_bill"),
        ({"received_on": date(2026, 1, 7)}, "settlement_is_credited_the_same_day"),
    ],
    ids=["amount", "currency", "before the bill", "received before paid", "another day"],
)
def test_a_bad_payment_is_refused_by_the_database(
    published: Books, bill_no: str, change: dict[str, Any], rule: str
) -> None:
    rows = payment_rows(bill_no)
    rows["settlements"][0].update(change)
    refused(published.app, rows, rule)


@pytest.mark.parametrize("amount_fen", [TOTAL - 1, TOTAL + 1, 1])
def test_a_payment_that_is_not_exactly_the_bill_is_refused(
    published: Books, bill_no: str, amount_fen: int
) -> None:
    rules = ("settlement_is_exactly_the_bill", "transaction_moves_the_bill_between_its_accounts")
    refused(published.app, payment_rows(bill_no, amount_fen), *rules)


def test_a_payment_of_an_unknown_bill_is_refused(published: Books) -> None:
    refused(
        published.app,
        payment_rows("B-2026-999999"),
        "settlements_bill_no_fkey",
        "ledger_transactions_bill_no_fkey",
    )


def test_money_is_booked_only_with_its_settlement_and_the_other_way_round(
    published: Books, bill_no: str
) -> None:
    rows = payment_rows(bill_no)
    settlement = {"settlements": rows.pop("settlements")}
    refused(published.app, rows, "payment_has_its_settlement")
    refused(
        published.app, settlement, "settlements_transaction_no_fkey", "settlement_is_credited_the_same_day"
    )


def test_a_bill_ends_once_paid_or_cancelled(published: Books, bill_no: str) -> None:
    run(published.app, lambda connection: write(connection, payment_rows(bill_no)))
    again = payment_rows(bill_no, channel_ref="another")
    refused(published.app, again, "settlements_pkey")
    refused(published.app, cancellation_rows(bill_no), "paid_or_cancelled_once")
    once_more = booking("payment", bill_no, TOTAL, PAID_AT)
    refused(published.app, once_more, "ledger_transactions_pkey", "paid_or_cancelled_once")


def test_a_cancelled_bill_cannot_be_paid(published: Books, bill_no: str) -> None:
    run(published.app, lambda connection: write(connection, cancellation_rows(bill_no)))
    refused(published.app, payment_rows(bill_no), "paid_or_cancelled_once")


def test_a_cancellation_needs_a_reason_of_the_closed_list(published: Books, bill_no: str) -> None:
    refused(published.app, cancellation_rows(bill_no, "a favour"), "cancellation_has_a_reason")
    refused(published.app, booking("cancellation", bill_no, TOTAL, PAID_AT), "cancellation_has_its_reason")


def test_a_replayed_channel_reference_is_refused(published: Books, bill_no: str) -> None:
    run(published.app, lambda connection: write(connection, payment_rows(bill_no)))
    other = bill_rows()
    run(published.app, lambda connection: write(connection, other))
    replay = payment_rows(other["bills"][0]["bill_no"], channel_ref=f"ref-{bill_no}")
    refused(published.app, replay, "one_settlement_per_channel_reference")


def test_nothing_is_added_to_what_is_closed(published: Books, bill_no: str) -> None:
    entry = {
        "transaction_no": f"{bill_no}/charge",
        "account_no": "treasury/sample-road-occupation",
        "amount_fen": 5,
    }
    refused(published.app, {"ledger_entries": [entry]}, "transaction_has_exactly_its_entries")
    line = {**bill_rows()["bill_lines"][0], "bill_no": bill_no, "line_no": 2}
    refused(published.app, {"bill_lines": [line]}, "bill_has_exactly_its_lines")


BAD_TARIFFS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no basis in law": (
        {"basis": [{"rank": "local_regulation", "document": "d", "article": "1"}]},
        {},
        "tariff_has_a_basis_in_law",
    ),
    "paid to a department": ({"payee": "urban_management"}, {}, "tariff_pays_the_treasury"),
    "columns are not the document": (
        {},
        {"in_force_from": date(2021, 1, 1)},
        "tariff_version_is_the_document",
    ),
    "subject is not the document": ({}, {"subject_code": "pocket"}, "tariff_version_is_the_document"),
    "published earlier than said": ({}, {"published_on": date(2025, 1, 1)}, "tariff_version_is_the_document"),
    "changed standard": ({"version": 1}, {}, "tariff_versions_pkey"),
}


@pytest.mark.parametrize("name", BAD_TARIFFS)
def test_a_bad_tariff_is_refused_by_the_database(published: Books, name: str) -> None:
    said, columns, rule = BAD_TARIFFS[name]
    code = TARIFF if name == "changed standard" else name
    refused(published.app, {"tariff_versions": [{**tariff_row(tariff_code=code, **said), **columns}]}, rule)


MONEY_TABLES = [
    "tariff_versions",
    "bills",
    "bill_lines",
    "ledger_transactions",
    "ledger_entries",
    "settlements",
    "cancellations",
    "accounts",
]


@pytest.mark.parametrize("table", MONEY_TABLES)
def test_nobody_changes_or_deletes_what_stands_in_the_books(published: Books, table: str) -> None:
    column = {
        "tariff_versions": "tariff_code",
        "accounts": "kind",
        "ledger_entries": "transaction_no",
        "ledger_transactions": "transaction_no",
    }.get(table, "bill_no")
    statements = [
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ]
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            run(published.app, lambda connection, sql=statement: connection.execute(sql))
        for url in (published.owner, published.superuser):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append_only"):
                run(url, lambda connection, sql=statement: connection.execute(sql))


def test_the_laws_hold_where_ordinary_triggers_are_switched_off(published: Books) -> None:

    async def tamper(connection: asyncpg.Connection[Any], rows: Rows) -> None:
        await connection.execute("SET session_replication_role = replica")
        await write(connection, rows)

    rows = bill_rows()
    rows["ledger_entries"][0]["amount_fen"] -= 1
    with pytest.raises(asyncpg.CheckViolationError):
        run(published.superuser, lambda connection: tamper(connection, rows))

    async def change(connection: asyncpg.Connection[Any]) -> None:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE bills SET total_fen = total_fen")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append_only"):
        run(published.superuser, change)


def test_no_account_of_a_department_can_be_opened(published: Books) -> None:
    sql = "INSERT INTO accounts (account_no, kind, subject_code) VALUES ($1, $2, 'x')"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(published.app, lambda connection: connection.execute(sql, "treasury/x", "treasury"))
    for account_no, kind in (("urban_management/x", "urban_management"), ("urban_management/x", "treasury")):
        with pytest.raises(asyncpg.CheckViolationError):
            run(published.owner, lambda connection, row=(account_no, kind): connection.execute(sql, *row))
    kinds = run(
        published.audit, lambda connection: connection.fetch("SELECT DISTINCT kind FROM accounts ORDER BY 1")
    )
    assert [row[0] for row in kinds] == ["receivable", "revenue", "treasury"]


def test_a_temporary_table_cannot_stand_in_for_the_books(published: Books) -> None:
    rows = bill_rows()
    rows["bill_lines"][0].update(rate=1, amount_fen=TOTAL // 2)

    async def shadow(connection: asyncpg.Connection[Any]) -> None:
        await connection.execute("CREATE TEMP TABLE bill_lines (LIKE public.bill_lines)")
        lines = rows.pop("bill_lines")
        named = {**rows, "public.bill_lines": lines}
        good = [{**lines[0], "rate": 2, "amount_fen": TOTAL}]
        await write(connection, {**named, "pg_temp.bill_lines": good})

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        run(published.superuser, shadow)
    assert refusal.value.constraint_name == "bill_total_is_the_sum_of_its_lines"


def test_two_payments_at_once_settle_once(published: Books, bill_no: str) -> None:
    async def race() -> list[Any]:
        connections = [await asyncpg.connect(published.app) for _ in range(4)]
        attempts = [
            write(each, payment_rows(bill_no, channel_ref=f"r{i}-{bill_no}"))
            for i, each in enumerate(connections)
        ]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        for each in connections:
            await each.close()
        return results

    results = asyncio.run(race())
    assert [result is None for result in results].count(True) == 1
    assert all(result is None or isinstance(result, asyncpg.UniqueViolationError) for result in results)


def test_payment_and_cancellation_at_once_end_the_bill_once(published: Books, bill_no: str) -> None:
    async def race() -> list[Any]:
        pair = [await asyncpg.connect(published.app) for _ in range(2)]
        acts = write(pair[0], payment_rows(bill_no)), write(pair[1], cancellation_rows(bill_no))
        results = list(await asyncio.gather(*acts, return_exceptions=True))
        for each in pair:
            await each.close()
        return results

    results = asyncio.run(race())
    assert [result is None for result in results].count(True) == 1
