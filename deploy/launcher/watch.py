"""Keeps a center alive: what dies is started again, counted and logged; what dies too often is given up."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

MOST_DEATHS = 8
WINDOW_S = 60.0
PAUSE_S = 0.2

Restart = Callable[[], Awaitable[None]]


class Watch:
    """Restarts by name. ``failure`` is set when restarting is given up."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._deaths: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_DEATHS))
        self._servers: dict[str, tuple[Callable[[], bool], Restart]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._restarting: set[str] = set()
        self.restarts: dict[str, int] = defaultdict(int)
        self.failure: str | None = None

    def server(self, name: str, alive: Callable[[], bool], restart: Restart) -> None:
        """Watch something that does not tell by itself that it died."""
        self._servers[name] = (alive, restart)

    def begin(self) -> None:
        """Watch from now on."""
        self._loop = asyncio.create_task(self._look(), name="watch")

    async def end(self) -> None:
        """Stop restarting anything."""
        tasks = [*self._tasks, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def died(self, name: str, how: str, restart: Restart) -> None:
        """``name`` died: start it again after a moment, unless it keeps dying."""
        deaths = self._deaths[name]
        deaths.append(time.monotonic())
        if len(deaths) == MOST_DEATHS and deaths[-1] - deaths[0] < WINDOW_S:
            self.failure = f"{name} died {MOST_DEATHS} times within a minute ({how})."
            self.note(self.failure)
            return
        self.restarts[name] += 1
        self.note(f"{name} died ({how}); started again, restart {self.restarts[name]}")
        task = asyncio.create_task(self._again(name, restart), name=f"restart {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self, name: str, restart: Restart) -> None:
        self._restarting.add(name)
        try:
            await asyncio.sleep(PAUSE_S)
            await restart()
        except Exception as failed:
            self.failure = f"{name} could not be started again: {failed}"
            self.note(self.failure)
        finally:
            self._restarting.discard(name)

    async def _look(self) -> None:
        while True:
            for name, (alive, restart) in self._servers.items():
                if name not in self._restarting and not alive():
                    self._restarting.add(name)
                    self.died(name, "its process ended", restart)
            await asyncio.sleep(PAUSE_S)

    def note(self, text: str) -> None:
        """Write a line of the launcher's log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}\n")
