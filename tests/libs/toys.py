"""A toy house on real servers: what the backbone's own tests do their deeds with."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.servers import PostgresServer
from libs import contracts, outbox
from libs.answers import answers_table
from libs.clock import SystemClock
from libs.commits import Commits, Settle
from libs.consumer import Consumers
from libs.database import driver_url, open_engine
from libs.deeds import Deed
from libs.envelope import Event, new_id
from libs.flow import FLOW
from libs.inbox import inbox_tables
from libs.letters import replays_table
from libs.outbox import outbox_table
from libs.records import Records, metadata
from libs.speaker import Speaker
from libs.work import House, Work

HEARD = "intake.document_delivered.v1"


class Thing(BaseModel, frozen=True):
    """A record with a name and a count."""

    thing_id: str
    count: int = 0


class Said(BaseModel):
    """Whatever the toy event carries."""

    n: int = 0


METADATA = metadata()
outbox_table(METADATA)
inbox_tables(METADATA)
replays_table(METADATA)
answers_table(METADATA)
THINGS = Records(
    "things",
    Thing,
    key=("thing_id",),
    columns={"count": (sa.Integer, lambda thing: thing.count)},
    metadata=METADATA,
)
LINES = sa.Table("lines", METADATA, sa.Column("line", sa.Text, primary_key=True))


@dataclass
class KeptRows:
    """A relay that only keeps what it is offered."""

    rows: list[outbox.OutboxRow] = field(default_factory=list)

    def offer(self, rows: list[outbox.OutboxRow]) -> None:
        """Keep them."""
        self.rows.extend(rows)

    def take_confirmed(self) -> list[int]:
        """Nothing is ever confirmed."""
        return []

    def put_back(self, seqs: list[int]) -> None:
        """Nothing was taken."""


@dataclass
class House_:
    """One running set of shared commits over one database of its own."""

    engine: AsyncEngine
    commits: Commits
    relay: KeptRows
    name: str

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, outside any deed."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql)]

    def hear(self, event: Event, consumers: Consumers, *, alone: bool = False) -> asyncio.Future[Any]:
        """Submit an event as the listener would."""

        async def run(work: Work) -> None:
            await consumers.dispatch(work, event)

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        return self.commits.submit(Deed(event.type, run, done, event=event, alone=alone))


def event(subject: str, n: int = 0, event_id: str | None = None) -> Event:
    """A toy event as if it came from intake."""
    return Event(event_id or new_id(), HEARD, "intake", SystemClock().now(), subject, {"n": n})


async def fresh_database(server: PostgresServer) -> str:
    """The address of an empty database with the backbone's and the toy's tables, as superuser."""
    name = f"toy_{secrets.token_hex(4)}"
    admin = create_async_engine(driver_url(server.url), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {name}")
    await admin.dispose()
    url = server.url.rpartition("/")[0] + f"/{name}"
    engine = open_engine(url, "toy")
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()
    return url


@contextlib.asynccontextmanager
async def house(
    url: str, consumers: Consumers | None = None, settle: Settle | None = None
) -> AsyncIterator[House_]:
    """Shared commits running against ``url``."""
    engine = open_engine(url, "toy")
    relay = KeptRows()
    dispatch: Callable[[Work, Event], Awaitable[None]] = (consumers or Consumers()).dispatch
    commits = Commits(engine, House(Speaker(FLOW, "intake", None)), SystemClock(), dispatch, relay, settle)
    running = asyncio.create_task(commits.run())
    try:
        yield House_(engine, commits, relay, url.rpartition("/")[2])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.dispose()


def unchecked_contracts(monkeypatch: Any) -> None:
    """Toy events carry toy data: the schema check is not what these tests are about."""
    monkeypatch.setattr(contracts, "check", lambda event_type, data: None)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Retry ``condition`` until it holds; AssertionError after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
