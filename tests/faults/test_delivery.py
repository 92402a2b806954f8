"""From commit to commit while the way between is broken: what each rule of the backbone is there for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.accounts import Accounts
from libs.envelope import Event
from tests.faults.posts import Post, post, within
from tests.faults.proxy import AMQP_ACK, DOWN, UP
from tests.libs.toys import HEARD, event, fresh_database, unchecked_contracts

Posts = tuple[Post, Post]


@pytest.fixture
async def posts(
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitmqServer,
    accounts: Accounts,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Posts]:
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


def rows(of: Post, what: str, number: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return await of.count(what) >= number

    return enough


def heard(of: Post, number: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return of.listener.heard >= number

    return enough


async def test_a_message_is_acknowledged_only_after_its_commit(posts: Posts) -> None:
    speaker, hearer = posts
    async with hearer.locked("s"):
        await speaker.say("s")
        assert await within(heard(hearer, 1), 10)
        hearer.edge.reset()  # not acknowledged, so it comes again
        assert await within(heard(hearer, 2), 15)
    assert await within(rows(hearer, "things WHERE count = 1", 1), 15)


async def test_an_acknowledgement_never_covers_what_is_not_committed(posts: Posts) -> None:
    speaker, hearer = posts
    async with hearer.locked("held"):
        async with hearer.locked("first"):
            await speaker.say("first")
            assert await within(heard(hearer, 1), 10)
            await speaker.say("held")  # delivered before "first" is committed
            assert await within(heard(hearer, 2), 10)
            acknowledged = hearer.edge.look(UP, AMQP_ACK)
        await asyncio.wait_for(acknowledged.fired.wait(), 15)
        assert await hearer.count("inbox") == 1
        hearer.edge.reset()
        assert await within(heard(hearer, 3), 15)  # "held" comes again
    assert await within(rows(hearer, "things WHERE count = 1", 2), 15)


async def test_an_event_is_sent_only_when_the_broker_has_confirmed_it(posts: Posts) -> None:
    speaker, hearer = posts
    await speaker.say("first")
    assert await within(rows(speaker, "outbox WHERE seq NOT IN (SELECT seq FROM unsent)", 1), 10)
    speaker.edge.stall(UP)
    await speaker.say("s")

    async def held() -> bool:
        return speaker.edge.held > 0

    assert await within(held, 10)
    assert not await within(rows(speaker, "outbox WHERE seq NOT IN (SELECT seq FROM unsent)", 2), 1.5)
    speaker.edge.reset()
    speaker.edge.heal()
    assert await within(rows(hearer, "things WHERE count = 1", 2), 20)
    assert await within(rows(speaker, "outbox WHERE seq NOT IN (SELECT seq FROM unsent)", 2), 10)


async def test_a_lost_confirm_sends_again_and_takes_effect_once(posts: Posts) -> None:
    speaker, hearer = posts
    lost = speaker.edge.cut(DOWN, AMQP_ACK, reply=False)
    await speaker.say("s")
    await asyncio.wait_for(lost.fired.wait(), 10)
    assert await within(heard(hearer, 2), 20)
    assert await within(rows(speaker, "outbox WHERE seq NOT IN (SELECT seq FROM unsent)", 1), 10)
    assert await hearer.count("things WHERE count = 1") == 1


async def test_an_unroutable_event_waits_until_its_way_exists(
    posts: Posts, rabbitmq_server: RabbitmqServer
) -> None:
    speaker, hearer = posts
    way = "/api/bindings/permit/e/permit/q/supervision"
    with rabbitmq_server.operator() as operator:
        operator.delete(f"{way}/{HEARD}").raise_for_status()
        try:
            await speaker.say("s")
            assert not await within(rows(speaker, "outbox WHERE seq NOT IN (SELECT seq FROM unsent)", 1), 2)
        finally:
            operator.post(way, json={"routing_key": HEARD}).raise_for_status()
    assert await within(rows(hearer, "things WHERE count = 1", 1), 20)


async def test_an_event_committed_late_is_sent(posts: Posts) -> None:
    speaker, hearer = posts
    connection = await asyncpg.connect(speaker.url)
    late, early = event("late"), event("early")

    async def write(said: Event) -> None:
        await connection.execute(
            "WITH said AS (INSERT INTO outbox (id, source, type, subject, time, body, said_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() - interval '1 minute') "
        "RETURNING seq) INSERT INTO unsent SELECT seq FROM said",
            said.id, said.source, said.type, said.subject, said.time, said.to_json(),
        )  # fmt: skip

    async with connection.transaction():  # took its place in the outbox first, commits last
        await write(late)
        other = await asyncpg.connect(speaker.url)
        connection, kept = other, connection
        await write(early)
        assert await within(rows(hearer, "things WHERE thing_id = 'early'", 1), 10)
        connection = kept
    assert await within(rows(hearer, "things WHERE thing_id = 'late'", 1), 15)
    await connection.close()
    await other.close()


async def test_an_event_too_large_to_send_stops_no_neighbour(posts: Posts) -> None:
    speaker, hearer = posts
    connection = await asyncpg.connect(speaker.url)
    huge = replace(event("huge"), data={"n": 1, "x": "x" * 300_000})
    await connection.execute(
        "WITH said AS (INSERT INTO outbox (id, source, type, subject, time, body, said_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() - interval '1 minute') "
        "RETURNING seq) INSERT INTO unsent SELECT seq FROM said",
        huge.id, huge.source, huge.type, huge.subject, huge.time, huge.to_json(),
    )  # fmt: skip
    await connection.close()
    for i in range(20):
        await speaker.say(f"s{i}")
    assert await within(rows(hearer, "things WHERE count = 1", 20), 30)
    assert await speaker.count("outbox JOIN unsent USING (seq) WHERE subject = 'huge'") == 1


async def test_a_row_of_a_type_this_version_does_not_know_stops_no_neighbour(posts: Posts) -> None:
    """After a rollback the outbox may hold what only the newer version can route."""
    speaker, hearer = posts
    connection = await asyncpg.connect(speaker.url)
    await connection.execute(
        "WITH said AS (INSERT INTO outbox (id, source, type, subject, time, body, said_at) "
        "VALUES ('newer', 'intake', 'intake.document_delivered.v2', 's', now(), '{}', now() - interval '1 minute') "
        "RETURNING seq) INSERT INTO unsent SELECT seq FROM said"
    )
    await connection.close()
    await speaker.relay.sweep()
    await speaker.say("s")
    assert await within(rows(hearer, "things WHERE count = 1", 1), 20)
    assert await speaker.count("outbox JOIN unsent USING (seq) WHERE id = 'newer'") == 1


async def test_the_relay_outlives_a_cancellation_that_is_not_its_own(
    posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker, hearer = posts
    publish, cancelled = speaker.relay.broker.publish, asyncio.Event()

    async def broken(*args: object, **kwargs: object) -> object:
        if not cancelled.is_set():
            cancelled.set()
            raise asyncio.CancelledError  # as the library does to whoever awaits a connection that breaks
        return await publish(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(speaker.relay.broker, "publish", broken)
    await speaker.say("s")
    await asyncio.wait_for(cancelled.wait(), 10)
    await speaker.say("t")
    assert await within(rows(hearer, "things WHERE count = 1", 2), 15)
