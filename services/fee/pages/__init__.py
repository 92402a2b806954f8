"""What people see of fee: their bills with the sum drawn from left to right, and the treasury's books."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.identity import Person
from libs.pages import Form, Pages
from libs.pages.rendering import PUBLIC_NAV, Nav
from libs.pages.words import mark
from libs.refusals import NotFound, Refusal
from services.fee import api
from services.fee.domain.bill_numbers import BILL_NO
from services.fee.handlers import payments
from services.fee.pages import figures
from services.fee.storage import views

HERE = Path(__file__).parent
NAV = (*PUBLIC_NAV, Nav("bills", mark("账单"), "fee", "/bills"))
PAGES = Pages("fee", HERE / "templates", nav=NAV)
PAGE = 20

router = page_router()

Cursor = Annotated[str | None, Query(pattern=BILL_NO)]
Seq = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/")
async def home() -> Response:
    """The bills are what one comes here for."""
    return RedirectResponse("/bills", 303)


@router.get("/bills")
async def bills_page(
    request: Request, person: PagePerson, sees: api.Sees, reader: Reader, cursor: Cursor = None
) -> HTMLResponse:
    """Own bills, newest first; finance officers see all."""
    found = await views.read_bills(reader, sees, cursor, PAGE)
    open_fen = sum(bill.total_fen for bill in found.bills if bill.state == "open")
    return PAGES.render(
        request, "bills.html", person=person, section="bills", found=found, open_fen=open_fen,
        all_bills=sees is None, cursor=cursor,
    )  # fmt: skip


@router.get("/bills/{bill_no}")
async def bill_page(
    request: Request, bill_no: str, person: PagePerson, sees: api.Sees, reader: Reader
) -> HTMLResponse:
    """One bill: the sum from left to right, its law, its proof, and the one next step."""
    bill = await views.read_bill(reader, sees, bill_no)
    return _bill(request, bill, person)


@router.post("/bills/{bill_no}/payment")
async def pay(
    request: Request,
    bill_no: str,
    person: PagePerson,
    own: api.Own,
    command: PageCommand,
    reader: Reader,
) -> Response:
    """Settle an own bill in the demonstration channel."""
    try:
        await command.answer(lambda work: payments.pay_own_bill(work, own, bill_no), status=201)
    except NotFound:
        raise
    except Refusal as reason:
        bill = await _after(reader, own, bill_no)
        return _bill(request, bill, person, form=Form.kept({}, reason), status=reason.status)
    return RedirectResponse(f"/bills/{bill_no}", 303)


@router.get("/treasury")
async def treasury_page(
    request: Request, person: PagePerson, reader: Reader, cursor: Seq = None
) -> HTMLResponse:
    """The books: balances by subject code, the daily equality of AL 59, every movement."""
    books = await views.read_balances(reader)
    moved = await views.read_transactions(reader, cursor, PAGE)
    return PAGES.render(
        request, "treasury.html", person=person, section="treasury", books=books, moved=moved, cursor=cursor,
        subjects=figures.subjects(books), sums=figures.sums(books),
    )  # fmt: skip


async def _after(reader: AsyncConnection, own: str, bill_no: str) -> views.BillView:
    await reader.rollback()  # see what was committed since this reader began
    return await views.read_bill(reader, own, bill_no)


def _bill(
    request: Request, bill: views.BillView, person: Person, *, form: Form | None = None, status: int = 200
) -> HTMLResponse:
    language = PAGES.language(request)

    def text(words: str, **values: Any) -> str:
        return PAGES.text(request, words, **values)

    settings = request.app.state.settings
    mine = not person.may("finance_officer")
    return PAGES.render(
        request, "bill.html", person=person, status=status, section="bills", bill=bill, form=form,
        sums=figures.ledgers(bill, language, text), basis=figures.basis(bill),
        payable=mine and bill.state == "open" and settings.payment_channel == "demonstration",
    )  # fmt: skip
