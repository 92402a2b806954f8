"""Events within a shared transaction: handled, parked until a predecessor comes, or set aside alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import DBAPIError

from libs import inbox, traces
from libs.deeds import Poison, Run
from libs.envelope import Event
from libs.refusals import Park
from libs.work import Shared, Work

LOG = structlog.get_logger(__name__)
Dispatch = Callable[[Work, Event], Awaitable[None]]


class ParkedFailed(Exception):
    """The database refuses the effect of an event that was parked: not the fault of whoever touched it."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.id)
        self.event = event


class NotAsHoped(Exception):
    """An event was heard before, or cannot be handled now: an attempt that trusted in the contrary starts anew."""


class Hearing:
    """What one service does with the events it hears. ``maybe_parked`` spares a query when nothing waits."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self.maybe_parked = True

    async def hear(self, event: Event, run: Run, parent: traces.Origin | None, shared: Shared) -> None:
        """Handle a fresh event: its effect is staged, or it is parked, or it is set aside with its reason."""
        work = self._work(event, parent, shared)
        try:
            await run(work)
        except DBAPIError:
            raise
        except Exception as reason:
            if shared.trusting:
                raise NotAsHoped from reason
            work.fail(reason)
            if isinstance(reason, Park):
                await inbox.park(await shared.sql(), event, reason.waits_for)
                self.maybe_parked = True
                shared.outcomes["parked"] += 1
            else:
                await self._set_aside(event, reason, shared)
        else:
            work.succeed()
            shared.outcomes["done"] += 1

    async def hear_again(self, event: Event, shared: Shared) -> bool:
        """Try a parked event once more; whether it is settled now."""
        work = self._work(event, traces.origin(event.traceparent), shared)
        try:
            await self._dispatch(work, event)
        except DBAPIError as refused:
            raise ParkedFailed(event) from refused
        except Park as missing:
            work.fail(missing)
            await inbox.park(await shared.sql(), event, missing.waits_for)  # it may wait for another one now
            return False
        except Exception as reason:
            work.fail(reason)
            await inbox.unpark(await shared.sql(), event)
            await self._set_aside(event, reason, shared)
            return True
        work.succeed()
        await inbox.unpark(await shared.sql(), event)
        shared.outcomes["done"] += 1
        return True

    async def replay(self, event: Event, shared: Shared) -> Exception | None:
        """Hear an event once more that was set aside: None when it is handled, else why not (Park: it waits)."""
        work = self._work(event, traces.origin(event.traceparent), shared)
        try:
            await self._dispatch(work, event)
        except DBAPIError:
            raise
        except Park as missing:
            work.fail(missing)
            await inbox.park(await shared.sql(), event, missing.waits_for)
            self.maybe_parked = True
            return missing
        except Exception as reason:
            work.fail(reason)
            return reason
        work.succeed()
        await inbox.unpark(await shared.sql(), event)
        return None

    async def retry_parked(self, shared: Shared) -> None:
        """Events that waited for something this transaction touched are handled in it, until none moves."""
        moved = self.maybe_parked and bool(shared.touched)
        while moved:
            moved = False
            for event in await inbox.parked(await shared.sql(), list(shared.touched)):
                moved |= await self.hear_again(event, shared)
            await shared.flush()

    async def sweep(self, work: Work, limit: int = 200) -> int:
        """Try all parked events once more, whatever they wait for; returns how many moved."""
        shared = work.shared
        waiting = await inbox.parked(await shared.sql(), None, limit)
        self.maybe_parked = bool(waiting)
        return sum([await self.hear_again(event, shared) for event in waiting])

    async def give_up_parked(self, failed: ParkedFailed, work: Work) -> None:
        """Set a parked event aside whose effect the database refuses."""
        await inbox.unpark(await work.shared.sql(), failed.event)
        await self._set_aside(failed.event, Poison(str(failed.__cause__)), work.shared)

    def _work(self, event: Event, parent: traces.Origin | None, shared: Shared) -> Work:
        work = Work(shared, f"on {event.type}", parent, cause=event.id, subject=event.subject)
        work.touch(event.subject)
        return work

    async def _set_aside(self, event: Event, reason: Exception, shared: Shared) -> None:
        code = getattr(reason, "code", "handler_failed")
        text = f"{type(reason).__name__}: {reason}"
        LOG.error("event_set_aside", event_type=event.type, id=event.id, code=code, reason=text[:500])
        shared.outcomes["set_aside"] += 1
        identity = (event.source, event.id, event.type, event.subject)
        await inbox.set_aside(
            await shared.sql(), inbox.SetAside(*identity, event.to_json(), code, str(reason)[:2000])
        )
