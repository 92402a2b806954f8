"""Access tokens: what is not signed by the provider, for us, now, as an access token, is refused."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from libs.identity import ClaimNames, InvalidToken, TokenVerifier, person_from
from libs.identity.tokens import ProviderAway

ISSUER = "https://id.example"
CLAIMS = {"iss": ISSUER, "aud": "onewindow", "sub": "editor-01"}


class FakeProvider:
    """Publishes keys, counts how often it was asked, can be away."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})]
        self.asked = 0
        self.away = False
        self.issuer = ISSUER

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("away")
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys"})
        self.asked += 1
        return httpx.Response(200, json=KeySet(self.keys).as_dict(private=False))

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        told = {"iss": ISSUER, "aud": "onewindow", "sub": "applicant-01", "exp": int(time.time()) + 300,
                "iat": int(time.time()), "roles": ["applicant"], "token_use": "access", **claims}  # fmt: skip
        told = {name: value for name, value in told.items() if value is not None}
        key = key or self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, told, key, algorithms=["RS256"])


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def verifier(provider: FakeProvider) -> TokenVerifier:
    return TokenVerifier(
        ISSUER, "onewindow", client=httpx.AsyncClient(transport=httpx.MockTransport(provider))
    )


async def test_good_token_is_taken_and_keys_are_asked_for_once(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    for subject in ("applicant-01", "applicant-02", "applicant-03"):
        assert (await verifier.verify(provider.token(sub=subject)))["sub"] == subject
    assert provider.asked == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": ["a", "b"]},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_000_000_000},  # 2001
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 4_000_000_000},  # 2096
        {"sub": None},
        {"token_use": "id"},
        {"token_use": "refresh"},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"nonce": "n"},
        {"at_hash": "h"},
    ],
    ids=str,
)
async def test_wrong_claims_are_refused(
    provider: FakeProvider, verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        await verifier.verify(provider.token(**claims))


def _unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = [{"alg": algorithm, "kid": "one"}, claims]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return f"{texts[0]}.{texts[1]}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS512", ""])
async def test_algorithm_outside_the_list_is_refused(
    provider: FakeProvider, verifier: TokenVerifier, algorithm: str
) -> None:
    claims = {**CLAIMS, "exp": int(time.time()) + 300}
    with pytest.raises(InvalidToken):
        await verifier.verify(_unsigned(claims, algorithm))


async def test_public_key_used_as_shared_secret_is_refused(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    unsigned = _unsigned({**CLAIMS, "exp": int(time.time()) + 300}, "HS256").rstrip(".")
    digest = hmac.digest(provider.keys[0].as_pem(private=False), unsigned.encode(), "sha256")
    with pytest.raises(InvalidToken):
        await verifier.verify(f"{unsigned}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}")


async def test_foreign_key_and_changed_payload_are_refused(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    with pytest.raises(InvalidToken):
        await verifier.verify(provider.token(key=stranger))
    head, _, signature = provider.token().split(".")
    claims = {**CLAIMS, "exp": int(time.time()) + 300}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        await verifier.verify(f"{head}.{payload}.{signature}")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "e30.e30.e30", "null.null.null"])
async def test_nonsense_is_refused(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises(InvalidToken):
        await verifier.verify(text)


async def test_new_key_is_fetched_when_it_first_appears(
    provider: FakeProvider, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(provider.token())
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "two", "use": "sig"}))
    monkeypatch.setattr("libs.identity.tokens.UNKNOWN_KEY_PAUSE_S", 0.0)
    assert (await verifier.verify(provider.token()))["sub"] == "applicant-01"
    assert provider.asked == 2


async def test_invented_key_ids_do_not_become_requests(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    await verifier.verify(provider.token())
    for number in range(20):
        with pytest.raises(InvalidToken):
            await verifier.verify(provider.token(header={"kid": f"invented-{number}"}))
    assert provider.asked <= 2


async def test_keys_known_before_an_outage_still_count(
    provider: FakeProvider, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(provider.token())
    provider.away = True
    monkeypatch.setattr("libs.identity.tokens.KEYS_KEPT_S", -1.0)
    assert (await verifier.verify(provider.token(sub="applicant-09")))["sub"] == "applicant-09"


async def test_provider_that_was_never_reached_is_said_to_be_away(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    provider.away = True
    with pytest.raises(ProviderAway):
        await verifier.verify(provider.token())


async def test_provider_calling_itself_otherwise_is_not_believed(
    provider: FakeProvider, verifier: TokenVerifier
) -> None:
    provider.issuer = "https://evil.example"
    with pytest.raises(ProviderAway):
        await verifier.verify(provider.token())


async def test_remembered_token_ends_when_it_expires(
    provider: FakeProvider, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.token(exp=int(time.time()) + 1)
    await verifier.verify(token)
    later = time.time() + 120
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


def test_claims_of_another_provider_are_found_by_settings() -> None:
    names = ClaimNames("realm_access.roles", "department", "preferred_username", {"pruefer": "examiner"})
    claims = {"sub": "7", "realm_access": {"roles": ["pruefer", "root", "offline_access"]},
              "department": "fire", "preferred_username": "Wang", "locale": "en-GB"}  # fmt: skip
    person = person_from(claims, names)
    assert (person.roles, person.department, person.name) == (frozenset({"examiner"}), "fire", "Wang")
    assert person.language == "en"


@pytest.mark.parametrize("roles", [None, 7, {"examiner": True}, [7, None], "root", ["EXAMINER"]])
def test_roles_that_are_not_ours_give_nothing(roles: Any) -> None:
    assert person_from({"sub": "x", "roles": roles}, ClaimNames()).roles == frozenset()
