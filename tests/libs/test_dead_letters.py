"""What a real RabbitMQ gives up on comes into the database: the culprit alone, its neighbours handled."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aio_pika
import pytest

from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.accounts import Accounts
from libs import letters
from libs.consumer import Consumers
from libs.dead_letters import DeadLetters
from libs.envelope import BATCH_CONTENT_TYPE, Event
from libs.flow import FLOW
from libs.work import Work
from tests.libs.toys import (
    HEARD,
    THINGS,
    House_,
    Said,
    Thing,
    event,
    fresh_database,
    house,
    until,
)

QUEUE = "fee"  # nobody listens to it in these tests


pytestmark = pytest.mark.usefixtures("contracts_unchecked")


def hearer() -> Consumers:
    consumers = Consumers()

    @consumers.on(HEARD, Said)
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        if data.n == 13:
            raise ValueError("thirteen")
        known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
        work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

    return consumers


@pytest.fixture
async def dead(
    postgres_server: PostgresServer, rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> AsyncIterator[tuple[House_, DeadLetters]]:
    """A house whose dead-letter queue is empty, and what takes letters out of it."""
    with rabbitmq_server.operator() as operator:
        for queue in (QUEUE, f"{QUEUE}.dead"):
            operator.delete(f"/api/queues/permit/{queue}/contents")
    consumers = hearer()
    async with house(await fresh_database(postgres_server), consumers) as toy:
        address = accounts.address(rabbitmq_server, QUEUE)
        taking = DeadLetters(address, QUEUE, toy.engine, consumers.dispatch, toy.commits)
        yield toy, taking
        await taking._let_go()


@contextlib.asynccontextmanager
async def channel_of(address: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(address) as connection:
        yield await connection.channel()


async def given_up(rabbitmq_server: RabbitmqServer, accounts: Accounts, body: bytes) -> None:
    """Send a message to the hearer and return it until the broker gives it up, as a dying hearer would."""
    with rabbitmq_server.operator() as operator:
        answer = operator.post(
            "/api/exchanges/permit/amq.default/publish",
            json={
                "properties": {"content_type": BATCH_CONTENT_TYPE, "delivery_mode": 2},
                "routing_key": QUEUE, "payload": body.decode(), "payload_encoding": "string",
            },
        )  # fmt: skip
        assert answer.json() == {"routed": True}
    async with channel_of(accounts.address(rabbitmq_server, QUEUE)) as channel:
        queue = await channel.get_queue(QUEUE, ensure=False)
        returned = 0

        async def gone() -> bool:
            nonlocal returned
            message = await queue.get(fail=False)
            if message is not None:
                returned += 1
                await message.reject(requeue=True)
            return returned > FLOW.delivery_limit

        await until(gone, 30)


def batch(*events: Event) -> bytes:
    return json.dumps([each.to_dict() for each in events]).encode()


async def letters_of(toy: House_) -> list[letters.LetterRow]:
    async with toy.engine.connect() as connection:
        return await letters.rows(connection, "open", 1, 100)


async def test_what_was_returned_too_often_is_a_letter_and_its_neighbours_are_handled(
    dead: tuple[House_, DeadLetters], rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    toy, taking = dead
    handled, culprit, first, bad, last = event("h"), event("c"), event("f"), event("b", 13), event("l")
    await toy.hear(handled, hearer())
    await given_up(rabbitmq_server, accounts, batch(handled, culprit, first, bad, last))

    async def kept() -> bool:
        await taking.look()
        return len(await letters_of(toy)) == 2

    await until(kept, 20)
    assert taking.depth == 0
    found = {letter.subject: letter for letter in await letters_of(toy)}
    assert {name: letter.code for name, letter in found.items()} == {
        "c": "delivery_limit",
        "b": "handler_failed",
    }
    assert await toy.rows("SELECT thing_id, body->>'count' FROM things ORDER BY 1") == [
        ("f", "1"), ("h", "1"), ("l", "1"),
    ]  # fmt: skip

    async def deed(work: Work) -> letters.Replayed:
        return await letters.hear_letter(work, toy.commits.hearing, found["c"].number, "administrator-01")

    assert (await toy.commits.do("replay letter", deed)).outcome == "handled"
    assert await toy.rows("SELECT body->>'count' FROM things WHERE thing_id = 'c'") == [("1",)]


async def test_a_dead_letter_is_kept_once_although_its_taker_dies_before_it_acknowledges(
    dead: tuple[House_, DeadLetters],
    rabbitmq_server: RabbitmqServer,
    accounts: Accounts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy, taking = dead
    await given_up(rabbitmq_server, accounts, b"no event at all")
    take = taking.take

    async def take_and_die(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await take(message)
        raise ConnectionError("killed after the commit")

    with monkeypatch.context() as dying:
        dying.setattr(taking, "take", take_and_die)

        async def died() -> bool:
            try:
                await taking.look()
            except ConnectionError:
                return True
            return False

        await until(died, 20)
    assert [letter.code for letter in await letters_of(toy)] == ["unreadable"]
    await taking._let_go()
    running = asyncio.create_task(taking.run())

    async def acknowledged() -> bool:
        with rabbitmq_server.operator() as operator:
            answer = await asyncio.to_thread(operator.get, f"/api/queues/permit/{QUEUE}.dead")
        return int(answer.json().get("messages", 1)) == 0

    await until(acknowledged, 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(await letters_of(toy)) == 1
