"""Fee at work on a real database, by events and over HTTP; tests hold its clock and its people."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from libs import outbox
from libs.commits import Commits
from libs.database import open_engine
from libs.deeds import Deed
from libs.envelope import Event, new_id
from libs.flow import FLOW
from libs.identity import Person
from libs.signatures import create_key
from libs.speaker import Speaker
from libs.work import House, Work
from services.fee.app import create_app
from services.fee.consumers import consumers
from services.fee.domain.cases import Payment
from services.fee.handlers import payments
from services.fee.settings import FeeSettings
from tests.services.fee.story import KEYS, SIGNERS, START, Story


@dataclass
class HeldClock:
    """A clock that stands until a test moves it."""

    at: datetime = START
    rate: float = 1.0

    def now(self) -> datetime:
        """The business instant."""
        return self.at


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

    def marked(self, seqs: list[int]) -> None:
        """Nothing was taken."""


@dataclass
class FeeHouse:
    """Fee at work on one database."""

    engine: AsyncEngine
    commits: Commits
    relay: KeptRows
    clock: HeldClock

    async def hear(self, *events: Event) -> None:
        """Hear events, together in one shared transaction where they fit."""
        futures = []
        for event in events:

            async def run(work: Work, event: Event = event) -> None:
                await consumers.dispatch(work, event)

            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            loads = consumers.loads(event)
            futures.append(self.commits.submit(Deed(event.type, run, done, event=event, loads=loads)))
        await asyncio.gather(*futures)

    async def sweep(self) -> None:
        """Try what is parked once more, as the service does every second."""
        await self.commits.do("sweep parked", self.commits.hearing.sweep)

    async def pay(self, payment: Payment) -> payments.PaymentAnswer:
        """The payment channel reports."""
        answer: payments.PaymentAnswer = await self.commits.do(
            "pay", lambda work: payments.record_payment(work, payment)
        )
        return answer

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql, values or None)]

    async def said(self, case_id: str) -> list[dict[str, Any]]:
        """The events fee said about a case, in order."""
        sql = "SELECT body FROM outbox WHERE subject = $1 ORDER BY seq"
        return [json.loads(row[0]) for row in await self.rows(sql, case_id)]

    async def owed(self, case_id: str) -> int:
        """What the books say is still receivable for a case, in fen."""
        sql = (
            "SELECT coalesce(sum(e.amount_fen), 0)::bigint FROM ledger_entries e "
            "JOIN ledger_transactions t USING (transaction_no) JOIN bills b USING (bill_no) "
            "JOIN accounts a USING (account_no) WHERE b.case_id = $1 AND a.kind = 'receivable'"
        )
        return int((await self.rows(sql, case_id))[0][0])

    async def waiting(self) -> tuple[int, int]:
        """(parked, set aside)."""
        found = await self.rows("SELECT (SELECT count(*) FROM parked), (SELECT count(*) FROM set_aside)")
        return found[0][0], found[0][1]


class HeaderPeople:
    """Finds the person whom X-Person names as "sub/role"; no identity provider is needed here."""

    async def from_request(self, request: Request) -> Person | None:
        """The person, or nobody."""
        sub, _, role = request.headers.get("x-person", "").partition("/")
        return Person(sub, sub, frozenset({role})) if sub else None


@dataclass
class FeeDoors(FeeHouse):
    """Fee's whole app over HTTP, without a broker."""

    app: FastAPI
    client: httpx.AsyncClient

    async def get(self, path: str, who: str | None = None, **params: Any) -> httpx.Response:
        """Read as a program."""
        return await self.client.get(path, params=params, headers={"x-person": who} if who else {})

    async def post(
        self, path: str, body: Any, who: str | None = None, key: str | None = None
    ) -> httpx.Response:
        """Command as a program."""
        headers = {"idempotency-key": key or new_id()} | ({"x-person": who} if who else {})
        return await self.client.post(path, json=body, headers=headers)

    async def page(self, path: str, who: str, **params: Any) -> str:
        """A page as a browser sees it."""
        headers = {"x-person": who, "accept": "text/html"}
        answer = await self.client.get(path, params=params, headers=headers)
        assert answer.status_code == 200, answer.text[:2000]
        assert "style=" not in answer.text.replace("stylesheet", "")
        assert answer.text.count("<h1") == 1
        return answer.text

    async def form(self, path: str, who: str, **headers: str) -> httpx.Response:
        """Press the one button of a page."""
        sent = {"x-person": who, "accept": "text/html", "origin": "http://fee.test", **headers}
        return await self.client.post(path, data={"client_key": new_id()}, headers=sent)


@contextlib.asynccontextmanager
async def fee_doors(url: str, folder: Path, monkeypatch: Any, channel: str) -> AsyncIterator[FeeDoors]:
    """Fee's own app on ``url``, its commits running, its broker never spoken to."""
    signer = create_key(folder / "fee.pem", "fee")
    others = [each for issuer, each in SIGNERS.items() if issuer != "fee"]
    (folder / "keys.json").write_text(json.dumps([each.directory_entry() for each in (signer, *others)]))
    given = {
        "DATABASE_URL": url, "SIGNING_KEY_FILE": folder / "fee.pem",
        "KEY_DIRECTORY_FILE": folder / "keys.json",
        "SESSION_SECRET": "test", "REFERENCE_SECRET": "center", "PAYMENT_CHANNEL": channel,
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"ONEWINDOW_{name}", str(value))
    app = create_app()
    clock = HeldClock()
    app.state.clock = app.state.commits._clock = clock
    app.state.person_finder = HeaderPeople()
    running = asyncio.create_task(app.state.commits.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://fee.test") as client:
            yield FeeDoors(app.state.engine, app.state.commits, KeptRows(), clock, app, client)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await app.state.engine.dispose()


@contextlib.asynccontextmanager
async def fee_house(url: str, **settings: Any) -> AsyncIterator[FeeHouse]:
    """Fee's shared commits running against ``url``."""
    engine = open_engine(url, "fee")
    relay, clock = KeptRows(), HeldClock()
    given = FeeSettings(**settings)
    house = House(Speaker(FLOW, "fee", None), given, SIGNERS["fee"], KEYS)
    commits = Commits(engine, house, clock, consumers.dispatch, relay)
    running = asyncio.create_task(commits.run())
    try:
        yield FeeHouse(engine, commits, relay, clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.dispose()


async def billed(house: FeeHouse, **changes: Any) -> tuple[Story, str]:
    """A granted case with its open bill."""
    story = Story(**changes)
    await house.hear(story.item(), story.accepted(), story.decided())
    [assessed] = await house.said(story.case_id)
    return story, assessed["data"]["bill_no"]
