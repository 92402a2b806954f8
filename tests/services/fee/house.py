"""Fee's deeds running in shared commits against a real database, with keys and a clock the tests hold."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from libs import outbox
from libs.commits import Commits
from libs.database import open_engine
from libs.deeds import Deed
from libs.envelope import Event, instant, new_id
from libs.flow import FLOW
from libs.identity import Person
from libs.signatures import KeyDirectory, Signer, create_key, document_sha256, key_id_of
from libs.speaker import Speaker
from libs.work import House, Work
from services.fee.app import create_app
from services.fee.consumers import consumers
from services.fee.domain.cases import Payment
from services.fee.handlers import payments
from services.fee.settings import FeeSettings
from tests.services.fee.tariffs import document

START = datetime(2026, 1, 6, 1, tzinfo=UTC)  # 9 o'clock in Shanghai
NUMBERS: Iterator[int] = itertools.count(1)
FACTS = {"area_m2": "120", "days": 45, "zone": "2", "use": "other", "starts_on": "2026-02-01"}


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


def _signer(issuer: str) -> Signer:
    key = Ed25519PrivateKey.generate()
    return Signer(key_id_of(key.public_key()), issuer, key)


SIGNERS = {issuer: _signer(issuer) for issuer in ("fee", "intake", "review/urban_management", "review/fire")}
KEYS = KeyDirectory.from_entries([signer.directory_entry() for signer in SIGNERS.values()])


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


def event(source: str, name: str, subject: str, data: dict[str, Any], at: datetime = START) -> Event:
    """An event as fee hears it."""
    return Event(new_id(), name, source, at, subject, data)


def tariff_published(name: str = "road-occupation-chengdu-hitech", **changes: Any) -> Event:
    """disclosure says a tariff."""
    data = document(name, **changes)
    return event("disclosure", "disclosure.tariff_published.v1", f"tariff/{data['tariff_code']}", data)


@dataclass
class Story:
    """The events of one case about one item of its own, in the order they happened."""

    timing: str = "before_delivery"
    facts: dict[str, Any] = field(default_factory=lambda: dict(FACTS))
    tariff_code: str | None = "road-occupation-chengdu-hitech"
    accepted_at: datetime = START
    applicant_ref: str = "p-1"

    def __post_init__(self) -> None:
        number = next(NUMBERS)
        self.case_id = new_id()
        self.item_code = f"item-{number}"
        self.about = {
            "application_no": f"AL-2026-{number:06d}", "item_code": self.item_code, "item_version": 1,
        }  # fmt: skip

    def item(self) -> Event:
        """The item is published."""
        inputs = {code: code for code in ("area_m2", "days", "zone", "use")}
        fee = self.tariff_code and {"tariff_code": self.tariff_code, "timing": self.timing, "inputs": inputs}
        data = {"item_code": self.item_code, "version": 1, "name": {"zh": "事项", "en": "item"}, "fee": fee}
        return event("disclosure", "disclosure.service_item_published.v1", f"item/{self.item_code}", data)

    def accepted(self, voucher_case: str | None = None, issuer: str = "intake") -> Event:
        """The application is accepted."""
        voucher = SIGNERS[issuer].sign(
            "voucher", {"case_id": voucher_case or self.case_id, "act": "accepted"}
        )
        data = {
            **self.about, "applicant": {"kind": "natural", "ref": self.applicant_ref},
            "accepted_at": instant(self.accepted_at), "mode": "complete", "facts": self.facts, "plan": [],
            "lead": "urban_management", "decision": "by_lead", "clocks": [], "voucher": voucher.model_dump(),
            "said_at": instant(self.accepted_at),
        }  # fmt: skip
        return event("intake", "intake.application_accepted.v1", self.case_id, data)

    def decided(self, decision: str = "granted", department: str = "urban_management", **said: Any) -> Event:
        """The lead department decides."""
        text = {"case_id": self.case_id, "decision": decision, **said}
        data = {
            **self.about, "department": department, "decision": decision, "reasons": [], "conditions": [],
            "answers": [], "decided_at": instant(START),
            "decision_document": SIGNERS[f"review/{department}"].sign("decision", text).model_dump(),
        }  # fmt: skip
        heard = event(f"review/{department}", "review.decision_made.v1", self.case_id, data)
        return Event(**{**{name: getattr(heard, name) for name in heard.__slots__}, "department": department})

    def decided_by_itself(self) -> Event:
        """Unanimous consent decides."""
        text = {"case_id": self.case_id, "decision": "granted"}
        data = {
            **self.about, "decision": "granted", "reasons": [], "conditions": [],
            "decided_at": instant(START),
            "decision_document": SIGNERS["intake"].sign("decision", text).model_dump(),
        }  # fmt: skip
        return event("intake", "intake.decision_made.v1", self.case_id, data)

    def withdrawn(self) -> Event:
        """The applicant takes the application back."""
        data = {**self.about, "withdrawn_at": instant(START), "stage": "in_review"}
        return event("intake", "intake.application_withdrawn.v1", self.case_id, data)

    def recorded(self, assessed: dict[str, Any], **changes: Any) -> Event:
        """The bill stands in the public log."""
        data = {
            "leaf_index": 7, "leaf_hash": "ab" * 32, "record_kind": "bill",
            "of_event": {"source": "fee", "id": assessed["id"], "type": assessed["type"]},
            "document_sha256": document_sha256(assessed["data"]["bill"]), "tree_size": 9,
            "checkpoint": "onewindow\n9\n", "proof": ["cd" * 32], **changes,
        }  # fmt: skip
        return event("disclosure", "disclosure.record_published.v1", self.case_id, data)


def payment(bill_no: str, amount_fen: int = 1_080_000, **changes: Any) -> Payment:
    """A payment as the bank reports it."""
    values = {
        "bill_no": bill_no, "amount_fen": amount_fen, "channel": "bank", "channel_ref": f"ref-{bill_no}",
        "paid_at": START + timedelta(minutes=1), **changes,
    }  # fmt: skip
    return Payment.model_validate(values)
