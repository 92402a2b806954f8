"""Disclosure at work on a real database, over HTTP and by events; tests hold keys, persons and clock."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from starlette.requests import Request

from libs.deeds import Deed
from libs.envelope import Event, instant, new_id
from libs.identity import Person
from libs.signatures import Signer, create_key, key_id_of
from libs.work import Work
from services.disclosure import app as app_room
from services.disclosure.consumers import consumers
from services.disclosure.domain.notes import verifier_key
from services.disclosure.settings import DisclosureSettings

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 1, 5, 1, tzinfo=UTC)  # 9 o'clock in Shanghai
NUMBERS: Iterator[int] = itertools.count(1)
EDITOR = Person("editor-01", "editor-01", frozenset({"catalogue_editor"}))
CANARIES = ("Li Wei", "13800000000", "110101199001011234", "Yuanming Road 7", "6222020200112233")


def _signer(issuer: str) -> Signer:
    key = Ed25519PrivateKey.generate()
    return Signer(key_id_of(key.public_key()), issuer, key)


SIGNERS = {issuer: _signer(issuer) for issuer in ("intake", "fee", "review/landscape", "review/fire")}


@dataclass
class HeldClock:
    """A clock that stands until a test moves it."""

    at: datetime = START
    rate: float = 1.0

    def now(self) -> datetime:
        """The business instant."""
        return self.at


class HeldPersons:
    """Whoever the header X-Person names: an editor, or somebody with another function."""

    async def from_request(self, request: Request) -> Person | None:
        """The person of a test request."""
        name = request.headers.get("x-person")
        if name is None:
            return None
        return EDITOR if name == EDITOR.sub else Person(name, name, frozenset({"applicant"}))


@dataclass
class DisclosureHouse:
    """Disclosure running without a broker: its relay keeps what it is offered."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: HeldClock
    key: str

    async def hear(self, *events: Event) -> None:
        """Hear events together, in one shared transaction where they fit."""
        futures = []
        for event in events:

            async def run(work: Work, event: Event = event) -> None:
                await consumers.dispatch(work, event)

            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            deed = Deed(event.type, run, done, event=event, loads=consumers.loads(event))
            futures.append(self.app.state.commits.submit(deed))
        await asyncio.gather(*futures)

    async def post(
        self, kind: str, body: Any, *, person: str | None = "editor-01", key: str | None = None
    ) -> Any:
        """Publish a document."""
        headers = {"idempotency-key": key or new_id(), "content-type": "application/json"}
        if person:
            headers["x-person"] = person
        content = json.dumps(body, default=str)
        return await self.client.post(f"/api/{kind}", content=content, headers=headers)

    async def publish(self, kind: str, body: Any) -> dict[str, Any]:
        """Publish a document that may be published."""
        answer = await self.post(kind, body)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def get(self, path: str, **params: Any) -> Any:
        """Read as the public."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.app.state.engine.connect() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql, values or None)]

    async def leaves(self) -> list[dict[str, Any]]:
        """Every leaf, read."""
        return [json.loads(row[0]) for row in await self.rows("SELECT leaf FROM leaves ORDER BY leaf_index")]

    async def said(self, event_type: str = "disclosure.record_published.v1") -> list[dict[str, Any]]:
        """The events of one type that were said, in order."""
        found = await self.rows("SELECT body FROM outbox ORDER BY seq")
        return [told for row in found if (told := json.loads(row[0]))["type"] == event_type]

    async def set_aside(self) -> list[str]:
        """The codes of what was set aside."""
        return [row[0] for row in await self.rows("SELECT code FROM set_aside ORDER BY 1")]


@contextlib.asynccontextmanager
async def disclosure_house(
    url: str, folder: Path, monkeypatch: Any, *, served: bool = False
) -> AsyncIterator[DisclosureHouse]:
    """Disclosure's own app on ``url``: its commits alone, or ``served`` with relay, listener and broker."""
    signer = create_key(folder / "disclosure.pem", "disclosure")
    keys = [each.directory_entry() for each in (signer, *SIGNERS.values())]
    (folder / "keys.json").write_text(json.dumps(keys))
    monkeypatch.setenv("ONEWINDOW_DATABASE_URL", url)
    monkeypatch.setenv("ONEWINDOW_SIGNING_KEY_FILE", str(folder / "disclosure.pem"))
    monkeypatch.setenv("ONEWINDOW_KEY_DIRECTORY_FILE", str(folder / "keys.json"))
    monkeypatch.setenv("ONEWINDOW_SESSION_SECRET", "test")
    app = app_room.create_app()
    clock = HeldClock()
    app.state.clock = app.state.commits._clock = clock
    app.state.person_finder = HeldPersons()
    settings: DisclosureSettings = app.state.settings
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app) if served else _commits(app))
        client = httpx.AsyncClient(transport=transport, base_url="http://disclosure")
        await stack.enter_async_context(client)
        key = verifier_key(settings.log_origin, settings.log_key.public_key())
        yield DisclosureHouse(app, client, clock, key)


