"""What a transaction costs in trips to the database, and that trusting in the best loses nothing in the worst."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from libs.consumer import Consumers
from libs.envelope import Event
from libs.refusals import Park
from libs.session import Session, Sessions
from libs.statements import Statement
from libs.work import Work
from tests.faults.proxy import SQL_COMMIT, UP, Edge
from tests.libs.toys import (
    HEARD,
    LINES,
    THINGS,
    House_,
    Said,
    Thing,
    event,
    house,
)

pytestmark = pytest.mark.usefixtures("contracts_unchecked")


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first words of everything that the backbone sends to a database."""
    sent: list[str] = []
    say, run = Session._say, Session._run

    async def said(self: Session, word: str) -> None:
        sent.append(word)
        await say(self, word)

    async def ran(self: Session, statement: Statement) -> object:
        sent.append(" ".join(statement.sql.split()[:2]))
        return await run(self, statement)

    monkeypatch.setattr(Session, "_say", said)
    monkeypatch.setattr(Session, "_run", ran)
    return sent


@pytest.fixture
async def toy(database: str) -> AsyncIterator[House_]:
    async with house(database, ears()) as running:
        running.commits.hearing.maybe_parked = False  # as after the first sweep
        yield running


def ears() -> Consumers:
    consumers = Consumers()

    @consumers.on(HEARD, Said)
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        if data.n == 1:
            work.add(LINES, line=heard.subject)
            work.say(HEARD, "told", {"n": 0})
        elif data.n == 2:
            thing = await work.get(THINGS, "t") or Thing(thing_id="t")
            work.put(THINGS, thing.model_copy(update={"count": thing.count + 1}))
        elif data.n == 3:
            await work.need(THINGS, "missing")
        elif data.n == 4 and await work.get(THINGS, "first") is None:
            raise Park("first")
        elif data.n == 5:
            await work.next_number("numbers")
            work.put(THINGS, Thing(thing_id=str(await work.next_number("numbers"))))

    return consumers


async def test_a_lone_event_that_reads_nothing_is_one_statement(toy: House_, trips: list[str]) -> None:
    await toy.hear(event("a", 1), ears())
    assert len(trips) == 1
    assert await toy.rows(
        "SELECT line, (SELECT count(*) FROM inbox), (SELECT count(*) FROM unsent) FROM lines"
    ) == [("a", 1, 1)]
    assert [row.event_type for row in toy.relay.rows] == [HEARD]


async def test_one_that_reads_is_four(toy: House_, trips: list[str]) -> None:
    await toy.hear(event("a", 2), ears())
    assert [trips[0], len(trips), trips[-1]] == ["BEGIN", 4, "COMMIT"]


async def test_an_event_that_comes_again_has_no_effect_whoever_it_comes_with(toy: House_) -> None:
    first, second = event("a", 1), event("b", 1)
    await toy.hear(first, ears())
    await asyncio.gather(toy.hear(first, ears()), toy.hear(second, ears()), toy.hear(second, ears()))
    assert await toy.rows("SELECT line FROM lines ORDER BY 1") == [("a",), ("b",)]
    assert await toy.rows("SELECT count(*) FROM outbox") == [(2,)]


async def test_one_that_cannot_be_handled_is_set_aside_and_its_neighbours_are_handled(toy: House_) -> None:
    batch = [event("a", 1), event("broken", 3), event("waits", 4), event("b", 1)]
    await asyncio.gather(*(toy.hear(each, ears()) for each in batch))
    assert await toy.rows("SELECT subject, state FROM inbox ORDER BY 1") == [
        ("a", "handled"), ("b", "handled"), ("broken", "set_aside"), ("waits", "parked"),
    ]  # fmt: skip
    assert await toy.rows("SELECT line FROM lines ORDER BY 1") == [("a",), ("b",)]


async def test_numbers_drawn_in_vain_are_given_to_the_next(toy: House_) -> None:
    async with toy.engine.begin() as connection:
        await connection.exec_driver_sql("CREATE SEQUENCE numbers")
    again = event("a", 5)
    await toy.hear(again, ears())
    await toy.hear(again, ears())  # draws, finds that it is known, and gives back
    await toy.hear(event("b", 5), ears())
    assert sorted(int(name) for (name,) in await toy.rows("SELECT thing_id FROM things")) == [2, 4]


@contextlib.asynccontextmanager
async def behind_an_edge(database: str) -> AsyncIterator[tuple[House_, Edge]]:
    """A toy house whose way to its database can be cut."""
    base, _, name = database.rpartition("/")
    account, _, host = base.rpartition("@")
    edge = Edge("database", host.rpartition(":")[0], int(host.rpartition(":")[2]))
    await edge.start()
    try:
        async with house(f"{account}@127.0.0.1:{edge.port}/{name}", ears()) as toy:
            toy.commits.hearing.maybe_parked = False
            yield toy, edge
    finally:
        await edge.close()


async def test_a_lost_answer_to_a_lone_statement_is_one_effect(database: str) -> None:
    async with behind_an_edge(database) as (toy, edge):
        await toy.hear(event("before", 1), ears())  # the statement is prepared
        lost = edge.cut(UP, re.compile(b"unheard-of"), reply=True)
        await asyncio.wait_for(toy.hear(event("unheard-of", 1), ears()), 30)
        assert lost.fired.is_set()
        assert await toy.rows("SELECT line FROM lines ORDER BY 1") == [("before",), ("unheard-of",)]
        assert await toy.rows("SELECT count(*) FROM outbox") == [(2,)]


async def test_numbers_of_a_commit_whose_answer_is_lost_are_not_given_out_again(database: str) -> None:
    async with behind_an_edge(database) as (toy, edge):
        async with toy.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE SEQUENCE numbers")
        lost = edge.cut(UP, SQL_COMMIT, reply=True)
        await asyncio.wait_for(toy.hear(event("a", 5), ears()), 30)
        assert lost.fired.is_set()
        await toy.hear(event("b", 5), ears())
        assert len(await toy.rows("SELECT thing_id FROM things")) == 2


async def test_who_is_cancelled_while_beginning_leaves_no_transaction_open(toy: House_) -> None:
    sessions = Sessions(toy.engine)
    async with sessions.one() as session:
        driver = session._driver
    begin = driver.execute

    class Cancelled:
        """The driver, whose BEGIN arrives and whose answer is not waited for."""

        def __getattr__(self, name: str) -> object:
            return getattr(driver, name)

        async def execute(self, word: str) -> None:
            await begin(word)
            if word == "BEGIN":
                raise asyncio.CancelledError

    session._driver = Cancelled()

    async def begins() -> None:
        async with sessions.one() as again:
            await again.fetch(Statement("SELECT 1"))

    with pytest.raises(asyncio.CancelledError):
        await begins()
    assert not driver.is_in_transaction()


async def test_a_session_outlives_neither_a_failure_nor_its_server(toy: House_) -> None:
    await toy.hear(event("a", 2), ears())
    async with toy.engine.connect() as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
        await connection.exec_driver_sql(ended, (toy.name,))
    await asyncio.wait_for(toy.hear(event("a", 2), ears()), 30)
    assert await toy.rows("SELECT count FROM things") == [(2,)]
