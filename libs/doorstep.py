"""The outermost step of the HTTP door: every request is timed, bounded in length, and never shows a stack trace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.metrics import observe_request


class _TooLong(Exception):
    """The body went past the limit while it was read."""


class Doorstep:
    """ASGI: passes requests on; ``most`` is the longest body in bytes, the callables make the problem answers."""

    def __init__(
        self,
        app: ASGIApp,
        unexpected: Callable[[Request, Exception], Awaitable[Response]],
        too_large: Callable[[Request], Awaitable[Response]],
        most: int,
    ) -> None:
        self._app = app
        self._unexpected = unexpected
        self._too_large = too_large
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = await self._answer(scope, receive, send)
        label = getattr(scope.get("route"), "path", "unmatched")
        observe_request(scope["method"], label, status, time.perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = length = 0

        async def bounded() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > self._most:
                raise _TooLong()
            return message

        async def note(message: Message) -> None:
            nonlocal status
            if length > self._most:
                return  # whatever the app makes of half a body, the answer is the one below
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, bounded, note)
        except Exception as reason:
            if status:
                raise  # half an answer is out: the connection must break
            if length <= self._most:
                failed = await self._unexpected(Request(scope, receive), reason)
                await failed(scope, receive, send)
                return failed.status_code
        if length > self._most and not status:
            refused = await self._too_large(Request(scope, receive))
            await refused(scope, receive, send)
            return refused.status_code
        return status
