"""The healer's access token: its own credentials at the identity provider, renewed before they end."""

from __future__ import annotations

import time
from types import TracebackType

import httpx

EARLY_S = 60.0  # before its end a token is asked for again
SHORTEST_S = 5.0


class Login:
    """One program at one provider (OpenID Connect), by client credentials, or as ``person`` with a password.

    A provider that knows functions of people only (the development one) needs the second.
    """

    def __init__(
        self, issuer: str, client: tuple[str, str], scope: str, person: tuple[str, str] | None = None
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._client = client
        self._form = {"grant_type": "client_credentials", "scope": scope}
        if person is not None:
            name, password = person
            self._form |= {"grant_type": "password", "username": name, "password": password}
        self._http = httpx.AsyncClient(timeout=20)
        self._endpoint = ""
        self._held, self._until = "", 0.0

    async def __aenter__(self) -> Login:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def token(self) -> str:
        """A token that holds for a while yet; httpx.HTTPError when the provider is away or refuses."""
        if time.monotonic() < self._until:
            return self._held
        if not self._endpoint:
            found = await self._http.get(f"{self._issuer}/.well-known/openid-configuration")
            self._endpoint = str(found.raise_for_status().json()["token_endpoint"])
        answer = await self._http.post(self._endpoint, data=self._form, auth=self._client)
        told = answer.raise_for_status().json()
        lasts = float(told.get("expires_in", EARLY_S))
        self._held = str(told["access_token"])
        self._until = time.monotonic() + max(lasts - EARLY_S, SHORTEST_S)
        return self._held

    def forget(self) -> None:
        """The token was refused: ask for another one."""
        self._until = 0.0
