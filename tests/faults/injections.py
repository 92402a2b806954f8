"""Faults that are messages: duplicates, wrong order, poison, and what no version of ours would send."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import asyncpg
import yaml
from aio_pika.exceptions import AMQPError

from tests.faults.lasting import lasts
from tests.faults.plan import Fault
from tests.faults.stage import ROLES, Stage
from tests.faults.workload import Clients, History

ROOT = Path(__file__).resolve().parents[2]
BATCH = "application/cloudevents-batch+json"
ROUTE = "intake.document_delivered.v1"  # heard by supervision alone; the toys do not say it
GATHER_S = 8.0
KILLER_S = 60.0
Outcome = dict[str, Any]


def dice_of(fault: Fault) -> random.Random:
    """A random source that belongs to this fault alone."""
    return random.Random(f"{fault.n} {fault.kind} {fault.told.get('die')}")


class Injections:
    """Message faults; ``expected`` lists what must have been set aside because of them, and nothing else."""

    def __init__(self, stage: Stage, history: History, clients: Clients) -> None:
        self._stage = stage
        self._history = history
        self._clients = clients
        self.expected: list[dict[str, str]] = []
        self.duplicates = 0
        story = yaml.safe_load((ROOT / "contracts" / "flow.yaml").read_text(encoding="utf-8"))
        self._carries = {
            step["event"]: step["said_by"] == "review" or "sent_to" in step for step in story["steps"]
        }

    async def _publish(self, account: str, key: str, body: bytes, times: int = 1, kind: str = BATCH) -> None:
        """As the account that may say it, persistent and confirmed."""
        accounts, broker = self._stage.servers.accounts, self._stage.servers.broker
        address = broker.address(account, accounts.passwords[account])
        async with await aio_pika.connect(address, timeout=10) as connection:
            channel = await connection.channel(on_return_raises=True)
            exchange = await channel.get_exchange("permit", ensure=False)
            for _ in range(times):
                message = aio_pika.Message(body, content_type=kind, delivery_mode=2, message_id=uuid4().hex)
                await exchange.publish(message, routing_key=key, timeout=10)

    async def do_duplicate(self, fault: Fault) -> Outcome:
        """What was said and sent is sent again, some of it many times."""
        role = ROLES[fault.target]
        connection = await asyncpg.connect(self._stage.databases[role.database], timeout=5)
        try:
            sql = (
                "SELECT type, department, body FROM outbox WHERE seq NOT IN (SELECT seq FROM unsent) "
                "ORDER BY seq DESC LIMIT 60"
            )
            rows = await connection.fetch(sql)
        finally:
            await connection.close()
        if not rows:
            return {"fired": False}
        row = dice_of(fault).choice(rows)
        key = f"{row['type']}.{row['department']}" if self._carries[row["type"]] else row["type"]
        body = b"[" + row["body"].encode() + b"," + row["body"].encode() + b"]"
        await self._publish(role.queue, key, body, fault.told["copies"])
        self.duplicates += 2 * fault.told["copies"]
        return {"fired": True, "copies": 2 * fault.told["copies"], "key": key}

    async def do_reorder(self, fault: Fault) -> Outcome:
        """A recorder is away; what waits for it arrives in another order, some of it later still."""
        name, dice = fault.target, dice_of(fault)
        queue = ROLES[name].queue
        self._stage.held.add(name)
        self._stage.signal(name, signal.SIGKILL)
        try:
            async with await aio_pika.connect(self._stage.servers.operator_address, timeout=10) as connection:
                held = await self._gather(await connection.channel(), queue)
                bodies = [part for message in held for part in _parts(message.body)]
                dice.shuffle(bodies)
                late = bodies[: len(bodies) // 5]
                await self._to_queue(queue, bodies[len(late) :])
                await self._release(name)
                await lasts(1.5 if late else 0)
                await self._to_queue(queue, late)
                for message in held:  # had we died before, all of them would have come again
                    await message.ack()
        finally:
            await self._release(name)
        back = await self._stage.until_ready(self._stage.ports[name], 45)
        return {"fired": len(bodies) > 3, "moved": len(bodies), "late": len(late), "back": back}

    async def _release(self, name: str) -> None:
        if name in self._stage.held:
            self._stage.held.discard(name)
            if self._stage.pid(name) is None:
                await self._stage.start(name)

    async def _gather(self, channel: Any, queue: str) -> list[Any]:
        source = await channel.get_queue(queue, ensure=False)
        held: list[Any] = []
        until = time.monotonic() + GATHER_S
        while time.monotonic() < until and len(held) < 20:
            message = await source.get(fail=False, timeout=5)
            if message is None:
                await asyncio.sleep(0.1)
            else:
                held.append(message)
        return held

    async def _to_queue(self, queue: str, bodies: list[bytes]) -> None:
        async with await aio_pika.connect(self._stage.servers.operator_address, timeout=10) as connection:
            channel = await connection.channel(on_return_raises=True)
            for body in bodies:
                message = aio_pika.Message(body, content_type=BATCH, delivery_mode=2)
                await channel.default_exchange.publish(message, routing_key=queue, timeout=10)

    async def do_poison(self, fault: Fault) -> Outcome:
        """An event whose handler fails: in Python, at the database, or by killing its process."""
        poison = {"poison_raises": "raise", "poison_refused": "refuse", "poison_kills": "kill"}[fault.kind]
        department = ROLES[fault.target].department or ""
        number = 1_000_000 + fault.n
        key = f"poison-{poison}-{fault.n:06d}"
        code = {"raise": "handler_failed", "refuse": "effect_refused", "kill": "kills_its_handler"}[poison]
        self.expected.append({"database": ROLES[fault.target].database, "code": code, "number": str(number)})
        patient = random.Random()
        patient.random = lambda: 0.99  # type: ignore[method-assign]
        answer = await self._clients.apply(patient, key, number, [department], poison)
        if poison == "kill":
            await self._until_given_up(ROLES[fault.target].database, number)
        return {"fired": answer is not None, "number": number}

    async def _until_given_up(self, database: str, number: int) -> None:
        """The killer has had its victims; nobody else shall die here meanwhile."""
        sql = "SELECT count(*) FROM set_aside WHERE body LIKE '%\"number\":' || $1::text || ',%'"
        until = time.monotonic() + KILLER_S
        while time.monotonic() < until:
            connection = await asyncpg.connect(self._stage.databases[database], timeout=5)
            try:
                if await connection.fetchval(sql, str(number)):
                    return
            finally:
                await connection.close()
            await asyncio.sleep(0.25)

    async def do_oversized(self, fault: Fault) -> Outcome:
        """One byte too many: the broker refuses it, and nobody else notices."""
        try:
            await self._publish("intake", ROUTE, b'["' + b"x" * 262_144 + b'"]')
        except AMQPError as refused:
            return {"fired": True, "refused": type(refused).__name__}
        return {"fired": False}

    async def do_malformed(self, fault: Fault) -> Outcome:
        """What is no batch of events at all."""
        mark = f"malformed-{fault.n}-{uuid4().hex}"
        dice = dice_of(fault)
        body, kind = dice.choice(
            [
                (b"\xff\xfe " + mark.encode(), BATCH),
                (json.dumps({"not": "a list", "mark": mark}).encode(), BATCH),
                (json.dumps([{"id": mark}]).encode(), BATCH),
                (b"[" * 50_000 + mark.encode(), BATCH),
                (mark.encode(), "text/plain"),
            ]
        )
        self.expected.append({"database": "supervision", "code": "unreadable", "mark": mark})
        await self._publish("intake", ROUTE, body, kind=kind)
        return {"fired": True}

    async def _strange(self, event_type: str) -> Outcome:
        event_id = uuid4().hex
        event = {
            "specversion": "1.0", "id": event_id, "type": event_type, "source": "intake",
            "time": "2026-01-05T01:00:00Z", "subject": uuid4().hex, "data": {"number": 1},
        }  # fmt: skip
        self.expected.append({"database": "supervision", "code": "unknown_event", "id": event_id})
        await self._publish("intake", ROUTE, json.dumps([event]).encode())
        return {"fired": True}

    async def do_unknown_type(self, fault: Fault) -> Outcome:
        """An event nobody has heard of."""
        return await self._strange("intake.something_else.v1")

    async def do_next_major(self, fault: Fault) -> Outcome:
        """The next major version of one that is known."""
        return await self._strange("intake.application_accepted.v2")


def _parts(body: bytes) -> list[bytes]:
    try:
        elements = json.loads(body)
    except (ValueError, RecursionError):
        return [body]
    if not isinstance(elements, list):
        return [body]
    return [json.dumps([element]).encode() for element in elements]
