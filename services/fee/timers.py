"""The clock's door: nothing of fee's falls due by time alone; its figures come in the background."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.figures import rest
from libs.metrics import show
from libs.timers import Timers
from services.fee import storage
from services.fee.storage import views

timers = Timers()
FIGURES_S = 10.0
KINDS = ("receivable", "revenue", "treasury")
STEPS = ("assessed", "paid", "cancelled")
STATES = ("open", "paid", "cancelled", "nothing_to_pay")
BILLS = Gauge("permit_bills", "Bills by state", ["state"])
FEES = Gauge("permit_fees_fen", "What was assessed, paid and cancelled on bills, in fen", ["item", "step"])
BALANCE = Gauge("permit_ledger_balance_fen", "What stands on the accounts of a kind, in fen", ["kind"])
SUM = Gauge("permit_ledger_sum_fen", "Sum of all accounts, in fen; anything but 0 is an error of the books")
DAYS_UNEQUAL = Gauge("permit_ledger_days_unequal", "Days whose payments and treasury credits differ")


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the treasury's figures for Prometheus."""
    begun = time.monotonic()
    async with app.state.engine.connect() as reader:
        await show_figures(reader)
    await asyncio.sleep(rest(begun, FIGURES_S))


async def show_figures(reader: AsyncConnection) -> None:
    """Bills by state, fees by item, balances by kind of account, and the days that break AL 59's equality."""
    states = {row.state: row.bills for row in await reader.execute(storage.BILLS_BY_STATE)}
    show(BILLS, {(state,): states.get(state, 0) for state in STATES})
    fees = (await reader.execute(storage.FEES_BY_ITEM)).mappings().all()
    show(FEES, {(row["item_code"], step): row[step] for row in fees for step in STEPS})
    books = await views.read_balances(reader)
    kinds = dict.fromkeys(KINDS, 0)
    for each in books.balances:
        kinds[each.kind] = kinds.get(each.kind, 0) + each.balance_fen
    show(BALANCE, {(kind,): balance_fen for kind, balance_fen in kinds.items()})
    SUM.set(books.sum_fen)
    DAYS_UNEQUAL.set(sum(not day.equal for day in books.days))
