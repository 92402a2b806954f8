"""The books defend themselves against wrong payments, second endings and races, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from tests.services.fee.conftest import Books
from tests.services.fee.ledger_rows import (
    ASSESSED_AT,
    PAID_AT,
    TOTAL,
    bill_rows,
    booking,
    cancellation_rows,
    payment_rows,
    refused,
    run,
    write,
)


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
