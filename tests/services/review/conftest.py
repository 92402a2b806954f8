"""One department's house on a real database: its app without the broker, its people by a header."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from deploy.servers import PostgresServer
from deploy.servers.databases import Database, create_database
from libs import contracts, traces
from libs.clock import write_clock
from libs.deeds import Deed
from libs.envelope import Event, new_id
from libs.flow import CONTRACTS
from libs.identity import Person
from libs.signatures import KeyDirectory, create_key
from libs.work import Work
from services.review.app import create_app
from services.review.consumers import consumers
from tests.services.review import builders as b


class HeaderPeople:
    """Finds the person whom the header names; tests need no identity provider to test review."""

    async def from_request(self, request: Request) -> Person | None:
        """The person in X-Person, or nobody."""
        told = unquote(request.headers.get("x-person", ""))
        if not told:
            return None
        sub, role, department = told.split("/")
        return Person(sub, sub, frozenset({role}), department or None)


@dataclass
class Department:
    """A running department: hear events, ask its API, look into its database."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    keys: KeyDirectory
    clock_file: Path

    async def hear(self, *events: Event) -> None:
        """As if the broker had delivered them together."""
        await asyncio.gather(*(self._submit(each) for each in events))

    def _submit(self, event: Event) -> asyncio.Future[Any]:
        async def run(work: Work) -> None:
            await consumers.dispatch(work, event)

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        parent = traces.origin(event.traceparent)
        return self.app.state.commits.submit(Deed(event.type, run, done, parent, event=event))

    def at(self, moment: datetime) -> None:
        """Set the business clock."""
        write_clock(self.clock_file, moment, 0.0, None)

    async def get(self, path: str, who: str = f"e/examiner/{b.LEAD}", **params: Any) -> httpx.Response:
        """GET as a person."""
        return await self.client.get(path, params=params, headers={"x-person": who})

    async def post(
        self, path: str, body: Any, who: str = f"e/examiner/{b.LEAD}", key: str | None = None
    ) -> httpx.Response:
        """POST as a person with a client key of its own."""
        headers = {"x-person": who, "idempotency-key": key or new_id()}
        return await self.client.post(path, json=body, headers=headers)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.app.state.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql)]

    async def said(self) -> list[dict[str, Any]]:
        """The events of the outbox, in order."""
        return [json.loads(body) for (body,) in await self.rows("SELECT body FROM outbox ORDER BY seq")]


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresServer) -> Database:
    """A migrated database that every test copies."""
    return asyncio.run(create_database(postgres_server, "review", b.LEAD, suffix="_t"))


@pytest.fixture
async def department(
    postgres_server: PostgresServer, migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Department]:
    """The urban management department, its clock at b.NOW, the item and the calendar published."""
    own = f"{b.LEAD}_{secrets.token_hex(3)}"
    database = await create_database(postgres_server, "review", own, suffix="_t", template=migrated)
    signer = create_key(tmp_path / "key.pem", f"review/{b.LEAD}")
    (tmp_path / "keys.json").write_text(json.dumps([signer.directory_entry()]))
    clock_file = tmp_path / "clock.json"
    write_clock(clock_file, b.NOW, 0.0, None)
    for name, value in {
        "DATABASE_URL": database.app,
        "DEPARTMENT_FILE": str(b.ROOT / f"deploy/departments/{b.LEAD}.yaml"),
        "SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
        "KEY_DIRECTORY_FILE": str(tmp_path / "keys.json"),
        "CLOCK_FILE": str(clock_file),
        "SITES": json.dumps({"intake": "http://intake.test"}),
    }.items():
        monkeypatch.setenv(f"ONEWINDOW_{name}", value)
    if not (CONTRACTS / "events" / "review").is_dir():
        monkeypatch.setattr(contracts, "check", lambda event_type, data: None)
    app = create_app()
    app.state.person_finder = HeaderPeople()
    running = asyncio.create_task(app.state.commits.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://review.test") as client:
        keys = KeyDirectory.from_entries([signer.directory_entry()])
        made = Department(app, client, database, keys, clock_file)
        await made.hear(b.item_published(), b.calendar_published())
        yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await app.state.engine.dispose()
