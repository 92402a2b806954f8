"""The secrets of a local cluster: passwords, keys, and the files that hold them, for k8s/overlays/local.

Everything lies in ``k8s/overlays/local/secrets``, which git ignores and nobody else may enter. What is there is
kept, so a new department or a second run changes nobody's password. Production has its secrets from a store.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.contracts.broker_definitions import HEALER, OPERATOR, broker_definitions
from deploy.kubernetes.center import public_address
from deploy.kubernetes.houses import NAMESPACE, House
from deploy.kubernetes.writing import kustomization, text
from deploy.launcher.houses import departments
from deploy.launcher.people import people
from deploy.launcher.provider import DRIVER, provider_settings, provider_users
from deploy.servers.broker import VHOST
from libs.flow import FLOW
from libs.signatures import Signer, create_key

CONNECTIONS = 40  # of one role: its pool, twice while a new version comes
ISSUER = f"http://provider.{NAMESPACE}.svc:8000"  # for pods and, through a port forwarded, for browsers


class LocalSecrets:
    """The folder of secrets of the local overlay."""

    def __init__(self, overlay: Path, every: Sequence[House]) -> None:
        self.folder = overlay / "secrets"
        self._overlay = overlay
        self._every = list(every)
        self._generators: dict[str, list[str]] = {}

    def make(self) -> Path:
        """Write whatever is missing or out of date; returns the folder."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        reference = self._kept("reference_secret")
        for house in self._every:
            self._house(house, reference)
        self._healer()
        self._databases()
        self._broker()
        self._provider()
        entries = [self._signer(house).directory_entry() for house in self._every]
        self._file("key-directory", "directory.json", json.dumps(entries, indent=1))
        generators = [
            {"name": name, "files": sorted(files)} for name, files in sorted(self._generators.items())
        ]
        head = (
            "# Written by `python -m deploy.kubernetes secrets`; holds the names of secrets, not for git.\n"
        )
        self._write("kustomization.yaml", head + text(kustomization("Component", secretGenerator=generators)))
        return self.folder

    def _house(self, house: House, reference: str) -> None:
        name, account = house.name, quote(house.queue)
        app, owner = (self._kept(f"passwords/{name}.{kind}") for kind in ("app", "owner"))
        broker = self._kept(f"passwords/{name}.broker")
        self._file(name, "onewindow_database_url", self._database_url(house, "app", app))
        self._file(name, "onewindow_broker_url", f"amqp://{account}:{broker}@rabbitmq:5672/{VHOST}")
        self._file(name, "onewindow_oidc_client_secret", self._kept(f"passwords/{name}.oidc"))
        self._file(name, "onewindow_session_secret", self._kept(f"passwords/{name}.session"))
        if house.keeps_references:
            self._file(name, "onewindow_reference_secret", reference)
        self._signer(house)
        self._generators[name].append(f"signing_key.pem={name}/signing_key.pem")
        self._file(f"{name}-owner", "owner_url", self._database_url(house, "owner", owner))

    def _healer(self) -> None:
        database, broker = (self._kept(f"passwords/{HEALER}.{kind}") for kind in ("database", "broker"))
        at = f"postgresql://{HEALER}:{database}@postgres:5432"
        told = {house.spoken_name.replace("/", "."): f"{at}/{house.database}" for house in self._every}
        self._file(HEALER, "onewindow_audit_databases", json.dumps(told, indent=1))
        self._file(HEALER, "onewindow_audit_broker_url", f"http://{HEALER}:{broker}@rabbitmq:15672")
        self._file(HEALER, "onewindow_oidc_client_secret", self._kept(f"passwords/{HEALER}.oidc"))
        self._file(HEALER, "onewindow_healer_password", self._kept(f"passwords/{HEALER}.login"))

    @staticmethod
    def _database_url(house: House, kind: str, password: str) -> str:
        return f"postgresql://{house.database}_{kind}:{password}@postgres:5432/{house.database}"

    def _databases(self) -> None:
        parts = [
            _database_sql(
                house.database,
                self._kept(f"passwords/{house.name}.owner"),
                self._kept(f"passwords/{house.name}.app"),
            )
            for house in self._every
        ]
        parts.insert(0, _healer_sql(self._kept(f"passwords/{HEALER}.database")))
        self._file("database-administrator", "roles.sql", "\n".join(parts))
        self._file("database-administrator", "password", self._kept("passwords/postgres"))

    def _broker(self) -> None:
        passwords = {house.queue: self._kept(f"passwords/{house.name}.broker") for house in self._every}
        passwords[OPERATOR] = self._kept("passwords/operator")
        passwords[HEALER] = self._kept(f"passwords/{HEALER}.broker")
        codes = [house.department for house in self._every if house.department]
        told = broker_definitions(FLOW, codes, passwords)
        kept = self.folder / "broker-definitions" / "definitions.json"
        if kept.exists() and _nameless(json.loads(kept.read_text("utf-8"))) == _nameless(told):
            told = json.loads(kept.read_text("utf-8"))  # hashes are salted: a second run shall change nothing
        self._file("broker-definitions", "definitions.json", json.dumps(told, indent=1))

    def _provider(self) -> None:
        public = public_address(self._overlay)
        clients: dict[str, tuple[str, list[str]]] = {
            house.client_id: (
                self._kept(f"passwords/{house.name}.oidc"), [f"{public}{house.path}/login/callback"],
            )
            for house in self._every
        }  # fmt: skip
        clients[DRIVER] = (self._kept("passwords/driver"), [])
        clients[HEALER] = (self._kept(f"passwords/{HEALER}.oidc"), [])
        settings = provider_settings(
            ISSUER, clients, keys_dir="/keys",
            session=self._kept("passwords/provider.session"),
            management=self._kept("passwords/provider.management"),
        )  # fmt: skip
        codes = {house.department for house in self._every}
        known = [department for department in departments() if department.code in codes]
        self._file("provider", "settings.yaml", text(settings))
        users = provider_users(people(known), {HEALER: self._kept(f"passwords/{HEALER}.login")})
        self._file("provider", "users.yaml", text(users))

    def _signer(self, house: House) -> Signer:
        path = self.folder / house.name / "signing_key.pem"
        path.parent.mkdir(parents=True, exist_ok=True)
        return (
            Signer.from_file(path, house.spoken_name)
            if path.exists()
            else create_key(path, house.spoken_name)
        )

    def _file(self, secret: str, key: str, content: str) -> None:
        """One file of one Secret."""
        self._write(f"{secret}/{key}", content)
        self._generators.setdefault(secret, []).append(f"{key}={secret}/{key}")

    def _kept(self, name: str) -> str:
        path = self.folder / name
        if not path.exists():
            self._write(name, secrets.token_urlsafe(24))
        return path.read_text(encoding="utf-8")

    def _write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(content, encoding="utf-8")


