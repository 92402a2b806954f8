"""Shared commits on a real PostgreSQL: deeds share a transaction, never an outcome."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from deploy.servers import PostgresServer
from libs.consumer import Consumers
from libs.deeds import Asked
from libs.envelope import Event
from libs.refusals import ClientKeyReused, Conflict, Park, Refusal
from libs.speaker import SaidWrongly
from libs.work import Work
from tests.libs.toys import (
    HEARD,
    LINES,
    THINGS,
    Said,
    Thing,
    event,
    house,
    until,
)

pytestmark = pytest.mark.usefixtures("contracts_unchecked")


def counting() -> Consumers:
    """Hearers whose every failure is one number away."""
    consumers = Consumers()

    @consumers.on(HEARD, Said, loads=lambda heard: [(THINGS, (heard.subject,))])
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        if data.n == 13:
            raise ValueError("thirteen")
        if data.n == 14:
            work.add(LINES, line="twice")
            work.add(LINES, line="twice")
        if data.n == 15 and await work.get(THINGS, "predecessor") is None:
            raise Park("predecessor")
        known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
        work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

    return consumers


async def put(work: Work, name: str) -> dict[str, str]:
    work.put(THINGS, Thing(thing_id=name))
    work.say(HEARD, name, {"n": 1})
    return {"name": name}


async def test_waiting_deeds_share_one_commit(database: str) -> None:
    async with house(database) as toy:
        await asyncio.gather(
            *(toy.commits.do("put", lambda work, i=i: put(work, f"t{i}")) for i in range(60))
        )
        assert toy.commits.generation <= 3
        assert await toy.rows("SELECT count(*) FROM things") == [(60,)]
        assert await toy.rows("SELECT count(*) FROM unsent") == [(60,)]
        assert len(toy.relay.rows) == 60


async def test_a_refusal_leaves_its_neighbours_and_nothing_of_its_own(database: str) -> None:
    async def refused(work: Work) -> None:
        await put(work, "never")
        raise Refusal("no")

    async with house(database) as toy:
        deeds = [toy.commits.do("put", lambda work: put(work, "a")), toy.commits.do("no", refused),
                 toy.commits.do("put", lambda work: put(work, "b"))]  # fmt: skip
        results = await asyncio.gather(*deeds, return_exceptions=True)
        assert [type(result) for result in results] == [dict, Refusal, dict]
        assert await toy.rows("SELECT thing_id FROM things ORDER BY 1") == [("a",), ("b",)]
        assert toy.commits.generation == 1


async def test_what_the_database_refuses_is_found_by_halving(database: str) -> None:
    async def line(work: Work, name: str) -> str:
        work.add(LINES, line=name)
        return name

    async with house(database) as toy:
        names = [f"line{i}" for i in range(20)] + ["line7"]
        deeds = [toy.commits.do("line", lambda work, name=name: line(work, name)) for name in names]
        results = await asyncio.gather(*deeds, return_exceptions=True)
        refused = [result for result in results if isinstance(result, Exception)]
        assert [type(reason) for reason in refused] == [Conflict]
        assert await toy.rows("SELECT count(*) FROM lines") == [(20,)]


async def test_an_event_is_handled_once_within_and_across_batches(database: str) -> None:
    consumers = counting()
    async with house(database, consumers) as toy:
        same = event("s")
        await asyncio.gather(*(toy.hear(same, consumers) for _ in range(5)))
        await toy.hear(same, consumers)
        await toy.hear(same, consumers, alone=True)
        assert await toy.rows("SELECT count FROM things") == [(1,)]
        assert await toy.rows("SELECT state FROM inbox") == [("handled",)]


@pytest.mark.parametrize(("n", "code"), [(13, "handler_failed"), (14, "effect_refused"), (99, "bad_content")])
async def test_a_bad_event_is_set_aside_alone(database: str, n: int, code: str) -> None:
    consumers = counting()
    async with house(database, consumers) as toy:
        bad = event("bad", n)
        if n == 99:
            bad = Event(**{**{name: getattr(bad, name) for name in bad.__slots__}, "data": {"n": "many"}})
        heard = [event(f"good{i}") for i in range(9)]
        await asyncio.gather(*(toy.hear(each, consumers) for each in [*heard[:5], bad, *heard[5:]]))
        assert await toy.rows("SELECT count(*) FROM things") == [(9,)]
        assert await toy.rows("SELECT subject, code, attempts FROM set_aside") == [("bad", code, 1)]
        assert await toy.rows("SELECT state FROM inbox WHERE subject = 'bad'") == [("set_aside",)]


async def test_an_event_without_its_predecessor_waits_and_moves_when_it_comes(database: str) -> None:
    consumers = counting()
    async with house(database, consumers) as toy:
        early = event("early", 15)
        await toy.hear(early, consumers)
        assert await toy.rows("SELECT waits_for FROM parked") == [("predecessor",)]
        await toy.hear(event("predecessor"), consumers)
        assert await toy.rows("SELECT count(*) FROM parked") == [(0,)]
        assert await toy.rows("SELECT count FROM things WHERE thing_id = 'early'") == [(1,)]
        await toy.hear(early, consumers)
        assert await toy.rows("SELECT count FROM things WHERE thing_id = 'early'") == [(1,)]


async def test_the_same_client_key_gives_the_same_bytes_and_one_effect(database: str) -> None:
    times: list[int] = []

    async def once(work: Work) -> dict[str, int]:
        times.append(1)
        return await put(work, f"k{len(times)}") and {"n": len(times)}

    def asked(digest: str = "same") -> Asked:
        return Asked("someone", "key-12345678", digest, 201, str)

    async with house(database) as toy:
        together = await asyncio.gather(*(toy.commits.do("once", once, None, asked()) for _ in range(4)))
        later = await toy.commits.do("once", once, None, asked())
        assert {answer.body for answer in [*together, later]} == {"{'n': 1}"}
        with pytest.raises(ClientKeyReused):
            await toy.commits.do("once", once, None, asked("other"))
        assert times == [1]


async def test_events_are_held_while_the_database_is_away(
    database: str, postgres_server: PostgresServer
) -> None:
    consumers = counting()
    async with house(database, consumers) as toy:
        await toy.hear(event("before"), consumers)
        admin = await asyncpg.connect(postgres_server.url)
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await admin.execute(f"ALTER DATABASE {toy.name} ALLOW_CONNECTIONS false")
        await admin.fetch(ended, toy.name)
        held = toy.hear(event("held"), consumers)

        async def tried() -> bool:
            return toy.commits.open == 1

        await until(tried)
        assert not held.done()
        await admin.execute(f"ALTER DATABASE {toy.name} ALLOW_CONNECTIONS true")
        await asyncio.wait_for(held, 30)
        await admin.close()
        assert await toy.rows("SELECT count(*) FROM things") == [(2,)]
        assert await toy.rows("SELECT count(*) FROM set_aside") == [(0,)]


async def test_touched_subjects_are_settled_in_the_same_commit(database: str) -> None:
    settled: list[list[str]] = []

    async def settle(work: Work, subjects: list[str]) -> None:
        settled.append(sorted(subjects))
        for subject in subjects:
            found: Any = await work.get(THINGS, subject)
            work.put(THINGS, found.model_copy(update={"count": 7}))

    async with house(database, settle=settle) as toy:
        await asyncio.gather(*(toy.commits.do("put", lambda work, i=i: put(work, f"t{i}")) for i in range(3)))
        assert settled == [["t0", "t1", "t2"]]
        assert await toy.rows("SELECT DISTINCT count FROM things") == [(7,)]


async def test_a_service_cannot_say_what_the_story_does_not_let_it_say(database: str) -> None:
    async def wrong(work: Work) -> None:
        work.say("fee.payment_received.v1", "s", {})

    async with house(database) as toy:
        with pytest.raises(SaidWrongly):
            await toy.commits.do("wrong", wrong)
        assert await toy.rows("SELECT count(*) FROM outbox") == [(0,)]