@contextlib.asynccontextmanager
async def _commits(app: FastAPI) -> AsyncIterator[None]:
    running = asyncio.create_task(app.state.commits.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await app.state.engine.dispose()


def shipped(kind: str, name: str) -> dict[str, Any]:
    """One document of the shipped catalogue."""
    text = (ROOT / "deploy" / "catalogue" / kind / f"{name}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def about() -> dict[str, Any]:
    """What an event about a fresh application of tree-felling carries, with canaries in every other field."""
    return {
        "application_no": f"AL-2026-{next(NUMBERS):06d}", "item_code": "tree-felling", "item_version": 1,
        "applicant": {"kind": "natural", "ref": CANARIES[0]},
        "facts": {"reason": CANARIES[1], "place": CANARIES[3]}, "channel": "online", "account": CANARIES[4],
        "materials": [{"code": "x", "name": f"{CANARIES[2]}.pdf"}],
    }  # fmt: skip


def event(source: str, name: str, data: dict[str, Any]) -> Event:
    """An event as disclosure hears it."""
    department = source.partition("/")[2] or None
    return Event(new_id(), name, source, START, new_id(), data, department=department)


def received(**changes: Any) -> Event:
    """intake receives an application."""
    data = {**about(), "received_at": instant(START)}
    body = {"application_no": data["application_no"], "act": "received", "name": CANARIES[0], **changes}
    data["voucher"] = SIGNERS["intake"].sign("voucher", body).model_dump()
    return event("intake", "intake.application_received.v1", data)


def decided(decision: str, *, department: str = "landscape", signer: str | None = None) -> Event:
    """The lead department decides."""
    data = {
        **about(), "department": department, "decision": decision, "decided_at": instant(START), "answers": [],
        "conditions": [CANARIES[3]],
        "reasons": [
            {"condition": "need-shown", "text": CANARIES[0], "article": CANARIES[1]},
            {"condition": CANARIES[0], "text": CANARIES[0], "article": "x"},
            {"condition": None, "text": CANARIES[0], "article": "x"},
        ],
    }  # fmt: skip
    body = {"application_no": data["application_no"], "decision": decision, "name": CANARIES[0]}
    document = SIGNERS[signer or f"review/{department}"].sign("decision", body)
    data["decision_document"] = document.model_dump()
    return event(f"review/{department}", "review.decision_made.v1", data)


def assessed(total_fen: int = 1_080_000) -> Event:
    """fee assesses a bill."""
    data = {
        **about(), "bill_no": f"B-2026-{next(NUMBERS):06d}", "tariff_code": "road-occupation-chengdu-hitech",
        "tariff_version": 1, "total_fen": total_fen, "assessed_at": instant(START), "payer": CANARIES[0],
    }  # fmt: skip
    body = {"bill_no": data["bill_no"], "total_fen": 1_080_000, "name": CANARIES[0]}
    data["bill"] = SIGNERS["fee"].sign("bill", body).model_dump()
    return event("fee", "fee.charge_assessed.v1", data)


def changed(heard: Event, **data: Any) -> Event:
    """The same event with other data."""
    return replace(heard, data={**heard.data, **data})
