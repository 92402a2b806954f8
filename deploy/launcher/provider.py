"""The development identity provider: real OpenID Connect (nanoidp) with invented people."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from deploy.launcher.people import PASSWORD, DemoPerson
from deploy.servers.children import Child, free_ports, wait_until

AUDIENCE = "onewindow"
DRIVER = "driver"
START_S = 60.0
CLAIMS = {
    "ONEWINDOW_OIDC_DEPARTMENT_CLAIM": "attributes.department",
    "ONEWINDOW_OIDC_NAME_CLAIM": "attributes.name",
}


class Provider:
    """Its issuer, and the secrets of its clients (one per service, and the story's driver)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "provider"
        self._folder.mkdir(parents=True)
        (port,) = free_ports(1)
        self._port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self.secrets: dict[str, str] = {}
        self.child = Child(
            "provider",
            [sys.executable, "-m", "nanoidp", "--config", str(self._folder), "--port", str(port)],
            folder,
        )

    @property
    def driver_client(self) -> tuple[str, str]:
        """The client that may ask for a token by name and password: the story's."""
        return DRIVER, self.secrets[DRIVER]

    def start(self, everybody: Sequence[DemoPerson], clients: Mapping[str, str]) -> None:
        """Write its configuration and start it; ``clients`` maps client ids to their services' addresses."""
        self.secrets = {name: secrets.token_urlsafe(24) for name in [*clients, DRIVER]}
        _write(self._folder / "settings.yaml", self._settings(clients))
        _write(self._folder / "users.yaml", provider_users(everybody))
        self.child.start()

    async def wait(self) -> None:
        """Return when it publishes its keys."""
        await asyncio.to_thread(
            wait_until, self._answers, "The identity provider does not answer", self.child, START_S
        )

    def restart(self) -> None:
        """Start it again with the same people, clients and keys."""
        self.child.stop()
        self.child.start()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/.well-known/jwks.json", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _settings(self, clients: Mapping[str, str]) -> dict[str, object]:
        known = {
            name: (self.secrets[name], [f"{address}/login/callback"]) for name, address in clients.items()
        }
        known[DRIVER] = (self.secrets[DRIVER], [])
        told = provider_settings(
            self.issuer, known, keys_dir=str(self._folder / "keys"),
            session=secrets.token_urlsafe(32), management=secrets.token_urlsafe(32),
        )  # fmt: skip
        return {**told, "server": {"host": "127.0.0.1", "port": self._port}}


Clients = Mapping[str, tuple[str, Sequence[str]]]


def provider_settings(
    issuer: str, clients: Clients, *, keys_dir: str, session: str, management: str
) -> dict[str, object]:
    """The provider's settings file; ``clients`` maps a client id to its secret and where logins come back to."""
    entries = [
        {
            "client_id": name,
            "client_secret": secret,
            "description": f"Onewindow {name}",
            "redirect_uris": [*redirects],
            "allowed_scopes": ["openid", "profile"],
        }
        for name, (secret, redirects) in clients.items()
    ]
    return {
        "config_version": 1,
        "oauth": {
            "issuer": issuer,
            "audience": AUDIENCE,
            "token_expiry_minutes": 30,
            "require_pkce": True,
            "clients": entries,
        },
        "jwt": {"algorithm": "RS256", "keys_dir": keys_dir},
        "session": {
            "secret_key": session,
            "enforce_password_check": True,
            "require_ui_login": True,
            "management_secret": management,
        },
        "logging": {"level": "WARNING", "log_token_requests": False, "verbose_logging": False},
        "login": {"mode": "password"},
    }


def provider_users(
    everybody: Sequence[DemoPerson], passwords: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The provider's file of people; ``passwords`` are those of programs that keep one of their own."""
    own = passwords or {}
    users = {
        person.sub: {
            "password": own.get(person.sub, PASSWORD),
            "email": f"{person.sub}@example.org",
            "roles": list(person.roles),
            "attributes": {
                "name": person.name,
                **({"department": person.department} if person.department else {}),
            },
        }
        for person in everybody
    }
    return {"config_version": 1, "users": users}


def _write(path: Path, document: Mapping[str, object]) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False), encoding="utf-8")


@contextmanager
def provider(folder: Path, everybody: Sequence[DemoPerson], clients: Mapping[str, str]) -> Iterator[Provider]:
    """A running provider for as long as the context lasts (for tests; a center starts its own)."""
    running = Provider(folder)
    try:
        running.start(everybody, clients)
        wait_until(running._answers, "The identity provider does not answer", running.child, START_S)
        yield running
    finally:
        running.child.close()
