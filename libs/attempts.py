"""One transaction for one batch of deeds, from the first statement to the commit.

Most events are new and can be handled as they come. A first attempt trusts in that: it notes them as heard in the
statement that writes their effects, so that a lone event whose handler reads nothing is one statement. If one is
not new after all, or cannot be handled, everything is undone and a second attempt asks the inbox first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError

from libs import answers, inbox, outbox
from libs.answers import Answer
from libs.deeds import Asked, Deed, is_race
from libs.envelope import Event
from libs.hearing import Hearing, NotAsHoped
from libs.refusals import ClientKeyReused, Refusal
from libs.statements import Statement, together
from libs.work import Shared, Work

__all__ = ["Attempt", "NotAsHoped", "Settle", "SettleFailed"]

Settle = Callable[[Work, list[str]], Awaitable[None]]
Identity = tuple[str, str]


class SettleFailed(Exception):
    """Settling failed: like a statement that failed, it concerns the whole batch until it is halved."""


class Attempt:
    """What became of a batch: ``results`` for each deed, ``rows`` to be sent."""

    def __init__(self, shared: Shared, hearing: Hearing, settle: Settle | None) -> None:
        self.shared = shared
        self.results: list[tuple[Deed, Any, Exception | None]] = []
        self.rows: list[outbox.OutboxRow] = []
        self._hearing = hearing
        self._settle = settle
        self._events: dict[Identity, Event] = {}
        self._fresh: set[Identity] = set()
        self._known: dict[answers.Identity, Answer] = {}
        self._given: list[Answer] = []

    async def run(self, batch: Sequence[Deed], seqs: Sequence[int]) -> None:
        """Do the deeds, note the rows ``seqs`` as sent, and commit.

        NotAsHoped when a trusting attempt was disappointed; whatever else is raised, nothing is done.
        """
        try:
            await self._open(batch)
            for deed in batch:
                self.results.append(await self._one(deed))
            if self._hearing.maybe_parked:
                await self.shared.flush()
                await self._hearing.retry_parked(self.shared)
            await self._settle_touched()
            await self._commit(seqs)
        except NotAsHoped:  # and only then: of any other failure it may be unknown whether it was committed
            self.shared.undone()
            raise
        self.shared.remember()

    async def _open(self, batch: Sequence[Deed]) -> None:
        session = self.shared.session
        self._events = {(deed.event.source, deed.event.id): deed.event for deed in batch if deed.event}
        self._fresh = set(self._events)
        if self._events and not self.shared.trusting:
            rows = await session.fetch(inbox.hearing(list(self._events.values())))
            self._fresh = {(row[0], row[1]) for row in rows}
        if asked := {(deed.asked.actor, deed.asked.client_key) for deed in batch if deed.asked}:
            self._known = answers.found(await session.fetch(answers.finding(sorted(asked))))
        await self.shared.load(place for deed in batch for place in deed.loads)

    async def _one(self, deed: Deed) -> tuple[Deed, Any, Exception | None]:
        outcomes = self.shared.outcomes
        if deed.event is not None:
            identity = (deed.event.source, deed.event.id)
            if identity in self._fresh:
                self._fresh.discard(identity)  # it may stand in the batch twice
                await self._hearing.hear(deed.event, deed.run, deed.parent, self.shared)
            else:
                outcomes["repeated"] += 1
            return deed, None, None
        asked = deed.asked
        if asked is not None and (earlier := self._known.get((asked.actor, asked.client_key))):
            outcomes["repeated"] += 1
            same = earlier.request_sha256 == asked.request_sha256
            return deed, earlier, None if same else ClientKeyReused()
        work = Work(self.shared, deed.name, deed.parent)
        try:
            result = await deed.run(work)
        except DBAPIError:
            raise
        except Exception as reason:
            work.fail(reason)
            outcomes["refused" if isinstance(reason, Refusal) else "failed"] += 1
            return deed, None, reason
        work.succeed()
        outcomes["done"] += 1
        return deed, result if asked is None else self._answer(asked, result), None

    def _answer(self, asked: Asked, result: Any) -> Answer:
        subject = next(reversed(self.shared.touched), None)
        answer = Answer(
            asked.actor, asked.client_key, asked.request_sha256, asked.status, asked.encode(result), subject
        )
        self._given.append(answer)
        self._known[(asked.actor, asked.client_key)] = answer
        return answer

    async def _settle_touched(self) -> None:
        shared = self.shared
        if self._settle is None or not shared.touched:
            return
        work = Work(shared, f"settle {shared.house.speaker.service}", None, settling=True)
        try:
            await self._settle(work, list(shared.touched))
        except DBAPIError:
            raise
        except Exception as reason:
            raise SettleFailed(str(reason)) from reason
        work.succeed()

    async def _commit(self, seqs: Sequence[int]) -> None:
        """Everything that is still to be written, nearly always in one statement, and the commit."""
        shared, said = self.shared, self.shared.said
        texts = [event.to_json() for event in said]
        *earlier, parts = shared.writing() or [[]]
        for statements in earlier:
            await shared.session.fetch(together(statements))
        if seqs:
            parts.append(outbox.marking(seqs))
        if self._events and shared.trusting:
            parts.append(inbox.hearing(list(self._events.values()), new=True))
        if self._given:
            parts.append(answers.writing(self._given))
        if said:
            parts += outbox.saying(said, texts)
        found = await self._write(together(parts, outbox.SAID if said else "") if parts else None)
        self.rows = outbox.said_rows(said, texts, found) if said else []

    async def _write(self, last: Statement | None) -> Sequence[Any]:
        try:
            return await self.shared.session.commit(last)
        except DBAPIError as reason:
            if self.shared.trusting and self._events and is_race(reason):
                raise NotAsHoped from reason
            raise