def _nameless(definitions: dict[str, Any]) -> dict[str, Any]:
    users = [{**user, "password_hash": ""} for user in definitions["users"]]
    return {**definitions, "users": users}


def _healer_sql(password: str) -> str:
    """The login that reads, in every database, which events were said and heard; who owns it lets it in."""
    return (
        f"SELECT 'CREATE ROLE {HEALER}' WHERE NOT EXISTS "
        f"(SELECT FROM pg_roles WHERE rolname = '{HEALER}') \\gexec\n"
        f"ALTER ROLE {HEALER} LOGIN PASSWORD '{password}' CONNECTION LIMIT {2 * CONNECTIONS};\n"
        f"ALTER ROLE {HEALER} SET default_transaction_read_only TO on;\n"
    )


def _database_sql(name: str, owner: str, app: str) -> str:
    """One database with its roles, for psql; run again it only sets the passwords. Tokens need no escaping."""
    made = "".join(
        f"SELECT 'CREATE ROLE {name}_{kind} NOLOGIN' "
        f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}_{kind}') \\gexec\n"
        for kind in ("owner", "app", "audit")
    )
    return (
        f"{made}"
        f"ALTER ROLE {name}_owner LOGIN PASSWORD '{owner}' CONNECTION LIMIT {CONNECTIONS};\n"
        f"ALTER ROLE {name}_app LOGIN PASSWORD '{app}' CONNECTION LIMIT {CONNECTIONS};\n"
        f"SELECT 'CREATE DATABASE {name} OWNER {name}_owner TEMPLATE template0 ENCODING ''UTF8''' "
        f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n"
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;\n"
        f"GRANT CONNECT ON DATABASE {name} TO {name}_owner, {name}_app, {name}_audit;\n"
    )
