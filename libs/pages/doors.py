"""What every page is sent with: a strict content security policy, and lasting style sheets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette import staticfiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.pages.prefix import below

_FOR_EVER = "public, max-age=31536000, immutable"


class StaticFiles(staticfiles.StaticFiles):
    """The kit's static files; an address that carries the content's hash never changes its content."""

    def __init__(self, directory: Any) -> None:
        super().__init__(directory=directory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                lasting = b"v=" in scope.get("query_string", b"")
                MutableHeaders(scope=message)["Cache-Control"] = _FOR_EVER if lasting else "no-cache"
            await send(message)

        await super().__call__(scope, receive, dated)


def policy(form_targets: Iterable[str] = ()) -> str:
    """No script at all, styles and pictures of our own, forms to ourselves and to the sites named."""
    targets = " ".join(["'self'", *sorted(set(form_targets))])
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )


def origins(addresses: Iterable[Any]) -> list[str]:
    """The origins of the addresses given (nested mappings of addresses allowed)."""
    found: list[str] = []
    for each in addresses:
        if isinstance(each, dict):
            found += origins(each.values())
        elif isinstance(each, str) and (parts := urlsplit(each)).netloc:
            found.append(f"{parts.scheme}://{parts.netloc}")
    return found


class _PageHeaders:
    """Adds the headers to whatever leaves, HTML or not: none of them hurts a program."""

    def __init__(self, app: ASGIApp, csp: str) -> None:
        self._app = app
        self._fixed = {
            "Content-Security-Policy": csp,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                if "location" in headers:
                    headers["location"] = below(scope.get("root_path", ""), headers["location"])
            await send(message)

        await self._app(scope, receive, headed)


def page_headers(app: FastAPI) -> None:
    """Put the headers on every response; forms may also go to the login and to the other services."""
    settings = getattr(app.state, "settings", None)
    targets = [getattr(settings, "oidc_issuer", None), getattr(settings, "sites", None) or {}]
    app.add_middleware(_PageHeaders, csp=policy(origins(targets)))
