"""Two processes of one service on one database: they may hear of the same case at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.servers import PostgresServer
from libs.consumer import Consumers
from libs.envelope import Event
from libs.figures import Figures
from libs.refusals import Park
from libs.runner import Service
from libs.work import Work
from tests.libs.toys import (
    HEARD,
    LINES,
    THINGS,
    Said,
    Thing,
    event,
    fresh_database,
    house,
    until,
)

pytestmark = pytest.mark.usefixtures("contracts_unchecked")


def meeting(barrier: asyncio.Barrier) -> Consumers:
    """Hearers that begin a record only after the other replica has looked for it too."""
    consumers = Consumers()
    met: set[str] = set()

    @consumers.on(HEARD, Said, loads=lambda heard: [(THINGS, (heard.subject,))])
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        known = await work.get(THINGS, heard.subject)
        if known is None and heard.id not in met:
            met.add(heard.id)
            await barrier.wait()
        known = known or Thing(thing_id=heard.subject)
        work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

    return consumers


async def test_two_replicas_begin_the_same_record_and_neither_event_is_given_up(
    postgres_server: PostgresServer,
) -> None:
    url = await fresh_database(postgres_server)
    barrier = asyncio.Barrier(2)
    async with house(url) as one, house(url) as other:
        first = one.hear(event("case-1", 1), meeting(barrier))
        second = other.hear(event("case-1", 2), meeting(barrier))
        await asyncio.wait_for(asyncio.gather(first, second), 30)
        assert await one.rows("SELECT code, reason FROM set_aside") == []
        assert await one.rows("SELECT thing_id, count FROM things") == [("case-1", 2)]
        assert await one.rows("SELECT count(*) FROM inbox WHERE state = 'handled'") == [(2,)]


async def test_event_parked_by_a_replica_that_is_gone_is_heard_by_the_one_that_stays(
    postgres_server: PostgresServer,
) -> None:
    url = await fresh_database(postgres_server)
    consumers = Consumers()

    @consumers.on(HEARD, Said)
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        if await work.get(THINGS, "predecessor") is None:
            raise Park("predecessor")
        work.put(THINGS, Thing(thing_id=heard.subject))

    async def begin(work: Work) -> None:
        work.put(THINGS, Thing(thing_id="predecessor"))

    async with house(url, consumers) as stays:
        stays.commits.hearing.maybe_parked = False  # as after its own first look
        async with house(url, consumers) as gone:
            await asyncio.wait_for(gone.hear(event("case-1"), consumers), 30)
            assert await gone.rows("SELECT waits_for FROM parked") == [("predecessor",)]
        await stays.commits.do("begin", begin)
        assert len(await stays.rows("SELECT 1 FROM parked")) == 1  # it knows of nothing parked
        service = SimpleNamespace(
            relay=SimpleNamespace(sweep=_nothing),
            commits=stays.commits,
            engine=stays.engine,
            figures=Figures(),
            _database_answers=True,
        )
        sweeping = asyncio.create_task(Service._sweep(service))  # type: ignore[arg-type]
        try:
            await until(lambda: _is_true(stays.rows("SELECT 1 FROM things WHERE thing_id = 'case-1'")))
        finally:
            sweeping.cancel()
        assert await stays.rows("SELECT 1 FROM parked") == []


async def _nothing() -> None:
    """Nothing is left over in an outbox that was never written."""


async def _is_true(rows: Awaitable[list[tuple[Any, ...]]]) -> bool:
    return bool(await rows)


async def test_event_that_always_breaks_a_unique_key_is_given_up_all_the_same(
    postgres_server: PostgresServer,
) -> None:
    url = await fresh_database(postgres_server)
    consumers, tries = Consumers(), 0

    @consumers.on(HEARD, Said)
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        nonlocal tries
        tries += 1
        work.add(LINES, line="twice")
        work.add(LINES, line="twice")

    async with house(url, consumers) as toy:
        await asyncio.wait_for(toy.hear(event("case-1", 14), consumers), 30)
        assert await toy.rows("SELECT count(*) FROM set_aside") == [(1,)]
        assert tries == 2  # once more than before, never for ever
