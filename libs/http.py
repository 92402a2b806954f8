"""The door for people and programs: who may knock, what a command needs, what an answer looks like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from opentelemetry import context as otel_context
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from libs import identity, traces
from libs.answers import Answer
from libs.commits import Commits
from libs.deeds import Asked
from libs.identity.access import Verdict
from libs.problems import PROBLEM, install_problems, wants_page
from libs.refusals import ClientKeyMissing, Refusal
from libs.work import Wanted, Work

LOG = structlog.get_logger(__name__)
_CLIENT_KEY = re.compile(r"^[\x21-\x7e]{8,128}$")


class Body(BaseModel):
    """A request body: exact types, no unknown members."""

    model_config = ConfigDict(strict=True, extra="forbid", str_max_length=20_000)


class NeedsPerson(Refusal):
    """The route needs a person and the request names none."""

    code = "person_needed"
    status = 401
    title = "Log in, or send a valid access token."


class WrongFunction(Refusal):
    """The person's functions do not include this."""

    code = "not_your_function"
    status = 403
    title = "Your function does not allow this."


class ForeignOrigin(Refusal):
    """A form came from another site."""

    code = "foreign_origin"
    status = 403
    title = "This form was not sent from our own pages."


class _LogIn(Exception):
    """A page needs a person: send the browser to the login."""


def router(prefix: str = "/api") -> APIRouter:
    """A router for programs; every error is a problem document."""
    problem = {"content": {PROBLEM: {}}, "description": "Problem details (RFC 9457) with a stable code"}
    return APIRouter(prefix=prefix, responses={"4XX": problem, "5XX": problem})


def page_router() -> APIRouter:
    """A router for pages; it stays out of the OpenAPI document."""
    return APIRouter(include_in_schema=False)


async def _find_person(request: Request) -> identity.Person | None:
    if not hasattr(request.state, "person"):
        request.state.person = await request.app.state.person_finder.from_request(request)
    person: identity.Person | None = request.state.person
    return person


async def enforce(request: Request) -> None:
    """Deny by default: the access matrix decides for every route, before its handler runs."""
    route = request.scope["route"].path
    person = await _find_person(request)
    verdict = request.app.state.access.allowed(request.method, route, person)
    if verdict is Verdict.ALLOWED:
        return
    if verdict is Verdict.NEEDS_PERSON:
        if wants_page(request) and request.method == "GET":
            raise _LogIn()
        raise NeedsPerson()
    LOG.info("access_refused", method=request.method, route=route, person=person.sub if person else None)
    raise WrongFunction()


async def needed_person(request: Request) -> identity.Person:
    """Who sends this request; NeedsPerson when it names nobody."""
    person = await _find_person(request)
    if person is None:
        raise NeedsPerson()
    return person


Person = Annotated[identity.Person, Depends(needed_person)]
PagePerson = Annotated[identity.Person, Depends(needed_person)]
MaybePerson = Annotated[identity.Person | None, Depends(_find_person)]


async def _reader(request: Request) -> AsyncIterator[AsyncConnection]:
    async with request.app.state.engine.connect() as connection:
        yield connection


Reader = Annotated[AsyncConnection, Depends(_reader)]


def _encode(result: Any) -> str:
    """The answer's text; instants end in Z, as in events."""
    return to_json(result).decode()


class CommandRunner:
    """Runs one command as a deed of the next shared transaction, once per client key."""

    def __init__(self, request: Request, client_key: str, request_sha256: str, actor: str) -> None:
        self._request = request
        self._client_key = client_key
        self._sha256 = request_sha256
        self._actor = actor

    async def answer(
        self, deed: Callable[[Work], Awaitable[Any]], *, status: int = 200, loads: Sequence[Wanted] = ()
    ) -> Answer:
        """Do it, or give the answer that the same key got before; raises the Refusal that stopped it.

        ``loads`` names the records the deed will want, to be loaded with those of its neighbours.
        """
        commits: Commits = self._request.app.state.commits
        name = self._request.scope["route"].name
        asked = self.asked(status)
        answer: Answer = await commits.do(name, deed, traces.origin_of(otel_context.get_current()), asked, loads)
        return answer

    def asked(self, status: int = 200, part: str = "") -> Asked:
        """What identifies this command; ``part`` tells several deeds of one request apart."""
        return Asked(self._actor, self._client_key + part, self._sha256, status, _encode)

    async def run(
        self, deed: Callable[[Work], Awaitable[Any]], *, status: int = 200, loads: Sequence[Wanted] = ()
    ) -> Response:
        """Like answer, as the HTTP response with the stored bytes."""
        answer = await self.answer(deed, status=status, loads=loads)
        return Response(answer.body, answer.status, media_type="application/json")


async def command_of(request: Request, body: bytes) -> CommandRunner:
    """What runs the command that this request is, under its client key; ClientKeyMissing without one."""
    key = request.headers.get("idempotency-key", "")
    if not _CLIENT_KEY.match(key):
        raise ClientKeyMissing()
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode() + body)
    return CommandRunner(request, key, digest.hexdigest(), await _actor(request))


async def _command(request: Request) -> CommandRunner:
    return await command_of(request, await request.body())


async def _page_command(request: Request) -> CommandRunner:
    _same_origin(request)
    form = await request.form()
    key = str(form.get("client_key", ""))
    if not _CLIENT_KEY.match(key):
        raise ClientKeyMissing()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    for name, value in sorted(form.multi_items(), key=lambda item: item[0]):
        text = value if isinstance(value, str) else f"{value.filename} {value.size}"
        digest.update(f"{name}={text}\n".encode("utf-8", "surrogatepass"))
    return CommandRunner(request, key, digest.hexdigest(), await _actor(request))


async def _actor(request: Request) -> str:
    person = await _find_person(request)
    return person.sub if person else "nobody"


Command = Annotated[CommandRunner, Depends(_command)]
PageCommand = Annotated[CommandRunner, Depends(_page_command)]


def _same_origin(request: Request) -> None:
    """A state-changing form must come from our own pages (cookies alone do not show that)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise ForeignOrigin()
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForeignOrigin()
    if site is None and origin is None:
        raise ForeignOrigin()


def flat_routes(routes: Sequence[Any]) -> Iterator[Any]:
    """Every route, those of included routers too (FastAPI keeps a router it includes as one entry)."""
    for route in routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else flat_routes(included.routes)


def install(app: FastAPI, max_body_bytes: int) -> None:
    """Problems for every error, and the way to the login for a page that needs a person."""

    async def log_in(request: Request, _: Exception) -> Response:
        return RedirectResponse(f"/login?next={request.url.path}", 303)

    install_problems(app, max_body_bytes)
    app.add_exception_handler(_LogIn, log_in)
