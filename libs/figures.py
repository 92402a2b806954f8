"""Keeps the figures of a service's own state: its backlog, its database's size, how busy its process is."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy.ext.asyncio import AsyncEngine

from libs import inbox
from libs.metrics import DATABASE_SIZE, LOOP_DELAY, PARKED, PARKED_AGE, SET_ASIDE, WAITING

SIZE_S = 60.0  # the size is the sum of many files: asked seldom
_SIZE = "SELECT pg_database_size(current_database())"


class Figures:
    """Read once a second, beside the sweep of what was left over."""

    def __init__(self) -> None:
        self._size_due = 0.0

    async def read(self, engine: AsyncEngine) -> int:
        """Read what stands in the database, return how many events are parked; raises when it does not answer."""
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            parked, oldest_s, aside = await inbox.counts(connection)
            if time.monotonic() >= self._size_due:
                size = (await connection.exec_driver_sql(_SIZE)).scalar_one()
                DATABASE_SIZE.set(int(size))
                self._size_due = time.monotonic() + SIZE_S
        PARKED.set(parked)
        PARKED_AGE.set(oldest_s)
        SET_ASIDE.set(aside)
        return parked

    async def sleep(self, seconds: float, deeds_waiting: int) -> None:
        """Pause, and note how many deeds wait and how much later than asked the loop came back."""
        WAITING.set(deeds_waiting)
        begun = time.perf_counter()
        await asyncio.sleep(seconds)
        LOOP_DELAY.set(max(0.0, time.perf_counter() - begun - seconds))


def rest(begun: float, least_s: float) -> float:
    """How long to pause after figures read since ``begun`` (time.monotonic): a reading that grows with the
    center's years may take a twentieth of a connection's time, no more."""
    return max(least_s, 20 * (time.monotonic() - begun))
