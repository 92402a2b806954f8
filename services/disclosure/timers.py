"""The clock's door: nothing of disclosure falls due (a checkpoint comes with its leaves); its figures are counted."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.timers import Timers
from services.disclosure import storage

timers = Timers()
FIGURES_S = 10.0
LEAVES = Gauge("permit_log_leaves_total", "Leaves of the public log by kind of record", ["kind"])
SIGNED = Gauge("permit_log_signed_leaves_total", "Leaves under the newest signed checkpoint")
SIGNED_AT = Gauge("permit_log_signed_at_seconds", "Business time of the newest checkpoint, Unix seconds")


@timers.background(name="figures")
async def count(app: FastAPI) -> None:
    """Keep the log's figures for Prometheus."""
    async with app.state.engine.connect() as reader:
        await show_figures(reader)
    await asyncio.sleep(FIGURES_S)


async def show_figures(reader: AsyncConnection) -> None:
    """Leaves by kind, and how far and until when the log is signed."""
    for kind, leaves in (await storage.record_counts(reader)).items():
        LEAVES.labels(kind).set(leaves)
    head = await storage.newest_checkpoint(reader)
    if head is not None:
        SIGNED.set(head["tree_size"])
        SIGNED_AT.set(head["signed_at"].timestamp())
