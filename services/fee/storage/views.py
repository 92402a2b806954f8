"""Knows how bills and books are read: a few rows of a named query as one view. Amounts are fen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.refusals import NotFound
from services.fee.domain.assessment import Line
from services.fee.domain.bill_numbers import is_bill_no
from services.fee.storage import queries


class BillSummary(BaseModel):
    """One bill in a list. Amounts in fen; state open, paid, cancelled or nothing_to_pay."""

    bill_no: str
    case_id: str
    application_no: str
    item_code: str
    item_version: int
    item_name: dict[str, str] | None
    tariff_code: str
    tariff_version: int
    accepted_on: date
    subject_code: str
    payee: str
    currency: str
    total_fen: int
    state: str
    assessed_at: datetime
    received_at: datetime | None
    channel: str | None
    channel_ref: str | None
    reason: str | None
    cancelled_at: datetime | None


class BillView(BillSummary):
    """A whole bill: its lines, the signed document and receipt, its place in the public log, its tariff."""

    lines: list[Line]
    document: dict[str, Any]
    document_sha256: str
    receipt: dict[str, Any] | None
    proof: dict[str, Any] | None
    tariff: dict[str, Any]


class BillList(BaseModel):
    """A page of bills; ``next`` is the cursor of the following page."""

    bills: list[BillSummary]
    next: str | None


class Balance(BaseModel):
    """One account of the books and what stands on it, in fen; positive is a debit balance."""

    account_no: str
    kind: str
    subject_code: str
    balance_fen: int
    entries: int


class Day(BaseModel):
    """One day and subject code: paid on bills, credited to the treasury, whether equal (AL 59)."""

    on_day: date
    subject_code: str
    bills: int
    paid_fen: int
    credited_fen: int
    equal: bool


class Balances(BaseModel):
    """The books at a glance; ``sum_fen`` of all accounts is zero."""

    balances: list[Balance]
    sum_fen: int
    days: list[Day]


class BookedEntry(BaseModel):
    """One side of a transaction, in fen."""

    account_no: str
    amount_fen: int


class BookedTransaction(BaseModel):
    """One movement of the books."""

    seq: int
    transaction_no: str
    kind: str
    bill_no: str
    booked_at: datetime
    booked_on: date
    entries: list[BookedEntry]


class TransactionList(BaseModel):
    """A page of movements, newest first."""

    transactions: list[BookedTransaction]
    next: int | None


async def read_bills(reader: AsyncConnection, sees: str | None, before: str | None, limit: int) -> BillList:
    """A page of the bills of the applicant ``sees`` (None: of all), newest first."""
    values = {"applicant_ref": sees, "before": before, "limit": limit + 1}
    rows = (await reader.execute(queries.BILLS_PAGE, values)).mappings().all()
    bills = [BillSummary.model_validate(dict(row)) for row in rows[:limit]]
    return BillList(bills=bills, next=bills[-1].bill_no if len(rows) > limit else None)


async def read_bill(reader: AsyncConnection, sees: str | None, bill_no: str) -> BillView:
    """One bill; NotFound when it does not exist or belongs to someone else."""
    if not is_bill_no(bill_no):
        raise NotFound()
    values = {"applicant_ref": sees, "bill_no": bill_no}
    row = (await reader.execute(queries.BILL, values)).mappings().one_or_none()
    if row is None:
        raise NotFound()
    lines = (await reader.execute(queries.LINES, {"bill_no": bill_no})).mappings().all()
    return BillView.model_validate({**row, "lines": [dict(line) for line in lines]})


async def read_balances(reader: AsyncConnection, days: int = 31) -> Balances:
    """The books at a glance, with the daily equality of AL 59 for the last ``days`` days that had money."""
    found = [Balance.model_validate(dict(row)) for row in (await reader.execute(queries.BALANCES)).mappings()]
    rows = (await reader.execute(queries.DAYS, {"limit": days})).mappings()
    equality = [Day.model_validate({**row, "equal": row["paid_fen"] == row["credited_fen"]}) for row in rows]
    return Balances(balances=found, sum_fen=sum(each.balance_fen for each in found), days=equality)


async def read_transactions(reader: AsyncConnection, before: int | None, limit: int) -> TransactionList:
    """A page of movements, newest first."""
    rows = (
        await reader.execute(queries.TRANSACTIONS_PAGE, {"before": before, "limit": limit + 1})
    ).mappings()
    found = [BookedTransaction.model_validate(dict(row)) for row in rows]
    return TransactionList(
        transactions=found[:limit], next=found[limit - 1].seq if len(found) > limit else None
    )
