"""The books defend themselves against unlawful bills: each is fired at a real PostgreSQL and refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.services.fee.conftest import Books
from tests.services.fee.ledger_rows import (
    ASSESSED_AT,
    IN_FORCE,
    TARIFF,
    TOTAL,
    Rows,
    bill_rows,
    cancellation_rows,
    payment_rows,
    refused,
    run,
    tariff_row,
    write,
)


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


def test_an_item_of_a_case_is_billed_once(published: Books, bill_no: str) -> None:
    refused(published.app, bill_rows(case_id=f"case-{bill_no}"), "one_bill_per_case_and_item")


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
