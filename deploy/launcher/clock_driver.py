"""Drives the business clock of a demonstration: time moves on only while every service is ready and quiet.

Between two instants at which something falls due nothing happens, so the clock jumps from one to the next; a
service that is down, or has something left to do, stops it. An outage of ten seconds costs ten seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from deploy.launcher.readiness import Probe, State
from libs.clock import write_clock

DRIVEN_RATE = 86_400.0  # shown on every page as "faster than real time"; the ceiling is what holds the clock
PAUSE_S = 0.005
PATIENCE_S = 90.0
Counts = tuple[tuple[int, int], ...]


class ClockStuck(Exception):
    """Business time cannot go on; the text says who is in the way, and with what."""


async def _nothing_missing() -> int | None:
    return 0


class ClockDriver:
    """Owns the clock file of one center.

    ``missing`` counts deliveries said and not yet heard (None: cannot be told now); ``failed`` tells why the
    center has given up, if it has.
    """

    def __init__(
        self,
        path: Path,
        probes: Sequence[Probe],
        start: datetime,
        *,
        missing: Callable[[], Awaitable[int | None]] = _nothing_missing,
        failed: Callable[[], str | None] = lambda: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._path = path
        self._probes = probes
        self._missing = missing
        self._failed = failed
        self._patience_s = patience_s
        self._settled_as: Counts | None = None
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
            due = [state.next_due_at for state in states if state.next_due_at]
            self.now = min([moment, *due])
            self.hold()
            if not any(instant <= self.now for instant in due):
                return  # nobody has anything to do at this instant

    async def release(self) -> None:
        """Everything that is due is done, then business time runs at 1x from where it is."""
        await self.settle()
        self.run_free()

    async def settle(self) -> list[State]:
        """Wait until every service is ready, quiet and has nothing due, and no event is on its way.

        Counts as at the last settled moment mean that nothing has happened since. Otherwise what was said and
        what was heard must add up in the databases, and a second look must find everything as the first did.
        """
        stuck = _Patience(self._patience_s)
        while True:
            states, counts = await self._look()
            stuck.saw(counts)
            blocked = [state for state in states if self._in_the_way(state)]
            if not blocked and counts == self._settled_as:
                return states
            missing = None if blocked else await self._missing()
            if missing == 0:
                states, again = await self._look()
                if again == counts and not any(map(self._in_the_way, states)):
                    self._settled_as = counts
                    return states
            if (failure := self._failed()) is not None:
                raise ClockStuck(failure)
            if stuck.over:
                raise ClockStuck(self._report(blocked, missing))
            await self._wait_for(blocked)

    async def _look(self) -> tuple[list[State], Counts]:
        states = await asyncio.gather(*(probe.ask() for probe in self._probes))
        self.rounds += 1
        return list(states), tuple((state.said, state.heard) for state in states)

    async def _wait_for(self, blocked: Sequence[State]) -> None:
        """Ask only those who are in the way, until they are not (or for a second: others may have died)."""
        names = {state.name for state in blocked}
        busy = [probe for probe in self._probes if probe.name in names]
        until = time.monotonic() + 1.0
        await asyncio.sleep(PAUSE_S)
        while busy and time.monotonic() < until:
            states = await asyncio.gather(*(probe.ask() for probe in busy))
            busy = [probe for probe, state in zip(busy, states, strict=True) if self._in_the_way(state)]
            await asyncio.sleep(PAUSE_S)

    def _in_the_way(self, state: State) -> bool:
        due = state.next_due_at is not None and state.next_due_at <= self.now
        return not state.quiet or due or state.business_now != self.now

    def _report(self, blocked: Sequence[State], missing: int | None) -> str:
        lines = [f"Business time has stood at {self.now.isoformat()} for {self._patience_s:.0f} s:"]
        for state in blocked:
            due = f", due since {state.next_due_at.isoformat()}" if state.next_due_at else ""
            lines.append(f"  {state.name}: ready={state.ready} quiet={state.quiet} {state.blockers}{due}")
        if not blocked:
            lines.append(f"  {'unknown' if missing is None else missing} deliveries were said and not heard")
        return "\n".join(lines)


class _Patience:
    """Over when nothing has changed for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: Counts | None = None
        self._until = time.monotonic() + seconds

    def saw(self, counts: Counts) -> None:
        """Something changed: begin again."""
        if counts != self._last:
            self._last, self._until = counts, time.monotonic() + self._seconds

    @property
    def over(self) -> bool:
        """Whether it is."""
        return time.monotonic() > self._until
