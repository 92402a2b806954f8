"""The clock's door: no deed of a department falls due by itself; materials are fetched in the background."""

from __future__ import annotations

from fastapi import FastAPI

from libs.timers import Timers
from services.review.materials import fetch_missing

timers = Timers()


@timers.background(name="materials")
async def fetch(app: FastAPI) -> None:
    """Fetch the materials that are still missing; called again a second after it ends."""
    await fetch_missing(app)
