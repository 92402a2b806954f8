"""The way from commit to commit over a real RabbitMQ: nothing lost, nothing twice, bad ones aside."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aio_pika
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.accounts import Accounts
from libs.clock import SystemClock
from libs.commits import Commits
from libs.consumer import Consumers, Listener
from libs.database import open_engine
from libs.envelope import BATCH_CONTENT_TYPE, Event, batches
from libs.flow import FLOW
from libs.pace import MOST_MESSAGES
from libs.relay import Relay
from libs.speaker import Speaker
from libs.work import House, Work
from tests.libs.toys import HEARD, THINGS, Said, Thing, event, fresh_database, unchecked_contracts, until


@dataclass
class Post:
    """A service with both sides of the broker."""

    engine: AsyncEngine
    commits: Commits
    relay: Relay
    listener: Listener

    async def count(self, what: str) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {what}")).scalar_one())

    async def say(self, subject: str, n: int = 0) -> None:
        async def deed(work: Work) -> None:
            work.put(THINGS, Thing(thing_id=subject))
            work.say(HEARD, subject, {"n": n})

        await self.commits.do("say", deed)


def counting() -> Consumers:
    consumers = Consumers()

    @consumers.on(HEARD, Said, loads=lambda heard: [(THINGS, (heard.subject,))])
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
        work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

    return consumers


@contextlib.asynccontextmanager
async def post(address: str, url: str, service: str) -> AsyncIterator[Post]:
    engine = open_engine(url, service)
    consumers = counting()
    relay = Relay(address, FLOW, engine)
    commits = Commits(engine, House(Speaker(FLOW, service, None)), SystemClock(), consumers.dispatch, relay)
    listener = Listener(address, FLOW, service, consumers, commits)
    await relay.broker.start()

    async def sweep() -> None:
        while True:
            with contextlib.suppress(Exception):
                await relay.sweep()
            await asyncio.sleep(0.3)

    tasks = [asyncio.create_task(loop) for loop in (commits.run(), relay.run(), sweep())]
    await listener.start()
    try:
        yield Post(engine, commits, relay, listener)
    finally:
        await listener.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await relay.broker.stop()
        await engine.dispose()


@pytest.fixture
async def posts(
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitmqServer,
    accounts: Accounts,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[Post, Post]]:
    """intake (speaking) and supervision (hearing), each with a database of its own and empty queues."""
    unchecked_contracts(monkeypatch)
    with rabbitmq_server.operator() as operator:
        for queue in ("intake", "supervision"):
            operator.delete(f"/api/queues/permit/{queue}/contents")
    urls = [await fresh_database(postgres_server) for _ in range(2)]
    addresses = [accounts.address(rabbitmq_server, service) for service in ("intake", "supervision")]
    async with (
        post(addresses[0], urls[0], "intake") as speaker,
        post(addresses[1], urls[1], "supervision") as hearer,
    ):
        yield speaker, hearer


async def all_heard(hearer: Post, count: int) -> None:
    async def arrived() -> bool:
        return await hearer.count("inbox") >= count

    await until(arrived, 60)


async def test_what_is_committed_is_heard_once_and_marked_sent(posts: tuple[Post, Post]) -> None:
    speaker, hearer = posts
    await asyncio.gather(*(speaker.say(f"s{i}") for i in range(300)))
    await all_heard(hearer, 300)

    async def marked() -> bool:
        return await speaker.count("unsent") == 0 and speaker.relay.idle

    await until(marked)
    assert await hearer.count("things WHERE count = 1") == 300
    assert await hearer.count("inbox") == 300


async def publish_raw(hearer_address: str, body: bytes, content_type: str = BATCH_CONTENT_TYPE) -> None:
    connection = await aio_pika.connect(hearer_address)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("permit", ensure=False)
        message = aio_pika.Message(body, content_type=content_type, reply_to="intake")
        await exchange.publish(message, routing_key=HEARD)


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe not json", b"{}", b"[1, null, {}]", b"[" * 100_000 + b"]" * 100_000, b'[{"id": "x"}]'],
    ids=["bytes", "object", "elements", "nested", "attributes"],
)
async def test_undecodable_messages_are_kept_aside_and_stop_nobody(
    posts: tuple[Post, Post], body: bytes, rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    speaker, hearer = posts
    await publish_raw(accounts.address(rabbitmq_server, "intake"), body)
    await speaker.say("after")
    await all_heard(hearer, 1)

    async def kept() -> bool:
        return await hearer.count("set_aside WHERE code = 'unreadable'") >= 1

    await until(kept)
    assert await hearer.count("things") == 1


async def test_one_bad_element_does_not_drag_its_neighbours_down(
    posts: tuple[Post, Post], rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    _, hearer = posts
    good = [event(f"g{i}") for i in range(6)]
    elements = [json.loads(each.to_json()) for each in good]
    elements.insert(3, {"id": "", "type": 7})
    unknown = json.loads(event("u").to_json()) | {"type": "intake.document_delivered.v2"}
    body = json.dumps([*elements, unknown, elements[0]]).encode()
    await publish_raw(accounts.address(rabbitmq_server, "intake"), body)
    await all_heard(hearer, 7)
    assert await hearer.count("things WHERE count = 1") == 6
    assert await hearer.count("set_aside WHERE code = 'unreadable'") == 1
    assert await hearer.count("set_aside WHERE code = 'unknown_event'") == 1


async def test_closed_connections_and_a_killed_broker_lose_nothing(
    posts: tuple[Post, Post], rabbitmq_server: RabbitmqServer
) -> None:
    speaker, hearer = posts

    async def chatter(first: int) -> None:
        for i in range(40):
            await speaker.say(f"c{first + i}")

    def close_all() -> None:
        with rabbitmq_server.operator() as operator:
            for connection in operator.get("/api/connections").json():
                operator.delete(f"/api/connections/{connection['name']}")

    talking = asyncio.gather(*(chatter(n * 100) for n in range(5)))
    await asyncio.to_thread(close_all)
    await talking
    rabbitmq_server.kill()
    during = asyncio.gather(*(speaker.say(f"d{i}") for i in range(50)))
    await during
    await asyncio.to_thread(rabbitmq_server.restart)
    await all_heard(hearer, 250)
    assert await hearer.count("inbox") == 250
    assert await hearer.count("things WHERE count = 1") == 250


def test_batches_never_pass_the_limit_and_keep_every_event() -> None:
    texts = [(i, "x" * (i % 50)) for i in range(500)]
    packed = list(batches(texts, 200))
    assert [key for keys, _ in packed for key in keys] == list(range(500))
    assert max(len(body) for _, body in packed) <= 200


async def test_of_two_replicas_one_is_served_first_and_the_other_when_it_is_full(
    posts: tuple[Post, Post], rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    speaker, one = posts
    address = accounts.address(rabbitmq_server, "supervision")
    async with post(address, one.engine.url.render_as_string(hide_password=False), "supervision") as other:
        for i in range(12):  # one after the other: there is never more than one message on its way
            await speaker.say(f"lone{i}")
            await all_heard(one, i + 1)
        assert sorted((one.listener.heard, other.listener.heard)) == [0, 12]
        first, second = (one, other) if one.listener.heard else (other, one)
        held = asyncio.Event()

        async def stand_still(work: Work) -> None:
            await held.wait()

        blocked = asyncio.create_task(first.commits.do("stand still", stand_still))
        before = second.listener.heard

        async def sent() -> bool:
            return speaker.relay.idle

        for i in range(MOST_MESSAGES + 4):
            await speaker.say(f"more{i}")
            await until(sent)  # or the relay, when it is busy, sends several as one message

        async def taken() -> bool:
            return second.listener.heard - before >= 4

        await until(taken)
        held.set()
        await blocked
        await all_heard(one, 12 + MOST_MESSAGES + 4)
        assert first.listener.heard >= 12 + MOST_MESSAGES
