"""Hands committed events to the broker: directly after the commit, and again in a sweep for leftovers.

Rows that go the same way travel as one AMQP message, confirmed together. Two relays at once are harmless:
a row sent twice is handled once. The library may cancel our await when a connection breaks; that must not
end the relay.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import structlog
from aiormq.exceptions import AMQPError, ChannelAccessRefused, PublishError
from faststream.rabbit import Channel, ExchangeType, RabbitExchange
from faststream.rabbit.utils import RabbitClientProperties
from sqlalchemy.ext.asyncio import AsyncEngine

from libs import outbox, transport
from libs.broker import open_broker
from libs.envelope import BATCH_CONTENT_TYPE, batches, new_id
from libs.flow import Flow
from libs.metrics import OUTBOX_LAG, OUTBOX_UNSENT, SEND_FAILURES, SENT
from libs.outbox import OutboxRow

LOG = structlog.get_logger(__name__)
HEARTBEAT_S = 10
CONFIRM_TIMEOUT_S = 10.0
LEFTOVER_AGE_S = 2.0
MARKED_TOGETHER = 64
IN_FLIGHT = 64  # messages awaiting their confirm at once


class Relay:
    """The publishing side of a service, on a broker connection of its own."""

    def __init__(self, url: str, flow: Flow, engine: AsyncEngine) -> None:
        self.broker = open_broker(
            url,
            default_channel=Channel(on_return_raises=True),
            reconnect_interval=1.0,
            graceful_timeout=5.0,
            client_properties=RabbitClientProperties(heartbeat=HEARTBEAT_S),
            logger=None,
        )
        self._exchange = RabbitExchange(flow.exchange, type=ExchangeType.TOPIC, durable=True, declare=False)
        self._limit = flow.max_message_bytes - 4096  # the broker counts headers too
        self._flow = flow
        self._engine = engine
        self._pending: deque[OutboxRow] = deque()
        self._carried: set[int] = set()  # rows in memory: the sweep leaves them alone
        self._confirmed: list[int] = []
        self._marking: set[int] = (
            set()
        )  # taken by a transaction that has not ended: the sweep leaves them alone
        self._failed: set[int] = set()  # rows whose last sending failed: the sweep offers them again
        self._refused_until: dict[str, tuple[float, float]] = {}
        self._wake = asyncio.Event()
        self.unsent = 0
        self.swept = False  # whether a sweep has looked since the start

    @property
    def idle(self) -> bool:
        """Nothing is waiting, on its way, or left over."""
        return self.swept and not self._pending and not self._carried and not self._failed

    def offer(self, rows: list[OutboxRow]) -> None:
        """These rows are committed: send them."""
        fresh = [row for row in rows if row.seq not in self._carried and row.seq not in self._marking]
        self._carried.update(row.seq for row in fresh)
        self._pending.extend(fresh)
        if fresh:
            self._wake.set()

    def take_confirmed(self) -> list[int]:
        """Confirmed rows to be marked, once they are many; the caller marks them and says how that ended.

        A transaction of one event would pay as much for marking as for the event: the sweep marks the few.
        """
        return self._take() if len(self._confirmed) >= MARKED_TOGETHER else []

    def _take(self) -> list[int]:
        taken, self._confirmed = self._confirmed, []
        self._marking.update(taken)
        return taken

    def put_back(self, seqs: list[int]) -> None:
        """Marking failed: give them out again."""
        self._marking.difference_update(seqs)
        self._confirmed.extend(seqs)

    def marked(self, seqs: list[int]) -> None:
        """Their marking is committed."""
        self._marking.difference_update(seqs)

    async def run(self) -> None:
        """Send what is offered until really cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            rows = list(self._pending)
            self._pending.clear()
            try:
                await self._send(rows)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._let_go([row.seq for row in rows])  # the library's: the sweep sends them

    async def _send(self, rows: Sequence[OutboxRow]) -> None:
        ways: dict[str, list[OutboxRow]] = {}
        for row in rows:
            try:
                key = self._flow.routing_key(row.event_type, row.department)
            except (
                KeyError,
                ValueError,
            ) as strange:  # after a rollback: it waits for the version that said it
                SEND_FAILURES.labels(type(strange).__name__).inc()
                self._let_go([row.seq])
                continue
            ways.setdefault(key, []).append(row)
        gate = asyncio.Semaphore(IN_FLIGHT)
        await asyncio.gather(*(self._send_one_way(key, way, gate) for key, way in ways.items()))

    async def _send_one_way(self, key: str, rows: list[OutboxRow], gate: asyncio.Semaphore) -> None:
        until, _ = self._refused_until.get(key, (0.0, 0.0))
        if time.monotonic() < until:
            self._let_go([row.seq for row in rows])
            return
        for seqs, body in batches(((row.seq, row.body) for row in rows), self._limit):
            if (
                len(body) > self._limit
            ):  # one event alone: the broker would close the channel on its neighbours
                SEND_FAILURES.labels("TooLarge").inc()
                LOG.error("event_too_large", routing_key=key, bytes=len(body))
                self._let_go(seqs)
                continue
            async with gate:
                span = transport.sending(body, rows[0].event_type, self._exchange.name, key)
                failure = await self._publish(key, body)
                transport.sent(span, failure)
            if failure:
                self._let_go(seqs)
            else:
                self._carried.difference_update(seqs)
                self._failed.difference_update(seqs)
                self._confirmed.extend(seqs)
                SENT.labels(rows[0].event_type).inc(len(seqs))

    def _let_go(self, seqs: Sequence[int]) -> None:
        self._carried.difference_update(seqs)
        self._failed.update(seqs)

    async def _publish(self, key: str, body: bytes) -> str | None:
        """Hand one message over; what went wrong, None once the broker has confirmed it."""
        try:
            await self.broker.publish(
                body,
                exchange=self._exchange,
                routing_key=key,
                persist=True,
                message_id=new_id(),
                content_type=BATCH_CONTENT_TYPE,
                timeout=CONFIRM_TIMEOUT_S,
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            SEND_FAILURES.labels("CancelledError").inc()
            return "CancelledError"
        except (AMQPError, ConnectionError, TimeoutError, RuntimeError) as failed:
            # Result unknown, or refused: the row stays unsent and is sent again with the same event ids.
            SEND_FAILURES.labels(type(failed).__name__).inc()
            if isinstance(failed, (PublishError, ChannelAccessRefused)):
                self._back_off(key, failed)
            else:
                LOG.warning(
                    "publish_failed", routing_key=key, error=type(failed).__name__, detail=str(failed)[:200]
                )
            return type(failed).__name__
        self._refused_until.pop(key, None)
        return None

    def _back_off(self, key: str, reason: Exception) -> None:
        """A refused or unroutable way must not take its neighbours' channel down again and again."""
        _, pause = self._refused_until.get(key, (0.0, 0.5))
        pause = min(max(pause, 0.5) * 2, 60.0)
        self._refused_until[key] = (time.monotonic() + pause, pause)
        LOG.error("publish_refused", routing_key=key, error=type(reason).__name__, detail=str(reason)[:300])

    async def sweep(self) -> None:
        """Offer leftovers again, mark what is confirmed, and measure the lag."""
        left, lag = await self._mark_and_look()
        OUTBOX_UNSENT.set(self.unsent)
        OUTBOX_LAG.set(lag)
        unmarked = {*self._confirmed, *self._marking}
        self.offer([row for row in left if row.seq not in unmarked])
        self.swept = True

    async def _mark_and_look(self) -> tuple[list[OutboxRow], float]:
        """(leftovers, age of the oldest row that waits), once what is confirmed is marked.

        What another transaction is marking meanwhile is unsent to this one: it is left out while it is known.
        """
        seqs = self._take()
        on_the_way = {*seqs, *self._marking, *self._carried}
        try:
            each_for_itself = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            async with each_for_itself.connect() as connection:
                await outbox.mark_sent(connection, seqs)
                left = await outbox.unsent(connection, LEFTOVER_AGE_S, 5000)
                on_the_way |= {*self._confirmed, *self._marking}
                self.unsent, lag = await outbox.waiting(connection) if left else (len(self._carried), 0.0)
        except BaseException:
            self.put_back(seqs)
            raise
        self.marked(seqs)
        return [row for row in left if row.seq not in on_the_way], lag
