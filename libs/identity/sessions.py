"""The cookie that remembers who logged in: signed, for this service only, gone after a working day."""

from __future__ import annotations

import re
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from libs.identity.person import Person
from libs.settings import ServiceSettings

SESSION_S = 9 * 3600  # a working day
LOGIN_S = 600  # between leaving for the provider and coming back


class Sessions:
    """Reads and writes the session cookie and the short-lived one that a login in progress needs.

    Cookies ignore ports, and on one machine all services differ only in theirs: each has its own cookie name.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        own = re.sub(r"[^a-z0-9]", "_", settings.oidc_client_id.lower())
        self.cookie = f"onewindow_{own}"
        self.login_cookie = f"{self.cookie}_login"
        self._path = settings.public_path or "/"  # behind one address a cookie goes to its own house only
        secret = settings.session_secret
        self._session = URLSafeTimedSerializer(secret, salt=self.cookie) if secret else None
        self._login = URLSafeTimedSerializer(secret, salt=self.login_cookie) if secret else None

    @property
    def possible(self) -> bool:
        """Whether there is a secret to sign cookies with."""
        return self._session is not None

    def person(self, request: Request) -> Person | None:
        """Who logged in, or None when nobody has, or too long ago, or the cookie is not ours."""
        told = _read(self._session, request.cookies.get(self.cookie), SESSION_S)
        if told is None:
            return None
        return Person(
            told["sub"], told["name"], frozenset(told["roles"]), told["department"], told["language"]
        )

    def remember(self, request: Request, response: Response, person: Person) -> None:
        """Set the session cookie."""
        assert self._session is not None
        told = {
            "sub": person.sub, "name": person.name, "roles": sorted(person.roles),
            "department": person.department, "language": person.language,
        }  # fmt: skip
        _set(request, response, self.cookie, str(self._session.dumps(told)), SESSION_S, self._path)

    def login_state(self, request: Request) -> dict[str, Any]:
        """What the login in progress put aside."""
        return _read(self._login, request.cookies.get(self.login_cookie), LOGIN_S) or {}

    def keep_login_state(self, request: Request, response: Response, state: dict[str, Any]) -> None:
        """Put aside what the login will need when the browser comes back."""
        assert self._login is not None
        _set(request, response, self.login_cookie, str(self._login.dumps(state)), LOGIN_S, self._path)

    def forget(self, response: Response, *, login_only: bool = False) -> None:
        """Delete the cookies."""
        for name in [self.login_cookie] if login_only else [self.login_cookie, self.cookie]:
            response.delete_cookie(name, self._path, httponly=True, samesite="lax")


def _read(signer: URLSafeTimedSerializer | None, cookie: str | None, seconds: int) -> dict[str, Any] | None:
    if signer is None or not cookie:
        return None
    try:
        told = signer.loads(cookie, max_age=seconds)
    except BadSignature:  # its subclass SignatureExpired too
        return None
    return told if isinstance(told, dict) else None


def _set(request: Request, response: Response, name: str, value: str, seconds: int, path: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=secure)
