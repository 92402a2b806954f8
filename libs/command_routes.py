"""The short way to a command: the routes of programs' commands, without the framework's general machinery.

A command's endpoint takes a person, a command runner, at most one body, texts of its path and the request, and
nothing else. For those this finds the same things in the same order as FastAPI's dependency resolution would
(route, right, person, client key, body), with the same refusals, at a fraction of the CPU; FastAPI keeps the
routes too: it makes the OpenAPI document of them and serves whatever does not look like this.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from email.message import Message
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import FastAPI
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from libs import http

Part = Callable[[Request, bytes], Awaitable[Any]]
_NO_MATCH: tuple[Match, Scope] = (Match.NONE, {})


class CommandRoute(BaseRoute):
    """One command's route; ``path_format`` is its template, as traces and figures name it."""

    def __init__(self, route: APIRoute, parts: dict[str, Part]) -> None:
        self._route = route
        self._parts = parts
        self.path = self.path_format = route.path_format
        self.methods = route.methods or set()
        self._regex = route.path_regex if route.param_convertors else None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL for this path and method; everything else is the framework's to judge."""
        if scope["type"] != "http" or scope["method"] not in self.methods:
            return _NO_MATCH
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        if self._regex is None:
            given: dict[str, Any] = {}
            if path != self.path:
                return _NO_MATCH
        else:
            found = self._regex.match(path)
            if found is None:
                return _NO_MATCH
            given = found.groupdict()
        return Match.FULL, {"endpoint": self._route.endpoint, "path_params": given, "route": self._route}

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Addresses are made from the framework's own routes."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, read, do, answer; what is refused is answered by the app's own handlers of exceptions."""
        request = Request(scope, receive)
        await http.enforce(request)
        try:
            body = await request.body()
        except ClientDisconnect as gone:
            raise HTTPException(400, "There was an error parsing the body") from gone
        given = {name: await part(request, body) for name, part in self._parts.items()}
        response: Response = await self._route.endpoint(**given)
        await response(scope, receive, send)


def install(app: FastAPI) -> list[str]:
    """Put a short way before every route that is a command's; returns their templates."""
    found = [
        CommandRoute(route, parts)
        for route in http.flat_routes(app.routes)
        if isinstance(route, APIRoute) and (parts := _parts(route)) is not None
    ]
    app.router.routes[0:0] = found
    return [route.path for route in found]


def _parts(route: APIRoute) -> dict[str, Part] | None:
    """How each of the endpoint's arguments is found; None if it takes anything else than commands do."""
    hints = get_type_hints(route.endpoint, include_extras=True)
    hints.pop("return", None)
    if http.Command not in hints.values() or route.dependencies:
        return None
    body = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, BaseModel)
    }
    ordered: dict[str, Part] = {}
    for name, hint in sorted(hints.items(), key=lambda each: each[0] in body):  # the body's faults come last
        if name in body and len(body) == 1:
            ordered[name] = _body(TypeAdapter(hint))
        elif hint in _KNOWN:
            ordered[name] = _KNOWN[hint]
        elif _is_text(hint) and name in route.param_convertors:
            ordered[name] = _from_path(name)
        else:
            return None
    return ordered


def _is_text(hint: Any) -> bool:
    return hint is str and get_origin(hint) is not Annotated and not get_args(hint)


async def _request(request: Request, _: bytes) -> Any:
    return request


async def _person(request: Request, _: bytes) -> Any:
    return await http.needed_person(request)


async def _command(request: Request, body: bytes) -> Any:
    return await http.command_of(request, body)


_KNOWN: dict[Any, Part] = {Request: _request, http.Person: _person, http.Command: _command}


def _from_path(name: str) -> Part:
    async def part(request: Request, _: bytes) -> Any:
        return request.path_params[name]

    return part


def _body(model: TypeAdapter[Any]) -> Part:
    async def part(request: Request, body: bytes) -> Any:
        if not body:
            missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
            raise RequestValidationError([missing])
        given = _json(body) if _is_json(request.headers.get("content-type", "")) else body
        try:
            return model.validate_python(given, from_attributes=True)
        except ValidationError as wrong:
            errors = wrong.errors(include_url=False)
            raise RequestValidationError(
                [{**error, "loc": ("body", *error["loc"])} for error in errors], body=given
            ) from None

    return part


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    if not content_type:
        return False
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )


def _json(body: bytes) -> Any:
    """What the text says; what only the lenient reader can read (half a surrogate pair) is left to the fields."""
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return json.loads(body)
    except json.JSONDecodeError as wrong:
        error = {"type": "json_invalid", "loc": ("body", wrong.pos), "msg": "JSON decode error", "input": {}}
        raise RequestValidationError([{**error, "ctx": {"error": wrong.msg}}], body=wrong.doc) from wrong
    except Exception as wrong:
        raise HTTPException(400, "There was an error parsing the body") from wrong
