"""The services' door: takes batches of events from the queue and puts each into a shared transaction.

Acknowledgement is manual and comes after the commit. Nothing here can lose an event: what cannot be read is
set aside with its text, what cannot be handled is set aside with its reason, and what keeps being delivered
again is handled alone: before the consumer starts it is taken from the queue message by message, so that what
kills its process takes no neighbour along, and is itself set aside after a few deaths (`libs/suspects.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from aiormq.exceptions import AMQPError
from faststream import AckPolicy
from faststream.rabbit import (
    Channel,
    ExchangeType,
    QueueType,
    RabbitExchange,
    RabbitQueue,
)
from faststream.rabbit.utils import RabbitClientProperties
from pydantic import BaseModel, ValidationError

from libs import inbox, traces, transport
from libs.acknowledging import Acknowledgements, acknowledge
from libs.broker import open_broker
from libs.commits import Commits
from libs.deeds import Deed, Part, Together
from libs.envelope import Bad, Event, decode
from libs.flow import Flow
from libs.metrics import HEARD, UNREADABLE
from libs.pace import PACE, Pace
from libs.suspects import SUSPECT_FROM, Suspects, unfinished
from libs.work import Wanted, Work

LOG = structlog.get_logger(__name__)
PLACES = 1000  # among so many a replica draws its place before the queue
HEARTBEAT_S = 10
M = TypeVar("M", bound=BaseModel)
Handler = Callable[[Work, Event, Any], Awaitable[None]]
Loads = Callable[[Event], Sequence[Wanted]]


class UnknownEvent(Exception):
    """An event this service has no ear for (a new type or a next major version): kept, not dropped."""

    code = "unknown_event"


class BadContent(Exception):
    """The data of an event does not fit what this service understands by it."""

    code = "bad_content"


class Consumers:
    """What a service hears: one handler per event name."""

    def __init__(self) -> None:
        self.handlers: dict[str, tuple[type[BaseModel], Handler, Loads | None]] = {}

    def on(self, event_type: str, model: type[M], loads: Loads | None = None) -> Callable[[Handler], Handler]:
        """Register the handler of ``event_type``; ``loads`` names the records it will want, to be loaded in bulk."""

        def register(handler: Handler) -> Handler:
            if event_type in self.handlers:
                raise ValueError(f"{event_type} is heard twice")
            self.handlers[event_type] = (model, handler, loads)
            return handler

        return register

    async def dispatch(self, work: Work, event: Event) -> None:
        """Give the event to its handler; UnknownEvent or BadContent when it cannot be given."""
        found = self.handlers.get(event.type)
        if found is None:
            raise UnknownEvent(event.type)
        model, handler, _ = found
        try:
            data = model.model_validate(event.data)
        except ValidationError as broken:
            raise BadContent(
                f"{event.type}: {broken.errors(include_url=False, include_input=False)}"[:1500]
            ) from None
        await handler(work, event, data)

    def loads(self, event: Event) -> list[Wanted]:
        """The records the event's handler will want; an unreadable hint is no reason to fail."""
        found = self.handlers.get(event.type)
        if found is None or found[2] is None:
            return []
        try:
            return list(found[2](event))
        except (KeyError, TypeError, ValueError):
            return []


async def _raw(message: Any) -> Any:
    """FastStream must not decode: an undecodable body would never reach the handler and stay unacknowledged.

    It keeps what this gives on its own message: were it that message, each would wait for the cycle collector with
    its whole body.
    """
    return message.raw_message


