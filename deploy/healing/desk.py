"""The system administrator's desk: every service of a center over HTTP, with a token, one key per command."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

import httpx

Token = Callable[[], Awaitable[str]]


class Unreached(Exception):
    """A service did not answer, or refused; the text says which and why."""


class Desk:
    """``houses`` maps a service (``intake``, ``review.fire``) to its address; ``client`` is closed with the
    desk; ``refused`` is told of every 401, after which the next token should be another one."""

    def __init__(
        self,
        houses: Mapping[str, str],
        token: Token,
        client: httpx.AsyncClient | None = None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self.houses = {name: address.rstrip("/") for name, address in sorted(houses.items())}
        self._token = token
        self._refused = refused
        self._http = client or httpx.AsyncClient(timeout=30)

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def read(self, house: str, path: str, **query: Any) -> Any:
        """GET; the JSON answer."""
        return await self._ask("GET", house, path, params=query)

    async def act(self, house: str, path: str, body: Any = None) -> Any:
        """POST, sent once more under the same key when no answer came; the JSON answer."""
        key = uuid.uuid4().hex
        return await self._ask("POST", house, path, json=body or {}, headers={"Idempotency-Key": key})

    async def _ask(self, method: str, house: str, path: str, **rest: Any) -> Any:
        if house not in self.houses:
            raise Unreached(f"There is no {house} here. Known: {', '.join(self.houses)}")
        headers = {**rest.pop("headers", {}), "Accept": "application/json"}
        try:
            headers["Authorization"] = f"Bearer {await self._token()}"
            answer = await self._sent(method, self.houses[house] + path, headers, rest)
        except (httpx.HTTPError, OSError) as away:
            raise Unreached(f"{house} does not answer: {type(away).__name__}") from away
        if answer.status_code == 401:
            self._refused()
        if answer.status_code >= 400:
            told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            raise Unreached(
                f"{house}: {answer.status_code} {told.get('code', '')} {told.get('title', '')}".rstrip()
            )
        return answer.json()

    async def _sent(
        self, method: str, url: str, headers: dict[str, str], rest: dict[str, Any]
    ) -> httpx.Response:
        try:
            return await self._http.request(method, url, headers=headers, **rest)
        except httpx.TransportError:
            return await self._http.request(method, url, headers=headers, **rest)


def houses_of(sites: Mapping[str, Any]) -> dict[str, str]:
    """ONEWINDOW_SITES (service → address, review by department) as one address per service process."""
    found: dict[str, str] = {}
    for name, address in sites.items():
        if isinstance(address, Mapping):
            found.update({f"{name}.{code}": str(each) for code, each in address.items()})
        else:
            found[name] = str(address)
    return found
