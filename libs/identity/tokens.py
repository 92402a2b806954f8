"""Checks access tokens against the provider's published keys: one list of algorithms, nothing optional."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any

import httpx
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from libs.refusals import Refusal

LOG = structlog.get_logger(__name__)
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")  # asymmetric only: no "none", no shared secret
LEEWAY_S = 30
KEYS_KEPT_S = 600.0
UNKNOWN_KEY_PAUSE_S = 5.0  # a stream of tokens with invented key ids must not become a stream of requests
REMEMBERED = 2048
REMEMBERED_S = 60.0
_ID_TOKEN_ONLY = ("nonce", "at_hash", "c_hash")
_OTHER_KINDS = {"typ": ("Bearer", "at+jwt"), "token_use": ("access",)}


class InvalidToken(Refusal):
    """A token that is not a valid access token for us: the request is refused, not treated as anonymous."""

    code = "invalid_token"
    status = 401
    title = "The access token is not valid here."


class ProviderAway(Refusal):
    """The identity provider does not answer, so nobody new can be recognised."""

    code = "provider_unavailable"
    status = 503
    title = "The identity provider does not answer at the moment. Try again."


class TokenVerifier:
    """Verifies access tokens of one issuer for one audience; keys are fetched once and kept ten minutes."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        algorithms: tuple[str, ...] = ALGORITHMS,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self.issuer = issuer.rstrip("/")
        self._issuer_claim = issuer
        self._audience = audience
        self._algorithms = [*algorithms]
        self._client = client
        self._registry = jws.JWSRegistry(algorithms=self._algorithms)
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()
        self._remembered: OrderedDict[str, tuple[float, dict[str, Any]]] = OrderedDict()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "values": [self.issuer, f"{self.issuer}/"]},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, token: str) -> dict[str, Any]:
        """The claims of a valid access token; raises InvalidToken, or ProviderAway without keys to check by."""
        known = self._remembered.get(token)
        if known is not None and known[0] > time.time():
            return known[1]
        claims = await self._checked(token)
        self._remembered[token] = (min(time.time() + REMEMBERED_S, float(claims["exp"])), claims)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return claims

    async def _checked(self, token: str) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, TypeError) as reason:
            raise InvalidToken("It cannot be read.") from reason
        if header.get("alg") not in self._algorithms:
            raise InvalidToken("Its algorithm is not allowed.")
        keys = await self._keys_with(header.get("kid"))
        try:
            decoded = jwt.decode(token, keys, algorithms=self._algorithms)
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError) as reason:
            raise InvalidToken(f"{type(reason).__name__}: {reason}"[:200]) from reason
        _only_access(decoded.header, decoded.claims)
        return dict(decoded.claims)

    async def _keys_with(self, key_id: object) -> KeySet:
        if not self._has(key_id):
            async with self._lock:
                age = time.monotonic() - self._fetched_at
                patience = KEYS_KEPT_S if self._has_id(key_id) else UNKNOWN_KEY_PAUSE_S
                if self._keys is None or age > patience:
                    await self._fetch()
        if self._keys is None:
            raise ProviderAway()
        return self._keys

    def _has(self, key_id: object) -> bool:
        return self._has_id(key_id) and time.monotonic() - self._fetched_at < KEYS_KEPT_S

    def _has_id(self, key_id: object) -> bool:
        return self._keys is not None and any(key.kid == key_id for key in self._keys.keys)

    async def _fetch(self) -> None:
        """Keys that cannot be renewed are kept: a provider's outage shuts out nobody who was let in before."""
        try:
            document = await self._get(f"{self.issuer}/.well-known/openid-configuration")
            if str(document["issuer"]).rstrip("/") != self.issuer:
                raise ValueError(f"the provider calls itself {document['issuer']}")
            published = await self._get(str(document["jwks_uri"]))
            usable = [
                key for key in published["keys"] if key.get("use", "sig") == "sig" and key.get("kty") != "oct"
            ]
            self._keys = KeySet.import_key_set({"keys": usable})
        except (httpx.HTTPError, JoseError, KeyError, ValueError, TypeError) as reason:
            LOG.warning("provider_keys_not_fetched", error=type(reason).__name__, detail=str(reason)[:200])
        self._fetched_at = time.monotonic()

    async def _get(self, url: str) -> dict[str, Any]:
        if self._client is not None:
            answer = await self._client.get(url)
        else:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.get(url)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _is_public_signing_key(key: dict[str, Any]) -> bool:
    return key.get("use", "sig") == "sig" and key.get("kty") != "oct"


def _only_access(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """An ID token says who logged in somewhere; it opens nothing. Providers mark the difference in many ways."""
    if any(name in claims for name in _ID_TOKEN_ONLY):
        raise InvalidToken("It is an ID token.")
    for name, allowed in _OTHER_KINDS.items():
        if name in claims and claims[name] not in allowed:
            raise InvalidToken("It is not an access token.")
    if str(header.get("typ", "JWT")).removeprefix("application/").lower() not in ("jwt", "at+jwt"):
        raise InvalidToken("It is not an access token.")
