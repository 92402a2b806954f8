"""The people of the story as programs see them: a token each, a client key for every act, and patience.

An act that gets no answer is sent again with the same key, so an outage in the middle of the story costs
time and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import httpx

RETRY_S = 0.4
PATIENCE_S = 120.0
TOKEN_LIFE_S = 240.0


class ActRefused(Exception):
    """A service refused an act that the story expected to succeed."""

    def __init__(self, method: str, url: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{method} {url}: {status} {problem.get('code')} {problem.get('detail', '')}")
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = problem


class Loopback(httpx.AsyncHTTPTransport):
    """Names below localhost are this machine (RFC 6761), whatever its resolver knows of them."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.host.endswith(".localhost"):
            return await super().handle_async_request(request)
        here = request.url.copy_with(host="127.0.0.1")
        moved = httpx.Request(
            request.method, here, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await super().handle_async_request(moved)


class Cast:
    """Everybody who acts, over one connection pool; ``acts`` counts the requests that changed something."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, sites: dict[str, Any]) -> None:
        self._issuer = issuer.rstrip("/")
        self._client = (client_id, client_secret)
        self._sites = sites
        self._tokens: dict[str, tuple[str, float]] = {}
        network = Loopback(limits=httpx.Limits(max_connections=60))
        self.http = httpx.AsyncClient(timeout=20, transport=network)
        self._endpoint = ""
        self.acts = 0
        self.retries = 0

    async def __aenter__(self) -> Cast:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def site(self, service: str, department: str | None = None) -> str:
        """The address of a service (of one department for review)."""
        found = self._sites[service]
        return str(found[department] if department else found).rstrip("/")

    async def token(self, person: str, password: str = "onewindow") -> str:
        """An access token of ``person``, renewed before it ends."""
        held = self._tokens.get(person)
        if held and held[1] > time.monotonic():
            return held[0]
        if not self._endpoint:
            found = await self.http.get(f"{self._issuer}/.well-known/openid-configuration")
            self._endpoint = found.json()["token_endpoint"]
        form = {"grant_type": "password", "username": person, "password": password, "scope": "openid profile"}
        answer = await self.http.post(self._endpoint, data=form, auth=self._client)
        answer.raise_for_status()
        token = str(answer.json()["access_token"])
        self._tokens[person] = (token, time.monotonic() + TOKEN_LIFE_S)
        return token

    async def act(
        self, person: str, url: str, body: Any = None, *, raw: tuple[bytes, str] | None = None
    ) -> Any:
        """POST as ``person``; the JSON answer. ``raw`` is (bytes, media type) instead of a JSON body."""
        key = uuid.uuid4().hex
        content, kind = raw or (json.dumps(body or {}, ensure_ascii=False).encode(), "application/json")
        answer = await self._send(
            "POST", person, url, {"Idempotency-Key": key, "Content-Type": kind}, content
        )
        self.acts += 1
        return answer.json() if answer.content else None

    async def read(self, person: str | None, url: str) -> Any:
        """GET as ``person`` (None: the public); the JSON answer."""
        return (await self._send("GET", person, url, {}, None)).json()

    async def text(self, url: str) -> str:
        """GET as the public; the plain text."""
        return (await self._send("GET", None, url, {}, None)).text

    async def _send(
        self, method: str, person: str | None, url: str, headers: dict[str, str], content: bytes | None
    ) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if person:
                    headers = {**headers, "Authorization": f"Bearer {await self.token(person)}"}
                answer = await self.http.request(method, url, headers=headers, content=content)
            except httpx.TransportError as away:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{method} {url}: {away}") from away
                answer = None
            if answer is not None and answer.status_code == 401 and person and person in self._tokens:
                del self._tokens[person]
                if time.monotonic() < deadline - PATIENCE_S + 10:
                    await asyncio.sleep(RETRY_S)
                    continue
            if answer is not None and answer.status_code not in (502, 503, 504):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {url}: still unavailable after {PATIENCE_S:.0f} s")
            self.retries += 1
            await asyncio.sleep(RETRY_S)
        if answer.status_code >= 400:
            problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            raise ActRefused(method, url, answer.status_code, problem)
        return answer
