"""Finds out who sends a request: by access token for programs, by session cookie for pages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from libs.identity.person import ClaimNames, Person, person_from
from libs.identity.sessions import Sessions
from libs.identity.tokens import REMEMBERED, InvalidToken, TokenVerifier
from libs.settings import ServiceSettings


def claim_names(settings: ServiceSettings) -> ClaimNames:
    """Where this center's provider puts functions, department and name."""
    return ClaimNames(
        settings.oidc_roles_claim,
        settings.oidc_department_claim,
        settings.oidc_name_claim,
        settings.oidc_role_names,
    )


def verifier(settings: ServiceSettings) -> TokenVerifier | None:
    """The verifier of this center's access tokens; None when no provider is set."""
    if not settings.oidc_issuer:
        return None
    return TokenVerifier(settings.oidc_issuer, settings.oidc_audience or "onewindow")


class PersonFinder:
    """``from_request``: the person, or None for the public; a bad token is refused, never overlooked."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._verifier = verifier(settings)
        self._names = claim_names(settings)
        self._sessions = Sessions(settings)
        self._persons: dict[str, tuple[dict[str, Any], Person]] = {}  # by token, beside its claims

    async def from_request(self, request: Request) -> Person | None:
        """Who sends this request; raises InvalidToken or ProviderAway."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return self._sessions.person(request)
        if scheme.lower() != "bearer":
            raise InvalidToken("Send it as: Authorization: Bearer <token>.")
        if self._verifier is None:
            raise InvalidToken("No identity provider is set here.")
        token = token.strip()
        claims = await self._verifier.verify(token)
        known = self._persons.get(token)
        if known is not None and known[0] is claims:
            return known[1]
        if len(self._persons) >= REMEMBERED:
            self._persons.clear()
        person = person_from(claims, self._names)
        self._persons[token] = (claims, person)
        return person
