"""The clock's door: nothing of disclosure falls due (a checkpoint comes with its leaves); its figures are counted."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.figures import rest
from libs.metrics import show
from libs.timers import Timers
from services.disclosure import storage
from services.disclosure.domain.leaves import RECORD_KINDS

timers = Timers()
FIGURES_S = 10.0
LEAVES = Gauge("permit_log_leaves", "Leaves of the public log by kind of record", ["kind"])
SIGNED = Gauge("permit_log_signed_leaves", "Leaves under the newest signed checkpoint")
UNSIGNED = Gauge("permit_log_unsigned_leaves", "Leaves that no signed checkpoint covers yet")
SIGNED_AT = Gauge("permit_log_signed_at_seconds", "Business time of the newest checkpoint, Unix seconds")


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the log's figures for Prometheus."""
    begun = time.monotonic()
    async with app.state.engine.connect() as reader:
        await show_figures(reader)
    await asyncio.sleep(rest(begun, FIGURES_S))


async def show_figures(reader: AsyncConnection) -> None:
    """Leaves by kind, and how far and until when the log is signed."""
    leaves = await storage.record_counts(reader)
    show(LEAVES, {(kind,): leaves.get(kind, 0) for kind in RECORD_KINDS})
    head = await storage.newest_checkpoint(
        reader
    )  # read after the leaves: it may cover newer ones, never fewer
    signed = head["tree_size"] if head is not None else 0
    SIGNED.set(signed)
    UNSIGNED.set(max(0, sum(leaves.values()) - signed))
    if head is not None:
        SIGNED_AT.set(head["signed_at"].timestamp())
