"""Logging in to pages: OpenID Connect, authorization code with PKCE, by a kept library."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from joserfc.errors import JoseError

from libs.identity.finder import claim_names, verifier
from libs.identity.person import person_from
from libs.identity.sessions import Sessions
from libs.identity.tokens import InvalidToken, ProviderAway
from libs.refusals import NotFound, Refusal
from libs.settings import ServiceSettings

LOG = structlog.get_logger(__name__)


class LoginFailed(Refusal):
    """The login did not come to an end that proves who somebody is."""

    code = "login_failed"
    status = 400
    title = "The login failed. Begin again."


def local_path(text: str | None) -> str:
    """Where to go after the login: a path of our own, never another site's address."""
    if (
        not text
        or not text.startswith("/")
        or text.startswith("//")
        or "\\" in text
        or not text.isprintable()
    ):
        return "/"
    parts = urlsplit(text)
    return text if not parts.scheme and not parts.netloc else "/"


class LoginDoor:
    """The three routes of a login, for one service."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._sessions = Sessions(settings)
        self._tokens, self._names = verifier(settings), claim_names(settings)
        self._provider = _provider(settings)

    def _ready(self) -> Any:
        if self._provider is None or not self._sessions.possible:
            raise NotFound("No identity provider is set here.")
        return self._provider

    async def login(self, request: Request, next: str = "/") -> Response:
        """Send the browser to the provider."""
        client = self._ready()
        state: dict[str, Any] = {}
        request.scope["session"] = state  # the library keeps code verifier, state and nonce here
        try:
            back = str(request.url_for("login_callback"))
            answer: Response = await client.authorize_redirect(request, back)
        except (httpx.HTTPError, OAuthError) as reason:
            raise ProviderAway() from reason
        self._sessions.keep_login_state(request, answer, {**state, "next": local_path(next)})
        return answer

    async def callback(self, request: Request) -> Response:
        """Back from the provider: a session, or LoginFailed."""
        client = self._ready()
        assert self._tokens is not None
        state = self._sessions.login_state(request)
        request.scope["session"] = state
        try:
            token = await client.authorize_access_token(request)
            claims = await self._tokens.verify(str(token.get("access_token", "")))
        except (OAuthError, JoseError, InvalidToken, KeyError, ValueError) as reason:
            LOG.info("login_failed", error=type(reason).__name__, detail=str(reason)[:200])
            raise LoginFailed(str(reason)[:200]) from reason
        except httpx.HTTPError as reason:
            raise ProviderAway() from reason
        answer = RedirectResponse(local_path(state.get("next")), 303)
        self._sessions.forget(answer, login_only=True)
        self._sessions.remember(request, answer, person_from(claims, self._names))
        return answer

    async def logout(self, request: Request) -> Response:
        """End our session and the provider's, so that the next login asks for a name again."""
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "same-site", "none"):
            raise LoginFailed("Log out from our own pages.")
        answer = RedirectResponse(await _end_session(self._provider, self._settings, request), 303)
        self._sessions.forget(answer)
        return answer


def login_router(settings: ServiceSettings) -> APIRouter:
    """/login, /login/callback and /logout of one service; they answer 404 when no provider is set."""
    router = APIRouter(include_in_schema=False)
    door = LoginDoor(settings)
    router.add_api_route("/login", door.login, name="login", methods=["GET"])
    router.add_api_route("/login/callback", door.callback, name="login_callback", methods=["GET"])
    router.add_api_route("/logout", door.logout, name="logout", methods=["GET"])
    return router


def _provider(settings: ServiceSettings) -> Any:
    if not settings.oidc_issuer:
        return None
    return OAuth().register(
        "provider",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10},
    )


async def _end_session(provider: Any, settings: ServiceSettings, request: Request) -> str:
    home = str(request.base_url)
    try:
        document = await provider.load_server_metadata() if provider is not None else {}
    except (httpx.HTTPError, OAuthError):
        document = {}
    end = document.get("end_session_endpoint")
    if not end:
        return "/"
    return f"{end}?{urlencode({'client_id': settings.oidc_client_id, 'post_logout_redirect_uri': home})}"
