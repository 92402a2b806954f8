"""The clock's door: nothing of fee's falls due by time alone; its figures come in the background."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from services.fee import storage
from services.fee.storage import views

timers = Timers()
FIGURES_S = 10.0
STATES = ("open", "paid", "cancelled", "nothing_to_pay")
BILLS_IN_STATE = Gauge("permit_bills_in_state_total", "Bills by state", ["state"])
BALANCE = Gauge("permit_ledger_balance_fen", "What stands on the accounts of a kind, in fen", ["kind"])
DAYS_UNEQUAL = Gauge("permit_ledger_days_unequal_total", "Days whose payments and treasury credits differ")


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the treasury's figures for Prometheus."""
    async with app.state.engine.connect() as reader:
        await show_figures(reader)
    await asyncio.sleep(FIGURES_S)


async def show_figures(reader: AsyncConnection) -> None:
    """Bills by state, balances by kind of account, and the days that break the equality of AL 59."""
    states = {row.state: row.bills for row in await reader.execute(storage.BILLS_BY_STATE)}
    for state in STATES:
        BILLS_IN_STATE.labels(state).set(states.get(state, 0))
    books = await views.read_balances(reader)
    kinds: dict[str, int] = {}
    for each in books.balances:
        kinds[each.kind] = kinds.get(each.kind, 0) + each.balance_fen
    for kind, balance_fen in kinds.items():
        BALANCE.labels(kind).set(balance_fen)
    DAYS_UNEQUAL.set(sum(not day.equal for day in books.days))
