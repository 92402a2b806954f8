"""Shared commits: whatever waits, requests and events alike, is handled in one transaction.

While one transaction commits, the next batch collects; there is no linger timer, so a lone message is not
delayed. A batch that the database refuses is halved until the culprit stands alone; a culprit that is an
event is set aside with its reason, one that is a request gets a refusal. What was delivered again and again
is handled alone from the start, so that a crash-poison takes no neighbour along.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.attempts import Attempt, NotAsHoped, Settle, SettleFailed
from libs.clock import Clock
from libs.deeds import Asked, Deed, Handover, Poison, Run, is_race, is_transient, sqlstate
from libs.hearing import Dispatch, Hearing, ParkedFailed
from libs.metrics import DEEDS, SHARED
from libs.pace import FLOOD, PACE, Pace
from libs.refusals import Conflict, TryAgain
from libs.session import Session, Sessions
from libs.traces import Origin
from libs.work import House, Shared, Wanted, Work

LOG = structlog.get_logger(__name__)
MOST_WAITING = 10_000  # beyond this a person is told to come back rather than left waiting


class Commits:
    """The one place that commits; the relay is offered the outbox rows of every commit."""

    def __init__(
        self,
        engine: AsyncEngine,
        house: House,
        clock: Clock,
        dispatch: Dispatch,
        relay: Handover,
        settle: Settle | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._sessions = Sessions(engine)
        self._house = house
        self._clock = clock
        self.hearing = Hearing(dispatch)
        self._relay = relay
        self._settle = settle
        self._pace = pace
        self._waiting: deque[Deed] = deque()
        self._came = asyncio.Event()
        self._open = 0
        self.generation = 0  # counts commits that changed something: timers and readiness look for change
        self.committed = asyncio.Event()

    @property
    def open(self) -> int:
        """Deeds that are waiting or being handled."""
        return self._open

    def submit(self, deed: Deed) -> Any:
        """Queue a deed; its future holds the result, or the refusal."""
        self._open += 1
        deed.done.add_done_callback(self._closed)
        self._waiting.append(deed)
        self._came.set()
        return deed.done

    async def do(
        self,
        name: str,
        run: Run,
        parent: Origin | None = None,
        asked: Asked | None = None,
        loads: Sequence[Wanted] = (),
    ) -> Any:
        """Run one deed in the next shared transaction and wait for its commit; TryAgain in a crush.

        ``loads`` names the records it will want, to be loaded for the whole batch at once.
        """
        if asked is not None and self._open > MOST_WAITING:
            raise TryAgain()
        deed = Deed(name, run, asyncio.get_running_loop().create_future(), parent, asked=asked)
        deed.loads = list(loads)
        return await self.submit(deed)

    def _closed(self, _: Any) -> None:
        self._open -= 1

    async def run(self) -> None:
        """Commit batch after batch until cancelled."""
        try:
            while True:
                await self._next()
        finally:
            await self._sessions.close()

    async def _next(self) -> None:
        waiting = self._waiting
        while not waiting:
            self._came.clear()
            await self._came.wait()
        batch = [waiting.popleft()]
        while waiting and len(batch) < self._pace.most and not (batch[0].alone or waiting[0].alone):
            batch.append(waiting.popleft())
        await self.handle(batch)
        if len(batch) >= FLOOD:
            await self._pace.let_collect(waiting)

    async def handle(self, batch: Sequence[Deed]) -> None:
        """Handle a batch to its end: committed, refused, set aside, or (events) held for the database."""
        delay = 0.05
        while batch:
            try:
                await self._transaction(batch)
                return
            except ParkedFailed as failed:
                await self._give_up_parked(failed)
            except Exception as reason:  # a statement failed: the whole transaction is void
                if is_transient(reason):
                    batch = self._hold(batch, reason)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 2.0)
                elif len(batch) > 1:
                    middle = len(batch) // 2
                    await self.handle(batch[:middle])
                    batch = batch[middle:]
                elif is_race(reason) and not batch[0].raced:
                    batch[0].raced = True  # two hearers of one queue both began this record: now it is there
                else:
                    await self._give_up(batch[0], reason)
                    return

    def _hold(self, batch: Sequence[Deed], reason: Exception) -> list[Deed]:
        LOG.warning("database_away", error=type(reason).__name__, deeds=len(batch), detail=str(reason)[:200])
        for came in [self._waiting.popleft() for _ in range(len(self._waiting))]:
            if self._waits_on(came):  # whoever came while an event is held may not hang behind it
                self._waiting.append(came)
        return [deed for deed in batch if self._waits_on(deed)]

    def _waits_on(self, deed: Deed) -> bool:
        """Whether this deed waits for the database; people and timers are told to come back soon."""
        deed.tries += 1
        if deed.patient or deed.event is not None or deed.tries <= 3:
            return True
        DEEDS.labels("unavailable").inc()
        deed.refuse(TryAgain())
        return False

    async def _give_up_parked(self, failed: ParkedFailed) -> None:
        async def set_aside(work: Work) -> None:
            await self.hearing.give_up_parked(failed, work)

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self.handle([Deed("set aside", set_aside, done, alone=True, patient=True)])

    async def _give_up(self, deed: Deed, reason: Exception) -> None:
        cause = reason.__cause__ if isinstance(reason, SettleFailed) and reason.__cause__ else reason
        LOG.error("deed_failed", deed=deed.name, error=type(cause).__name__, detail=str(cause)[:500])
        DEEDS.labels("failed").inc()
        if deed.event is None:
            conflict = isinstance(cause, IntegrityError) or sqlstate(cause) in ("P0001", "23000")
            deed.refuse(Conflict() if conflict else cause if isinstance(cause, Exception) else reason)
            return
        event = deed.event

        async def set_aside(work: Work) -> None:
            raise Poison(f"{type(cause).__name__}: {cause}")

        try:
            await self._transaction(
                [Deed(deed.name, set_aside, deed.done, deed.parent, event=event, alone=True)]
            )
        except Exception as failed:
            if not is_transient(failed):
                raise
            await self.handle([deed])

    async def _transaction(self, batch: Sequence[Deed]) -> None:
        seqs = self._relay.take_confirmed()
        try:
            async with self._sessions.one() as session:
                attempt = await self._attempt(session, batch, seqs)
        except BaseException:  # a commit whose answer is lost, too: they are marked once more
            self._relay.put_back(seqs)
            raise
        self._relay.marked(seqs)
        SHARED.observe(len(batch))
        for outcome, count in attempt.shared.outcomes.items():
            DEEDS.labels(outcome).inc(count)
        if attempt.shared.wrote:
            self.generation += 1
            self.committed.set()
        self._relay.offer(attempt.rows)
        for deed, result, reason in attempt.results:
            if reason is None:
                deed.finish(result)
            else:
                deed.refuse(reason)

    async def _attempt(self, session: Session, batch: Sequence[Deed], seqs: Sequence[int]) -> Attempt:
        """Do and commit the batch: first in the hope that every event is new and can be handled at once."""
        if not self.hearing.maybe_parked:
            attempt = self._one_attempt(session, trusting=True)
            try:
                await attempt.run(batch, seqs)
                return attempt
            except NotAsHoped:
                await session.roll_back()
        attempt = self._one_attempt(session, trusting=False)
        await attempt.run(batch, seqs)
        return attempt

    def _one_attempt(self, session: Session, *, trusting: bool) -> Attempt:
        shared = Shared(session, self._house, self._clock.now(), trusting=trusting)
        return Attempt(shared, self.hearing, self._settle)
