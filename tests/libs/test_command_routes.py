"""The short way to a command answers as the framework's own way does, whatever is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import Field
from starlette.requests import Request
from structlog.testing import capture_logs

from libs import command_routes, http
from libs.answers import Answer
from libs.identity import Person
from libs.identity.access import Access, Line
from libs.refusals import Conflict

OFFICER = frozenset({"window_officer"})
KEY = {"idempotency-key": "key-of-mine-1"}
JSON = {"content-type": "application/json"}
PERSON = {"x-person": "window-01/window_officer"}
GOOD = {**KEY, **JSON, **PERSON}


class Told(http.Body):
    """What is asked."""

    name: str = Field(max_length=5)
    inner: dict[str, Any] = Field(default_factory=dict)
    count: int | None = None


class _People:
    async def from_request(self, request: Request) -> Person | None:
        told = request.headers.get("x-person")
        if not told:
            return None
        sub, role = told.split("/")
        return Person(sub, sub, frozenset({role}))


class _Commits:
    """Answers what it was asked, without doing anything."""

    async def do(self, name: str, deed: Any, parent: Any, asked: Any, loads: Any) -> Answer:
        result = await deed(None)
        body = asked.encode({"name": name, "result": result, "key": asked.client_key, "loads": list(loads)})
        return Answer(asked.actor, asked.client_key, asked.request_sha256, asked.status, body)


def _router() -> Any:
    commands = http.router()

    @commands.post("/things", status_code=201)
    async def post_thing(body: Told, person: http.Person, command: http.Command) -> Response:
        async def deed(_: Any) -> Any:
            if body.name == "no":
                raise Conflict()
            if body.name == "bug":
                raise RuntimeError("a bug")
            return {"by": person.sub, **body.model_dump()}

        return await command.run(deed, status=201)

    @commands.post("/things/{thing_id}/parts")
    async def post_part(thing_id: str, body: Told, person: http.Person, command: http.Command) -> Response:
        async def deed(_: Any) -> Any:
            return [thing_id, body.inner]

        return await command.run(deed, loads=[thing_id])  # type: ignore[list-item]

    @commands.post("/files")
    async def post_file(request: Request, person: http.Person, command: http.Command) -> Response:
        content = await request.body()

        async def deed(_: Any) -> Any:
            return hashlib.sha256(content).hexdigest()

        return await command.run(deed)

    @commands.post("/counted")
    async def post_counted(
        person: http.Person, command: http.Command, size: int = 1
    ) -> Response:  # a query: not for the short way
        async def deed(_: Any) -> Any:
            return size

        return await command.run(deed)

    return commands


@cache
def _app(short: bool) -> tuple[FastAPI, list[str]]:
    app = FastAPI(dependencies=[http.Depends(http.enforce)])
    paths = ("/api/things", "/api/things/{thing_id}/parts", "/api/files", "/api/counted")
    app.state.access = Access({("POST", path): Line(OFFICER, None, None) for path in paths})
    app.state.person_finder = _People()
    app.state.commits = _Commits()
    http.install(app, 2_000)
    app.include_router(_router())
    return app, command_routes.install(app) if short else []


@dataclass(frozen=True)
class Sent:
    """One request."""

    name: str
    path: str = "/api/things"
    body: bytes = b'{"name": "a"}'
    headers: tuple[tuple[str, str], ...] = tuple(GOOD.items())
    method: str = "POST"


def _with(**changes: str | None) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str | None] = {
        **GOOD,
        **{name.replace("_", "-"): told for name, told in changes.items()},
    }
    return tuple((name, told) for name, told in headers.items() if told is not None)


SENT = [
    Sent("good"),
    Sent(
        "good part",
        "/api/things/a%20b/parts",
        b'{"name": "a", "inner": {"x": [1, 2.5, null, "\xe5\xad\x97"]}}',
    ),
    Sent("part of nothing", "/api/things//parts"),
    Sent("deeper", "/api/things/a/b/parts"),
    Sent("a slash too much", "/api/things/"),
    Sent("file", "/api/files", b"%PDF", _with(content_type="application/pdf")),
    Sent("empty file", "/api/files", b"", _with(content_type=None)),
    Sent("query", "/api/counted?size=7"),
    Sent("refused", body=b'{"name": "no"}'),
    Sent("a bug", body=b'{"name": "bug"}'),
    Sent("nobody", headers=_with(x_person=None)),
    Sent("not their function", headers=_with(x_person="a/applicant")),
    Sent("no client key", headers=_with(idempotency_key=None)),
    Sent("short client key", headers=_with(idempotency_key="short")),
    Sent("no client key and a wrong body", body=b"{}", headers=_with(idempotency_key=None)),
    Sent("empty", body=b""),
    Sent("no JSON", body=b'{"name": "a"'),
    Sent("two texts", body=b'{"name": "a"} {}'),
    Sent("no UTF-8", body=b'{"name": "\xff"}'),
    Sent("half a surrogate pair", body=b'{"name": "\\ud800"}'),
    Sent("not a number", body=b'{"name": "a", "inner": {"x": NaN}}'),
    Sent("twice the same name", body=b'{"name": "a", "name": "b"}'),
    Sent("a list", body=b"[]"),
    Sent("null", body=b"null"),
    Sent("missing, unknown and mistyped members", body=b'{"nme": "a", "count": "1", "inner": []}'),
    Sent("too long a name", body=b'{"name": "abcdef"}'),
    Sent("deep", body=b'{"name": "a", "inner": {"x": ' + b"[" * 100 + b"]" * 100 + b"}}"),
    Sent("too deep", body=b"[" * 1_900),
    Sent("too long a body", body=b'{"name": "a"}' + b" " * 3_000),
    Sent("JSON by another name", headers=_with(content_type="application/merge-patch+json; charset=utf-8")),
    Sent("capitals", headers=_with(content_type="Application/JSON")),
    Sent("text", headers=_with(content_type="text/plain")),
    Sent("a broken type", headers=_with(content_type="json")),
    Sent("no type", headers=_with(content_type=None)),
    Sent("another method", method="GET"),
    Sent("PUT", method="PUT"),
]


async def _ask(app: FastAPI, sent: Sent) -> tuple[int, dict[str, str], Any]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://house.test") as client:
        answer = await client.request(sent.method, sent.path, content=sent.body, headers=dict(sent.headers))
    return answer.status_code, dict(answer.headers), answer.text


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: sent.name)
async def test_both_ways_answer_alike(sent: Sent) -> None:
    (short, _), (long, _) = _app(True), _app(False)
    with capture_logs():
        assert await _ask(short, sent) == await _ask(long, sent)


def test_only_what_looks_like_a_command_goes_the_short_way() -> None:
    assert _app(True)[1] == ["/api/things", "/api/things/{thing_id}/parts", "/api/files"]


async def test_a_request_is_let_in_before_it_is_read() -> None:
    sent = Sent("", body=b"{", headers=_with(x_person=None))
    status, _, text = await _ask(_app(True)[0], sent)
    assert (status, "person_needed" in text) == (401, True)


async def test_the_short_way_is_in_no_document_twice() -> None:
    assert _app(True)[0].openapi() == _app(False)[0].openapi()
