"""I9 money: the ledger balances, bills are what the published tariff asks, only the treasury receives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from deploy.audit.checks.cases import ACCEPTED, published_item
from deploy.audit.evidence.days import day_of
from deploy.audit.evidence.tariff import NoCharge, charge_fen
from deploy.audit.report import Finding
from deploy.audit.snapshot import Books, Said, Snapshot, first, pick
from libs.flow import Flow

BILL, PAID, CANCELLED = "fee.charge_assessed.v1", "fee.payment_received.v1", "fee.charge_cancelled.v1"


def money(snapshot: Snapshot, flow: Flow) -> Finding:
    """Balanced books, recomputed bills, one bill per case and item, settled once, treasury = payments."""
    finding = Finding("I9", "money")
    for case_id, events in snapshot.cases.items():
        _bills_of_case(finding, snapshot, case_id, events)
    books = snapshot.books.get("fee")
    if books is not None:
        _ledger(finding, books)
        _settlements(finding, books)
    return finding


def _bills_of_case(finding: Finding, snapshot: Snapshot, case_id: str, events: list[Said]) -> None:
    accepted, bills, payments = first(events, ACCEPTED), pick(events, BILL), pick(events, PAID)
    per_item = Counter(bill.data["item_code"] for bill in bills)
    finding.expect(all(n == 1 for n in per_item.values()), f"case {case_id[:12]} has {len(bills)} bills")
    for bill in bills:
        finding.count("bills")
        if accepted is None:
            finding.breach(f"case {case_id[:12]} was billed and never accepted")
        else:
            _recomputed(finding, snapshot, accepted, bill)
    for payment in payments:
        finding.count("payments")
        fitting = [each for each in bills if each.data["bill_no"] == payment.data["bill_no"]]
        if [each.data["total_fen"] for each in fitting] != [payment.data["amount_fen"]]:
            told = f"{payment.data['amount_fen']} fen paid on {payment.data['bill_no']}"
            finding.breach(f"case {case_id[:12]}: {told}, billed otherwise")
    permit = first(events, "intake.permit_issued.v1")
    if permit is not None and accepted is not None:
        _paid_before(finding, snapshot, case_id, accepted, permit, bills, payments)


def _paid_before(
    finding: Finding, snapshot: Snapshot, case_id: str, accepted: Said, permit: Said, bills: list[Said],
    payments: list[Said],
) -> None:  # fmt: skip
    item = published_item(snapshot, accepted.data["item_code"], accepted.data["item_version"])
    if item is None or item.get("fee") is None:
        return
    owed = sum(bill.data["total_fen"] for bill in bills if bill.time <= permit.time)
    paid = sum(payment.data["amount_fen"] for payment in payments if payment.time <= permit.time)
    finding.expect(bool(bills), f"case {case_id[:12]} got its permit and no bill")
    finding.expect(paid == owed, f"case {case_id[:12]} got its permit with {paid} of {owed} fen paid")


def _recomputed(finding: Finding, snapshot: Snapshot, accepted: Said, bill: Said) -> None:
    item = published_item(snapshot, accepted.data["item_code"], accepted.data["item_version"])
    fee = item.get("fee") if item else None
    if fee is None:
        finding.breach(f"{bill.data['bill_no']}: its item publishes no charge (AL 58)")
        return
    on = day_of(datetime.fromisoformat(accepted.data["accepted_at"]))
    tariff = in_force(snapshot, fee["tariff_code"], on)
    told = bill.data["tariff_code"], bill.data["tariff_version"]
    if tariff is None or told != (tariff["tariff_code"], tariff["version"]):
        rests = f"{told[0]} version {told[1]}"
        finding.breach(f"{bill.data['bill_no']} rests on {rests}, not on the one in force on {on}")
        return
    facts = accepted.data["facts"]
    try:
        wanted = charge_fen(tariff, {name: facts.get(field) for name, field in fee["inputs"].items()})
    except NoCharge as reason:
        finding.breach(f"{bill.data['bill_no']} cannot be recomputed: {reason}")
        return
    billed = bill.data["total_fen"]
    differs = f"{bill.data['bill_no']}: {billed} fen billed, {wanted} by the published tariff"
    finding.expect(billed == wanted, differs)
    lines = sum(line["amount_fen"] for line in bill.data["lines"])
    finding.expect(lines == wanted, f"{bill.data['bill_no']}: its lines add up to {lines} fen")
    finding.expect(bill.data["payee"] == "treasury", f"{bill.data['bill_no']} pays {bill.data['payee']}")


def in_force(snapshot: Snapshot, code: str, on: date) -> Mapping[str, Any] | None:
    """The version of a tariff that holds on a day: published and in force by then, the latest of those."""
    versions = []
    for event in snapshot.of_type("disclosure.tariff_published.v1"):
        told = event.data
        since = max(day_of(datetime.fromisoformat(told["published_at"])).isoformat(), told["in_force_from"])
        if told["tariff_code"] == code and since <= on.isoformat():
            versions.append(told)
    found = max(versions, key=lambda told: (told["in_force_from"], told["version"]), default=None)
    if found is None or (found.get("in_force_until") or "9999-12-31") < on.isoformat():
        return None
    return found


def _ledger(finding: Finding, books: Books) -> None:
    entries = books.rows("ledger_entries")
    finding.count("ledger entries", len(entries))
    by_transaction: dict[str, int] = defaultdict(int)
    by_account: dict[str, int] = defaultdict(int)
    for entry in entries:
        by_transaction[entry["transaction_no"]] += entry["amount_fen"]
        by_account[entry["account_no"]] += entry["amount_fen"]
    for number, total in by_transaction.items():
        finding.expect(total == 0, f"transaction {number} is off by {total} fen")
    for row in books.rows("ledger_transactions"):
        told = row["transaction_no"] in by_transaction
        finding.expect(told, f"transaction {row['transaction_no']} has no entries")
    finding.expect(sum(by_account.values()) == 0, f"the ledger is off by {sum(by_account.values())} fen")
    payments = sum(event.data["amount_fen"] for event in books.outbox if event.type == PAID)
    treasury = sum(total for account, total in by_account.items() if account.split("/")[0] == "treasury")
    finding.count("fen in the treasury", treasury)
    finding.expect(treasury == payments, f"{treasury} fen in the treasury, {payments} fen paid")
    _who_receives(finding, books)


def _who_receives(finding: Finding, books: Books) -> None:
    """Money comes to the treasury alone: no other account gains by a payment, none is a department's."""
    paying = {row["transaction_no"] for row in books.rows("ledger_transactions") if row["kind"] == "payment"}
    for entry in books.rows("ledger_entries"):
        kind = entry["account_no"].split("/")[0]
        if entry["transaction_no"] in paying and entry["amount_fen"] > 0 and kind != "treasury":
            finding.breach(f"{entry['account_no']} received {entry['amount_fen']} fen of a payment")
    for account in books.rows("accounts"):
        kind = account["account_no"].split("/")[0]
        if kind not in ("treasury", "receivable", "revenue"):
            finding.breach(f"there is an account {account['account_no']}")


def _settlements(finding: Finding, books: Books) -> None:
    bills = {row["bill_no"]: row for row in books.rows("bills")}
    settled = Counter(row["bill_no"] for row in books.rows("settlements"))
    for number, times in settled.items():
        finding.expect(times == 1, f"bill {number} was settled {times} times")
        finding.expect(number in bills, f"bill {number} was settled and does not exist")
    for row in books.rows("settlements"):
        bill = bills.get(row["bill_no"])
        if bill is not None and row["amount_fen"] != bill["total_fen"]:
            finding.breach(f"bill {row['bill_no']}: {row['amount_fen']} of {bill['total_fen']} fen settled")
    for row in books.rows("cancellations"):
        finding.expect(row["bill_no"] not in settled, f"bill {row['bill_no']} was both settled and cancelled")
    told = {event.data["bill_no"]: event.data["total_fen"] for event in books.outbox if event.type == BILL}
    for number, bill in bills.items():
        same = told.get(number) == bill["total_fen"]
        finding.expect(same, f"bill {number}: {bill['total_fen']} fen kept, {told.get(number)} told")
