"""How long a fault lasts: time passing is what these do, nobody waits for anything to become true."""

from __future__ import annotations

import asyncio
import time


async def lasts(seconds: float) -> None:
    """Let this much real time pass."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left, 0.5))
