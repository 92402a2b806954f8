"""Supervision at work on a real database: its own app, its commits running, its broker never spoken to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request

from libs.deeds import Deed
from libs.envelope import Event
from libs.flow import FLOW
from libs.identity import Person
from libs.work import Work
from services.supervision.app import create_app
from services.supervision.consumers import consumers
from services.supervision.handlers import look_at_due_cases
from services.supervision.timers import next_due


@dataclass
class HeldClock:
    """A clock that stands until a test moves it."""

    at: datetime
    rate: float = 1.0

    def now(self) -> datetime:
        """The business instant."""
        return self.at


class HeaderPeople:
    """Finds the person whom X-Person names as "sub/role"; no identity provider is needed here."""

    async def from_request(self, request: Request) -> Person | None:
        """The person, or nobody."""
        sub, _, role = request.headers.get("x-person", "").partition("/")
        return Person(sub, sub, frozenset({role})) if sub else None


@dataclass
class SupervisionHouse:
    """The service with its doors."""

    app: FastAPI
    clock: HeldClock
    client: httpx.AsyncClient

    async def hear(self, *events: Event) -> None:
        """Hear events, together in one shared transaction where they fit."""
        futures = []
        for event in events:

            async def run(work: Work, event: Event = event) -> None:
                await consumers.dispatch(work, event)

            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            loads = consumers.loads(event)
            deed = Deed(event.type, run, done, event=event, loads=loads)
            futures.append(self.app.state.commits.submit(deed))
        await asyncio.gather(*futures)

    async def pass_time(self, until: datetime) -> None:
        """Advance the clock as its driver does: from one due instant to the next."""
        while True:
            async with self.app.state.engine.connect() as connection:
                due = await next_due(connection)
            stop = until if due is None else min(due, until)
            self.clock.at = max(self.clock.at, stop)
            handled = await self.app.state.commits.do("timer clocks", look_at_due_cases)
            if not handled and stop >= until:
                return

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.app.state.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql, values or None)]

    async def said(self, name: str) -> list[dict[str, Any]]:
        """What supervision said of one kind, in order."""
        rows = await self.rows("SELECT body FROM outbox WHERE type = $1 ORDER BY seq", name)
        return [json.loads(row[0]) for row in rows]

    async def get(self, path: str, who: str | None = None, **params: Any) -> httpx.Response:
        """Read as a program."""
        return await self.client.get(path, params=params, headers={"x-person": who} if who else {})


@contextlib.asynccontextmanager
async def supervision_house(url: str, monkeypatch: Any, at: datetime) -> AsyncIterator[SupervisionHouse]:
    """Supervision's own app on ``url``."""
    for name, value in {"DATABASE_URL": url, "SESSION_SECRET": "test", "SETTLE_S": "0"}.items():
        monkeypatch.setenv(f"ONEWINDOW_{name}", value)
    app = create_app()
    clock = HeldClock(at)
    app.state.clock = app.state.commits._clock = clock
    app.state.person_finder = HeaderPeople()
    running = asyncio.create_task(app.state.commits.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://supervision.test") as client:
            yield SupervisionHouse(app, clock, client)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await app.state.engine.dispose()


def heard_by_supervision(events: list[Event]) -> list[Event]:
    """Those of the events that reach supervision."""
    return [event for event in events if "supervision" in FLOW.rule(event.type).heard_by]
