"""Asks services whether they are ready and quiet, thousands of times, over connections that stay open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class State:
    """What /readyz answered. ``said`` and ``heard`` only grow while the process lives."""

    name: str
    ready: bool
    quiet: bool
    said: int
    heard: int
    next_due_at: datetime | None
    business_now: datetime | None
    blockers: dict[str, Any]

    @classmethod
    def away(cls, name: str, why: str) -> State:
        """The state of a service that does not answer."""
        return cls(name, False, False, -1, -1, None, None, {"away": why})


class Probe:
    """One kept connection to one service's /readyz (behind a gateway: at the path it is shown at)."""

    def __init__(self, name: str, port: int, path: str = "/readyz") -> None:
        self.name = name
        self._port = port
        self._question = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()
        )
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one_at_a_time = asyncio.Lock()  # one connection carries one question

    async def ask(self) -> State:
        """Its state now; never raises for a service that is away."""
        try:
            async with self._one_at_a_time, asyncio.timeout(ASK_S):
                told = await self._get()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as away:
            self.close()
            return State.away(self.name, type(away).__name__)
        return State(
            self.name,
            told["ready"],
            told["quiet"],
            told["said"],
            told["heard"],
            _instant(told["next_due_at"]),
            _instant(told["business_now"]),
            told.get("blockers", {}),
        )

    async def _get(self) -> dict[str, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._question)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lengths = [line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:")]
        if not lengths:
            raise ValueError("no service answered")
        found: dict[str, Any] = json.loads(await reader.readexactly(int(lengths[0])))
        return found

    def close(self) -> None:
        """Let go of the connection; the next question opens a new one."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
