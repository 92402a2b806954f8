"""A speaking and a hearing service in this process, on real servers, each behind a fault proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.clock import SystemClock
from libs.commits import Commits
from libs.consumer import Consumers, Listener
from libs.database import open_engine
from libs.envelope import Event
from libs.flow import FLOW
from libs.relay import Relay
from libs.speaker import Speaker
from libs.work import House, Work
from tests.faults.proxy import Edge
from tests.libs.toys import HEARD, THINGS, Said, Thing


@dataclass
class Post:
    """A service with both sides of the broker; ``edge`` carries all it says to the broker and hears from it."""

    url: str
    engine: AsyncEngine
    commits: Commits
    relay: Relay
    listener: Listener
    edge: Edge

    async def count(self, what: str) -> int:
        """How many rows: ``count("things WHERE count = 1")``."""
        async with self.engine.connect() as connection:
            return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {what}")).scalar_one())

    async def say(self, subject: str, n: int = 0) -> None:
        """One deed: a thing and the event that tells of it."""

        async def deed(work: Work) -> None:
            work.put(THINGS, Thing(thing_id=subject))
            work.say(HEARD, subject, {"n": n})

        await self.commits.do("say", deed)

    @contextlib.asynccontextmanager
    async def locked(self, subject: str) -> AsyncIterator[None]:
        """Somebody else holds the row of this thing: whatever needs it waits."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(
                "INSERT INTO things (thing_id, count, body, version) VALUES ($1, 0, $2, 1) ON CONFLICT DO NOTHING",
                subject, f'{{"thing_id": "{subject}"}}',
            )  # fmt: skip
            async with connection.transaction():
                await connection.execute("SELECT FROM things WHERE thing_id = $1 FOR UPDATE", subject)
                yield
        finally:
            await connection.close()


def counting() -> Consumers:
    """Every event counts one up on its thing."""
    consumers = Consumers()

    @consumers.on(HEARD, Said, loads=lambda heard: [(THINGS, (heard.subject,))])
    async def on_delivered(work: Work, heard: Event, data: Said) -> None:
        known = await work.get(THINGS, heard.subject) or Thing(thing_id=heard.subject)
        work.put(THINGS, known.model_copy(update={"count": known.count + 1}))

    return consumers


@contextlib.asynccontextmanager
async def post(address: str, url: str, service: str) -> AsyncIterator[Post]:
    """The service, running."""
    parts = urlsplit(address)
    edge = Edge(f"{service}>broker", parts.hostname or "", parts.port or 0)
    await edge.start()
    account = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{account}@127.0.0.1:{edge.port}").geturl()
    engine, consumers = open_engine(url, service), counting()
    relay = Relay(through, FLOW, engine)
    commits = Commits(engine, House(Speaker(FLOW, service, None)), SystemClock(), consumers.dispatch, relay)
    listener = Listener(through, FLOW, service, consumers, commits)
    await relay.broker.start()

    async def sweep() -> None:
        while True:
            with contextlib.suppress(Exception):
                await relay.sweep()
            await asyncio.sleep(0.3)

    tasks = [asyncio.create_task(loop) for loop in (commits.run(), relay.run(), sweep())]
    await listener.start()
    try:
        yield Post(url, engine, commits, relay, listener, edge)
    finally:
        edge.heal()
        await listener.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await relay.broker.stop()
        await engine.dispose()
        await edge.close()


async def within(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether ``condition`` comes to hold in this time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.05)
            return True
    return False
