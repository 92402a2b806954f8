"""Acknowledgements that nobody waits for: sent a moment later, together, while the broker has nothing better to do.

What is committed is never lost by a late acknowledgement, only delivered again and recognised by the inbox. To the
broker each is a write to its disk; sent at once, it competes with the very messages that the commit has let go.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiormq.exceptions import AMQPError

LOG = structlog.get_logger(__name__)
LATER_S = 0.025  # longer than what follows from one message usually takes, shorter than anybody notices


class Acknowledgements:
    """Each message for itself, never one that is not given here; ``most`` of them wait at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[Any] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def none(self) -> bool:
        """Whether nothing waits or is being sent."""
        return not self._waiting and not self._sending

    def add(self, message: Any) -> None:
        """This message is settled: what it asked for is committed."""
        self._waiting.append(message)
        if len(self._waiting) >= self._most:
            self._send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER_S, self._send)

    async def finish(self) -> None:
        """Send what waits, now."""
        if self._waiting:
            self._send()
        if self._sending:
            await asyncio.wait(self._sending, timeout=5)

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        messages, self._waiting = self._waiting, []
        task = asyncio.create_task(self._each(messages))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _each(self, messages: list[Any]) -> None:
        for message in messages:
            await acknowledge(message)


async def acknowledge(message: Any) -> None:
    """Acknowledge one message; one whose channel is gone is delivered again, and recognised by the inbox."""
    try:
        await message.ack()
    except (AMQPError, ConnectionError, RuntimeError) as gone:
        LOG.info("acknowledgement_lost", error=type(gone).__name__)
