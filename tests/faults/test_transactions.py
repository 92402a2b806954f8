"""One transaction, all or nothing, however many replicas: what the shared commits promise when things break."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy.servers import PostgresServer
from libs.deeds import Asked
from libs.refusals import TryAgain
from libs.work import Work
from tests.faults.posts import counting, within
from tests.faults.proxy import SQL_COMMIT, UP, Edge
from tests.libs.toys import HEARD, THINGS, Thing, event, fresh_database, house, unchecked_contracts


@pytest.fixture(autouse=True)
def _contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    unchecked_contracts(monkeypatch)


@pytest.fixture
async def database(postgres_server: PostgresServer) -> str:
    return await fresh_database(postgres_server)


async def put_and_say(work: Work, name: str) -> dict[str, str]:
    work.put(THINGS, Thing(thing_id=name))
    work.say(HEARD, name, {"n": 1})
    return {"name": name}


async def test_what_cannot_be_said_is_not_done(database: str) -> None:
    async with house(database) as toy:
        async with toy.engine.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END $$"
            )
            await connection.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW "
                "WHEN (NEW.subject = 'unsayable') EXECUTE FUNCTION refuse()"
            )
        names = ["a", "unsayable", "b"]
        deeds = [toy.commits.do("put", lambda work, name=name: put_and_say(work, name)) for name in names]
        done = await asyncio.gather(*deeds, return_exceptions=True)
        assert [isinstance(each, Exception) for each in done] == [False, True, False]
        assert await toy.rows("SELECT thing_id FROM things ORDER BY 1") == [("a",), ("b",)]
        assert await toy.rows("SELECT subject FROM outbox ORDER BY 1") == [("a",), ("b",)]


async def test_nothing_is_answered_before_it_is_committed(database: str) -> None:
    async with house(database) as toy:
        async with toy.engine.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END $$"
            )
            await connection.exec_driver_sql(
                "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW WHEN (NEW.thing_id = 'refused') EXECUTE FUNCTION refuse()"
            )
        names = ["a", "refused", "b"]
        deeds = [toy.commits.do("put", lambda work, name=name: put_and_say(work, name)) for name in names]
        done = await asyncio.gather(*deeds, return_exceptions=True)
        assert [isinstance(each, Exception) for each in done] == [False, True, False]
        assert await toy.rows("SELECT thing_id FROM things ORDER BY 1") == [("a",), ("b",)]


async def test_two_replicas_at_once_lose_no_effect(database: str) -> None:
    consumers = counting()
    async with house(database, consumers) as one, house(database, consumers) as two:
        await one.hear(event("s"), consumers)
        for _ in range(30):
            pair = [one.hear(event("s"), consumers), two.hear(event("s"), consumers)]
            await asyncio.wait_for(asyncio.gather(*pair), 30)
        assert await one.rows("SELECT count FROM things") == [(61,)]


async def test_two_replicas_at_once_handle_the_same_event_once(database: str) -> None:
    consumers = counting()
    async with house(database, consumers) as one, house(database, consumers) as two:
        same = [event(f"s{i}") for i in range(40)]
        heard = [each.hear(told, consumers) for told in same for each in (one, two)]
        await asyncio.wait_for(asyncio.gather(*heard), 30)
        assert await one.rows("SELECT count(*) FROM things WHERE count = 1") == [(40,)]


async def test_a_lost_commit_reply_is_one_effect_and_the_same_answer(database: str) -> None:
    base, _, name = database.rpartition("/")
    account, _, host = base.rpartition("@")
    edge = Edge("database", *_split(host))
    await edge.start()
    asked = Asked("someone", "key-12345678", "digest", 201, str)
    try:
        async with house(f"{account}@127.0.0.1:{edge.port}/{name}", counting()) as toy:
            lost = edge.cut(UP, SQL_COMMIT, reply=True)
            answer = await toy.commits.do("put", lambda work: put_and_say(work, "s"), None, asked)
            assert lost.fired.is_set()
            again = await toy.commits.do("put", lambda work: put_and_say(work, "t"), None, asked)
            assert (answer.body, answer.status) == (again.body, again.status) == ("{'name': 's'}", 201)
            lost = edge.cut(UP, SQL_COMMIT, reply=True)
            await toy.hear(event("e"), counting())
            assert lost.fired.is_set()
            assert await toy.rows("SELECT thing_id, count FROM things ORDER BY 1") == [("e", 1), ("s", 0)]
            assert await toy.rows("SELECT count(*) FROM outbox") == [(1,)]
    finally:
        await edge.close()


def _split(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name, int(port)


async def test_events_are_held_and_requests_refused_while_the_database_cannot_be_reached(
    database: str,
) -> None:
    base, _, name = database.rpartition("/")
    account, _, host = base.rpartition("@")
    edge = Edge("database", *_split(host))
    await edge.start()
    consumers = counting()
    try:
        async with house(f"{account}@127.0.0.1:{edge.port}/{name}", consumers) as toy:
            await toy.hear(event("before"), consumers)
            edge.refuse = True
            edge.reset()
            held: Any = toy.hear(event("held"), consumers)
            asked = toy.commits.do("put", lambda work: put_and_say(work, "never"))
            with pytest.raises(TryAgain):
                await asyncio.wait_for(asked, 30)

            async def waits() -> bool:
                return held.done()

            assert not await within(waits, 0.3)
            edge.heal()
            await asyncio.wait_for(held, 30)
            assert await toy.rows("SELECT thing_id FROM things ORDER BY 1") == [("before",), ("held",)]
    finally:
        await edge.close()