class Listener:
    """The consuming side of a service, on a broker connection of its own.

    Of several replicas the broker serves one first, and the next once that one holds as many messages as it may: on a
    quiet day the events of one case meet in one process and one transaction, in a flood all replicas work. Which one
    is first is chosen by lot at its start.
    """

    def __init__(
        self, url: str, flow: Flow, queue: str, consumers: Consumers, commits: Commits, pace: Pace = PACE
    ) -> None:
        self.broker = open_broker(
            url,
            default_channel=Channel(prefetch_count=pace.messages, on_return_raises=True),
            decoder=_raw,
            apply_types=False,  # resolving annotations goes through a thread for every message
            reconnect_interval=1.0,
            graceful_timeout=10.0,
            client_properties=RabbitClientProperties(heartbeat=HEARTBEAT_S),
            logger=None,
        )
        self._queue = queue
        self._suspects = Suspects(url, queue, commits, self._settle)
        self._opened = False
        self._consumers = consumers
        self._commits = commits
        self._tasks: set[asyncio.Task[None]] = set()
        self._acknowledgements = Acknowledgements(max(1, pace.messages // 4))
        self.heard = 0
        exchange = RabbitExchange(flow.exchange, type=ExchangeType.TOPIC, durable=True, declare=False)
        self._subscriber = self.broker.subscriber(
            RabbitQueue(queue, queue_type=QueueType.QUORUM, durable=True, declare=False),
            exchange,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            consume_args={"x-priority": secrets.randbelow(PLACES)},
        )
        self._subscriber(self._take)

    @property
    def idle(self) -> bool:
        """No message is between its delivery and its acknowledgement."""
        return self._opened and not self._tasks and self._acknowledgements.none

    async def _take(self, raw: Any) -> None:
        task = asyncio.create_task(self._settle(raw, unfinished(raw) >= SUSPECT_FROM))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, raw: Any, alone: bool) -> None:
        begun_ns = time.time_ns()
        elements = decode(bytes(raw.body), raw.content_type)
        together = Together(len(elements))
        heard: Counter[str] = Counter()
        for element in elements:
            if isinstance(element, Bad):
                self._keep_aside(element, together.part())
            else:
                heard[element.type if element.type in self._consumers.handlers else "unknown"] += 1
                self._submit(element, alone, together.part())
        self.heard += len(elements)
        for event_type, count in heard.items():
            HEARD.labels(event_type).inc(count)
        await together.ended
        transport.received(bytes(raw.body), self._queue, begun_ns, alone)
        if alone:
            await acknowledge(raw)
        else:
            self._acknowledgements.add(raw)

    def _keep_aside(self, element: Bad, done: Part) -> None:
        UNREADABLE.inc()
        LOG.error("unreadable_event_set_aside", reason=element.reason[:300])
        given_up = inbox.unreadable(element.body, element.reason)

        async def keep(work: Work) -> None:
            await inbox.set_aside(await work.shared.sql(), given_up)

        self._commits.submit(Deed("set aside", keep, done, alone=True, patient=True))

    def _submit(self, event: Event, alone: bool, done: Part) -> None:
        async def run(work: Work) -> None:
            await self._consumers.dispatch(work, event)

        parent = traces.origin(event.traceparent)
        loads = self._consumers.loads(event)
        self._commits.submit(
            Deed(f"on {event.type}", run, done, parent, event=event, loads=loads, alone=alone)
        )

    async def start(self) -> None:
        """Begin to consume; what may have killed its consumer before is handled first, message by message."""
        await self.broker.connect()
        while not self._opened:
            try:
                await self._suspects.take()
                self._opened = True
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            except (AMQPError, OSError, TimeoutError, RuntimeError) as away:
                LOG.warning("suspects_wait", error=type(away).__name__, detail=str(away)[:200])
                await asyncio.sleep(0.5)
        await self.broker.start()

    async def stop(self) -> None:
        """Cancel the consumer, let what is held finish, then close (FastStream's own stop drops deliveries)."""
        subscriber: Any = self._subscriber
        queue, tag = getattr(subscriber, "_queue_obj", None), getattr(subscriber, "_consumer_tag", None)
        if queue is not None and tag is not None:
            with contextlib.suppress(AMQPError, ConnectionError, RuntimeError, TimeoutError):
                await asyncio.wait_for(queue.cancel(tag), 5)
            subscriber._consumer_tag = None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        await self._acknowledgements.finish()
        await self.broker.stop()
