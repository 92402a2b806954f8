"""Drives the business clock of a demonstration: time moves on only while every service is ready and quiet.

Between two instants at which something falls due nothing happens, so the clock jumps from one to the next; a
service that is down, or has something left to do, stops it. An outage of ten seconds costs ten seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from deploy.launcher.readiness import Probe, State
from libs.clock import write_clock

DRIVEN_RATE = (
    86_400.0  # shown on every page as "faster than real time"; the ceiling is what really holds the clock
)
PAUSE_S = 0.01
PATIENCE_S = 90.0


class ClockStuck(Exception):
    """Business time cannot go on; the text says who is in the way, and with what."""


class ClockDriver:
    """Owns the clock file of one center."""

    def __init__(
        self,
        path: Path,
        probes: Sequence[Probe],
        start: datetime,
        *,
        patience_s: float = PATIENCE_S,
        failed: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._path = path
        self._probes = probes
        self._patience_s = patience_s
        self._failed = failed
        self._settled_as: tuple[tuple[int, int], ...] | None = None
        self.now = start
        self.rounds = 0

    def hold(self) -> None:
        """Stop business time at ``now`` (before the first service starts)."""
        write_clock(self._path, self.now, DRIVEN_RATE, self.now)

    def run_free(self) -> None:
        """Business time runs as real time does, from ``now`` on."""
        write_clock(self._path, self.now, 1.0, None)

    async def advance_to(self, moment: datetime) -> None:
        """Move business time on to ``moment``; ClockStuck if it cannot.

        Returns when business time is ``moment`` and everything due by then has been done. An instant in the
        past only waits for quiet.
        """
        while True:
            states = await self.settle()
            if self.now >= moment:
                return
            due = [
                state.next_due_at for state in states if state.next_due_at and state.next_due_at > self.now
            ]
            self.now = min([moment, *due])
            self.hold()

    async def release(self) -> None:
        """Everything that is due is done, then business time runs at 1x from where it is."""
        await self.settle()
        self.run_free()

    async def settle(self) -> list[State]:
        """Wait until every service is ready, quiet and has nothing due: twice the same, or as last time.

        The second look is what catches an event between two services: whoever said it has counted it, so the
        counts cannot be those of the last settled moment; and its hearer counts it before it is quiet again.
        """
        before: tuple[tuple[int, int], ...] | None = None
        progress, until = None, time.monotonic() + self._patience_s
        while True:
            states = await asyncio.gather(*(probe.ask() for probe in self._probes))
            self.rounds += 1
            counts = tuple((state.said, state.heard) for state in states)
            if not any(self._in_the_way(state) for state in states):
                if counts in (before, self._settled_as):
                    self._settled_as = counts
                    return list(states)
                before = counts
            else:
                before = None
            if counts != progress:
                progress, until = counts, time.monotonic() + self._patience_s
            if (failed := self._failed()) is not None:
                raise ClockStuck(failed)
            if time.monotonic() > until:
                raise ClockStuck(self.report(states))
            await asyncio.sleep(PAUSE_S)

    def _in_the_way(self, state: State) -> bool:
        due = state.next_due_at is not None and state.next_due_at <= self.now
        return not state.quiet or due or state.business_now != self.now

    def report(self, states: Sequence[State]) -> str:
        """Who stops the clock, in words."""
        lines = [f"Business time has stood at {self.now.isoformat()} for {self._patience_s:.0f} s:"]
        for state in filter(self._in_the_way, states):
            due = f", due since {state.next_due_at.isoformat()}" if state.next_due_at else ""
            lines.append(f"  {state.name}: ready={state.ready} quiet={state.quiet} {state.blockers}{due}")
        return "\n".join(lines)
