"""Compares again and again, and tells speakers to send what was lost; the same event more and more seldom."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge

from deploy.healing.comparison import Comparison, Lost
from deploy.healing.desk import Desk, Unreached
from deploy.healing.outboxes import Identity

EVERY_S = 10.0
MOST_AT_ONCE = 500  # what a service takes in one command
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0  # before the same event is sent again
_AWAY = (
    OSError, TimeoutError, httpx.HTTPError, ValueError,
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
Tell = Callable[[str], None]


@dataclass
class Round:
    """What one look found and did; ``trouble`` says who could not be asked or told."""

    lost: list[Lost] = field(default_factory=list)
    resent: int = 0
    trouble: list[str] = field(default_factory=list)


class Healer:
    """One comparison and one desk; ``registry`` holds its figures for whoever serves them."""

    def __init__(self, comparison: Comparison, desk: Desk, tell: Tell = lambda _: None) -> None:
        self._comparison = comparison
        self._desk = desk
        self._tell = tell
        self._tries: dict[Identity, int] = defaultdict(int)
        self._turned_at = self._looked_at = time.monotonic()
        self._looked_ever = False
        self._not_before: dict[Identity, float] = {}
        self.registry = CollectorRegistry()
        self._lost = Gauge(
            "permit_deliveries_lost_events",
            "Lost deliveries not yet healed",
            ["hearer"],
            registry=self.registry,
        )
        self._missing = Gauge(
            "permit_deliveries_missing_events",
            "Confirmed by the broker, not yet in the hearer's inbox", ["hearer"], registry=self.registry,
        )  # fmt: skip
        self._found = Counter(
            "permit_deliveries_healed_events", "Sent again", ["speaker"], registry=self.registry
        )
        self._looked = Gauge(
            "permit_deliveries_looked_timestamp_seconds", "When all was last compared", registry=self.registry
        )

    @property
    def compared(self) -> int:
        """Deliveries compared so far."""
        return self._comparison.compared

    @property
    def since_turn_s(self) -> float:
        """Seconds since it last came round, whatever it found or whoever was away."""
        return time.monotonic() - self._turned_at

    @property
    def since_look_s(self) -> float:
        """Seconds since all was last compared; infinite before the first time."""
        return time.monotonic() - self._looked_at if self._looked_ever else float("inf")

    async def once(self) -> Round:
        """Look once and have the lost sent again; never raises for somebody who is away."""
        done = Round()
        try:
            done.lost = await self._comparison.look()
        except _AWAY as away:
            done.trouble.append(f"nothing was compared: {type(away).__name__}: {away}")
            return done
        not_asked = self._comparison.not_asked
        done.trouble += [f"{name} was not compared: {why}" for name, why in not_asked.items()]
        if not not_asked:
            self._looked.set_to_current_time()
            self._looked_at, self._looked_ever = time.monotonic(), True
        self._note(done.lost)
        for speaker, ids in self._due(done.lost).items():
            for start in range(0, len(ids), MOST_AT_ONCE):
                await self._resend(speaker, ids[start : start + MOST_AT_ONCE], done)
        return done

    async def watch(self, every_s: float = EVERY_S) -> None:
        """Look again and again until cancelled."""
        while True:
            done = await self.once()
            self._turned_at = time.monotonic()
            for trouble in done.trouble:
                self._tell(f"healing: {trouble}")
            await asyncio.sleep(every_s)

    async def close(self) -> None:
        """Let go of the databases (the desk is its owner's)."""
        await self._comparison.close()

    def _note(self, lost: list[Lost]) -> None:
        by_hearer: dict[str, int] = dict.fromkeys(self._comparison.missing, 0)
        for each in lost:
            by_hearer[each.hearer] += 1
        for hearer, number in self._comparison.missing.items():
            self._missing.labels(hearer).set(number)
            self._lost.labels(hearer).set(by_hearer[hearer])
        still = {each.sent.identity for each in lost}
        for healed in [identity for identity in self._tries if identity not in still]:
            del self._tries[healed], self._not_before[healed]

    def _due(self, lost: list[Lost]) -> dict[str, list[str]]:
        """Speaker to ids: each lost event once, unless it was sent again a moment ago."""
        now = time.monotonic()
        found: dict[str, list[str]] = {}
        for sent in {each.sent.identity: each.sent for each in lost}.values():
            if self._not_before.get(sent.identity, 0.0) <= now:
                pause = min(FIRST_PAUSE_S * 2 ** self._tries[sent.identity], LONGEST_PAUSE_S)
                self._tries[sent.identity] += 1
                self._not_before[sent.identity] = now + pause
                found.setdefault(sent.speaker, []).append(sent.id)
        return found

    async def _resend(self, speaker: str, ids: list[str], done: Round) -> None:
        try:
            told = await self._desk.act(speaker, "/api/outbox/resend", {"ids": ids})
        except Unreached as why:
            done.trouble.append(str(why))
            return
        done.resent += int(told["resent"])
        self._found.labels(speaker).inc(int(told["resent"]))
        hearers = sorted({each.hearer for each in done.lost if each.sent.speaker == speaker})
        self._tell(f"{speaker} sends {told['resent']} events again that {', '.join(hearers)} never got")
