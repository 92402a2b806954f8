"""Nobody changes the books: not the service, not the owner, not a superuser; and no department has an account."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.services.fee.conftest import Books
from tests.services.fee.ledger_rows import TOTAL, Rows, bill_rows, run, write

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


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "in the same transaction, already checked"])
@pytest.mark.parametrize(
    ("table", "changes", "law"),
    [
        ("bill_lines", {"line_no": 2, "amount_fen": 0, "rate": 0}, "bill_has_exactly_its_lines"),
        (
            "ledger_entries",
            {"account_no": "treasury/sample-road-occupation", "amount_fen": 5},
            "transaction_has_exactly_its_entries",
        ),
    ],
)
def test_nothing_is_added_to_what_was_booked(
    published: Books, table: str, changes: dict[str, Any], law: str, at_once: bool
) -> None:
    rows = bill_rows()
    more = {table: [{**rows[table][0], **changes}]}

    async def add(connection: asyncpg.Connection[Any]) -> None:
        if not at_once:
            await write(connection, rows)
            await write(connection, more)
            return
        async with connection.transaction():
            await write(connection, rows)
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            await write(connection, more)

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        run(published.app, add)
    assert refusal.value.constraint_name == law


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
