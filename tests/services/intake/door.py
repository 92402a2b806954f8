"""Intake's own app without the broker, its people by a header, for tests of the API and the pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from libs.clock import write_clock
from libs.envelope import new_id
from libs.identity import Person
from libs.signatures import create_key
from services.intake.app import create_app
from tests.services.intake.house import SIGNERS, START, IntakeHouse

PDF = b"%PDF-1.7 a plan"


class HeaderPeople:
    """Finds the person whom the header names (login/role); tests need no identity provider to test intake."""

    async def from_request(self, request: Request) -> Person | None:
        """The person in X-Person, or nobody."""
        told = request.headers.get("x-person")
        if not told:
            return None
        sub, role = told.split("/")
        return Person(sub, sub, frozenset({role}))


@dataclass
class Door:
    """A running intake to knock at; ``house`` hears events and looks into the database."""

    app: FastAPI
    client: httpx.AsyncClient
    house: IntakeHouse

    async def get(
        self, path: str, who: str | None = "applicant-01/applicant", **params: Any
    ) -> httpx.Response:
        """GET as a person."""
        return await self.client.get(path, params=params, headers={"x-person": who} if who else {})

    async def post(
        self, path: str, body: Any, who: str | None = "applicant-01/applicant", key: str | None = None
    ) -> httpx.Response:
        """POST JSON as a person with a client key of its own."""
        headers = {"idempotency-key": key or new_id(), **({"x-person": who} if who else {})}
        return await self.client.post(path, json=body, headers=headers)

    async def upload(
        self, content: bytes = PDF, media: str = "application/pdf", who: str = "applicant-01/applicant"
    ) -> httpx.Response:
        """Upload raw bytes."""
        headers = {"idempotency-key": new_id(), "x-person": who, "content-type": media}
        return await self.client.post("/api/materials", content=content, headers=headers)

    async def page(self, path: str, who: str = "applicant-01/applicant", lang: str = "en") -> httpx.Response:
        """GET a page as a browser."""
        headers = {"x-person": who, "accept": "text/html"}
        joint = "&" if "?" in path else "?"
        return await self.client.get(f"{path}{joint}lang={lang}", headers=headers)

    async def send(
        self, path: str, form: dict[str, Any], who: str = "applicant-01/applicant", files: Any = None,
        origin: str = "http://intake.test",
    ) -> httpx.Response:  # fmt: skip
        """POST a form as a browser."""
        headers = {"x-person": who, "accept": "text/html", "origin": origin}
        data = {"client_key": new_id(), **form}
        return await self.client.post(path, data=data, files=files, headers=headers)


@contextlib.asynccontextmanager
async def open_door(
    url: str, folder: Path, house: IntakeHouse, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Door]:
    """The app over the database at ``url``; the clock stands at START."""
    own = create_key(folder / "door.pem", "intake")
    entries = [signer.directory_entry() for signer in (own, *SIGNERS.values())]
    (folder / "keys.json").write_text(json.dumps(entries))
    write_clock(folder / "clock.json", START, 0.0, None)
    given = {
        "DATABASE_URL": url, "SIGNING_KEY_FILE": folder / "door.pem", "KEY_DIRECTORY_FILE": folder / "keys.json",
        "CLOCK_FILE": folder / "clock.json", "REFERENCE_SECRET": "test",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"ONEWINDOW_{name}", str(value))
    app = create_app()
    app.state.person_finder = HeaderPeople()
    running = asyncio.create_task(app.state.commits.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.test") as client:
        yield Door(app, client, house)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await app.state.engine.dispose()
