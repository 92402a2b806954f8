"""The door for people and programs: bills, payments, and the treasury's books."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.envelope import parse_instant
from libs.http import Body, Command, Person, Reader, router
from libs.references import applicant_ref
from libs.refusals import NotFound
from services.fee import storage
from services.fee.domain.assessment import Line
from services.fee.domain.cases import CURRENCY, Payment
from services.fee.handlers import payments

BILL_NO = r"^B-[0-9]{4}-[0-9]{6,12}$"
_BILL_NO = re.compile(BILL_NO)

api = router()


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("an instant is text such as 2026-01-05T01:00:00Z")
    return parse_instant(value)


class DemonstrationPayment(Body):
    """Settle an own bill without money; only where the settings open this channel."""

    channel: Literal["demonstration"]


class ChannelPayment(Body):
    """What the payment channel reports. amount_fen in fen; channel_ref names one payment for ever."""

    bill_no: Annotated[str, Field(pattern=BILL_NO)]
    amount_fen: int
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = CURRENCY
    channel: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    channel_ref: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]
    paid_at: Annotated[datetime, BeforeValidator(_instant)]


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


Limit = Annotated[int, Query(ge=1, le=100)]


async def own_reference(request: Request, person: Person) -> str:
    """The opaque reference under which the person applies."""
    return applicant_ref(request.app.state.settings.reference_secret, person.sub)


async def visible_reference(person: Person, own: Annotated[str, Depends(own_reference)]) -> str | None:
    """Whose bills the person sees: their own, or (None) everybody's for finance officers."""
    return None if person.may("finance_officer") else own


Own = Annotated[str, Depends(own_reference)]
Sees = Annotated[str | None, Depends(visible_reference)]


async def read_bills(reader: AsyncConnection, sees: str | None, before: str | None, limit: int) -> BillList:
    """A page of the bills of the applicant ``sees`` (None: of all), newest first."""
    values = {"applicant_ref": sees, "before": before, "limit": limit + 1}
    rows = (await reader.execute(storage.BILLS_PAGE, values)).mappings().all()
    bills = [BillSummary.model_validate(dict(row)) for row in rows[:limit]]
    return BillList(bills=bills, next=bills[-1].bill_no if len(rows) > limit else None)


async def read_bill(reader: AsyncConnection, sees: str | None, bill_no: str) -> BillView:
    """One bill; NotFound when it does not exist or belongs to someone else."""
    if not _BILL_NO.fullmatch(bill_no):
        raise NotFound()
    values = {"applicant_ref": sees, "bill_no": bill_no}
    row = (await reader.execute(storage.BILL, values)).mappings().one_or_none()
    if row is None:
        raise NotFound()
    lines = (await reader.execute(storage.LINES, {"bill_no": bill_no})).mappings().all()
    return BillView.model_validate({**row, "lines": [dict(line) for line in lines]})


async def read_balances(reader: AsyncConnection, days: int = 31) -> Balances:
    """The books at a glance, with the daily equality of AL 59 for the last ``days`` days that had money."""
    found = [Balance.model_validate(dict(row)) for row in (await reader.execute(storage.BALANCES)).mappings()]
    rows = (await reader.execute(storage.DAYS, {"limit": days})).mappings()
    equality = [Day.model_validate({**row, "equal": row["paid_fen"] == row["credited_fen"]}) for row in rows]
    return Balances(balances=found, sum_fen=sum(each.balance_fen for each in found), days=equality)


async def read_transactions(reader: AsyncConnection, before: int | None, limit: int) -> TransactionList:
    """A page of movements, newest first."""
    rows = (
        await reader.execute(storage.TRANSACTIONS_PAGE, {"before": before, "limit": limit + 1})
    ).mappings()
    found = [BookedTransaction.model_validate(dict(row)) for row in rows]
    return TransactionList(
        transactions=found[:limit], next=found[limit - 1].seq if len(found) > limit else None
    )


@api.get("/bills")
async def get_bills(
    sees: Sees,
    reader: Reader,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(pattern=BILL_NO)] = None,
) -> BillList:
    """Own bills; finance officers see all."""
    return await read_bills(reader, sees, cursor, limit)


@api.get("/bills/{bill_no}")
async def get_bill(bill_no: str, sees: Sees, reader: Reader) -> BillView:
    """One bill with everything needed to recompute it."""
    return await read_bill(reader, sees, bill_no)


@api.post("/bills/{bill_no}/payment", status_code=201)
async def post_payment(bill_no: str, body: DemonstrationPayment, own: Own, command: Command) -> Response:
    """Settle an own bill in the demonstration channel."""
    return await command.run(lambda work: payments.pay_own_bill(work, own, bill_no), status=201)


@api.post("/channel/payments", status_code=201)
async def post_channel_payment(body: ChannelPayment, person: Person, command: Command) -> Response:
    """The payment channel reports money that arrived."""
    payment = Payment.model_validate(body.model_dump())
    return await command.run(lambda work: payments.record_payment(work, payment), status=201)


@api.get("/ledger/balances")
async def get_balances(person: Person, reader: Reader) -> Balances:
    """Balances by account and the daily equality of payments and treasury credits."""
    return await read_balances(reader)


@api.get("/ledger/transactions")
async def get_transactions(
    person: Person,
    reader: Reader,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> TransactionList:
    """Movements of the books, newest first."""
    return await read_transactions(reader, cursor, limit)
