"""The clock's door: what falls due is found by a query and done as ordinary deeds.

A service says when something will next fall due, so that an idle service costs nothing and whoever drives
a faster clock knows where to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.clock import Clock
from libs.commits import Commits
from libs.work import Work

LOG = structlog.get_logger(__name__)
LOOK_S = 0.05  # how often the clock is looked at
SAFETY_S = 10.0  # a timer whose query says when it is due is still run this often, in case the query is wrong
MOST_ROUNDS = 200  # a timer that never reports 0 must not starve the others
Deed = Callable[[Work], Awaitable[int | None]]
NextDue = Callable[[AsyncConnection], Awaitable[datetime | None]]
Background = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timer:
    """One deed of the clock: handles a bounded number of what is due and returns how many that was."""

    name: str
    seconds: float
    deed: Deed


class Timers:
    """What a service does when time passes."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []
        self.backgrounds: list[tuple[str, Background]] = []
        self.next_due_query: NextDue | None = None

    def every(self, seconds: float, name: str) -> Callable[[Deed], Deed]:
        """Register a timer: run when something is due, and at least every ``seconds`` of real time."""

        def register(deed: Deed) -> Deed:
            self.timers.append(Timer(name, seconds, deed))
            return deed

        return register

    def next_due(self, query: NextDue) -> NextDue:
        """Register the query for the earliest business instant at which something will fall due."""
        self.next_due_query = query
        return query

    def background(self, name: str) -> Callable[[Background], Background]:
        """Register a task outside transactions (fetching files): called with the app, again 1 s after it ends."""

        def register(task: Background) -> Background:
            self.backgrounds.append((name, task))
            return task

        return register


class TimerLoop:
    """Runs a service's timers against its business clock."""

    def __init__(self, timers: Timers, commits: Commits, engine: AsyncEngine, clock: Clock) -> None:
        self._timers = timers
        self._commits = commits
        self._engine = engine
        self._clock = clock
        self._seen = -1
        self._last: dict[str, float] = {}
        self.next_due_at: datetime | None = None

    @property
    def idle(self) -> bool:
        """What is due has been done, as far as the last commit and the clock say."""
        if self._timers.next_due_query is None:
            return True
        due = self.next_due_at
        return self._seen == self._commits.generation and (due is None or due > self._clock.now())

    async def run(self) -> None:
        """Look at the clock until cancelled; a failing timer is logged and tried again."""
        if not self._timers.timers and self._timers.next_due_query is None:
            await asyncio.Event().wait()  # nothing here ever falls due
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):  # wait_for would make a task twenty times a second
                    await self._commits.committed.wait()
            self._commits.committed.clear()
            try:
                await self._look()
            except Exception as failed:
                LOG.warning("timer_failed", error=type(failed).__name__, detail=str(failed)[:300])
                await asyncio.sleep(0.5)

    async def _look(self) -> None:
        due = await self._refresh()
        for timer in self._timers.timers:
            pause = timer.seconds if self._timers.next_due_query is None else max(timer.seconds, SAFETY_S)
            stale = time.monotonic() - self._last.get(timer.name, 0.0) >= pause
            if due or stale:
                await self._run(timer)

    async def _refresh(self) -> bool:
        query = self._timers.next_due_query
        if query is None:
            return False
        generation = self._commits.generation
        if generation != self._seen:
            async with self._engine.connect() as connection:
                self.next_due_at = await query(connection)
            self._seen = generation
        return self.next_due_at is not None and self.next_due_at <= self._clock.now()

    async def _run(self, timer: Timer) -> None:
        for _ in range(MOST_ROUNDS):
            handled = await self._commits.do(f"timer {timer.name}", timer.deed)
            if not handled:
                break
        self._last[timer.name] = time.monotonic()


async def repeat(name: str, task: Background, app: Any) -> None:
    """Run a background task again and again; its failure is logged, its cancellation by a library survived."""
    while True:
        try:
            await task(app)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
        except Exception as failed:
            LOG.warning("background_failed", task=name, error=type(failed).__name__, detail=str(failed)[:300])
        await asyncio.sleep(1.0)
