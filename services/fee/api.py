"""The door for people and programs: bills, payments, and the treasury's books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import BeforeValidator, Field

from libs.envelope import parse_instant
from libs.http import Body, Command, Person, Reader, router
from libs.references import applicant_ref
from services.fee.domain.bill_numbers import BILL_NO
from services.fee.domain.cases import CURRENCY, Payment
from services.fee.handlers import payments
from services.fee.storage import views

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


Limit = Annotated[int, Query(ge=1, le=100)]


async def own_reference(request: Request, person: Person) -> str:
    """The opaque reference under which the person applies."""
    return applicant_ref(request.app.state.settings.reference_secret, person.sub)


async def visible_reference(person: Person, own: Annotated[str, Depends(own_reference)]) -> str | None:
    """Whose bills the person sees: their own, or (None) everybody's for finance officers."""
    return None if person.may("finance_officer") else own


Own = Annotated[str, Depends(own_reference)]
Sees = Annotated[str | None, Depends(visible_reference)]


@api.get("/bills")
async def get_bills(
    sees: Sees,
    reader: Reader,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(pattern=BILL_NO)] = None,
) -> views.BillList:
    """Own bills; finance officers see all."""
    return await views.read_bills(reader, sees, cursor, limit)


@api.get("/bills/{bill_no}")
async def get_bill(bill_no: str, sees: Sees, reader: Reader) -> views.BillView:
    """One bill with everything needed to recompute it."""
    return await views.read_bill(reader, sees, bill_no)


@api.post("/bills/{bill_no}/payment", status_code=201)
async def post_payment(bill_no: str, body: DemonstrationPayment, own: Own, command: Command) -> Response:
    """Settle an own bill in the demonstration channel."""
    loads = payments.bill_and_case(bill_no)
    return await command.run(lambda work: payments.pay_own_bill(work, own, bill_no), status=201, loads=loads)


@api.post("/channel/payments", status_code=201)
async def post_channel_payment(body: ChannelPayment, person: Person, command: Command) -> Response:
    """The payment channel reports money that arrived."""
    payment = Payment.model_validate(body.model_dump())
    loads = payments.bill_and_case(payment.bill_no)
    return await command.run(lambda work: payments.record_payment(work, payment), status=201, loads=loads)


@api.get("/ledger/balances")
async def get_balances(person: Person, reader: Reader) -> views.Balances:
    """Balances by account and the daily equality of payments and treasury credits."""
    return await views.read_balances(reader)


@api.get("/ledger/transactions")
async def get_transactions(
    person: Person,
    reader: Reader,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> views.TransactionList:
    """Movements of the books, newest first."""
    return await views.read_transactions(reader, cursor, limit)
