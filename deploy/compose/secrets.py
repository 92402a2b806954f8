"""Makes what a center in containers must not share with anybody: passwords, keys, certificates, addresses.

Everything lies in one folder that only its owner may enter; files inside are readable, because each is mounted
into one container whose user is another. What is there already is kept, so that a new department or a second
run changes nobody's password.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from urllib.parse import quote

import yaml

from deploy.compose.certificates import Authority
from deploy.compose.houses import CA_FILE, SIZES, Container, codes, containers, inner_sites, sites
from deploy.contracts.broker_definitions import HEALER, OPERATOR, broker_definitions
from deploy.launcher.houses import DEPARTMENTS, departments
from deploy.launcher.people import people
from deploy.launcher.provider import DRIVER, provider_settings, provider_users
from deploy.servers.broker import VHOST
from libs.flow import FLOW
from libs.signatures import Signer, create_key

KINDS = ("owner", "app", "audit")


class Secrets:
    """The folder of one center; ``public`` is the address at which people reach it."""

    def __init__(self, folder: Path, public: str) -> None:
        self.folder = folder.absolute()
        self.public = public.rstrip("/")

    def make(self) -> None:
        """Everything for every department, in every size."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("secrets", "tls", "clock"):
            (self.folder / name).mkdir(exist_ok=True)
        self._certificates()
        every = containers("full")
        for house in every:
            self._house(house)
        self._kept("secrets/reference_secret")
        self._kept("secrets/postgres_password")
        self._kept("secrets/grafana_password")
        self._healer()
        for receiver in (
            "on_duty_webhook",
            "next_day_webhook",
        ):  # whom alerts tell; nobody, until it is written here
            self._kept(f"secrets/{receiver}", "http://127.0.0.1:9/nobody")
        entries = [self._signer(house).directory_entry() for house in every]
        self._write("secrets/directory.json", json.dumps(entries, indent=1))
        for size in SIZES:
            self._size(size)

    def password(self, name: str) -> str:
        """The password or secret of this name, made when first asked for."""
        return self._kept(f"secrets/{name}")

    def database_url(self, house: Container, kind: str, at: str = "postgres:5432", ca: str = CA_FILE) -> str:
        """The address of a house's database as its owner, as the service (app) or as the audit."""
        password = quote(self.password(f"{house.file}/{kind}_password"))
        login = f"{house.database}_{kind}_login"
        return f"postgresql://{login}:{password}@{at}/{house.database}?sslmode=verify-full&sslrootcert={ca}"

    def broker_password(self, account: str) -> str:
        """The password of a broker account."""
        return self.password(f"{account}/broker_password")

    def _house(self, house: Container) -> None:
        folder = self.folder / "secrets" / house.file
        folder.mkdir(exist_ok=True)
        account, password = quote(house.queue), quote(self.broker_password(house.queue))
        self._write(f"secrets/{house.file}/database_url", self.database_url(house, "app"))
        self._write(
            f"secrets/{house.file}/broker_url",
            f"amqps://{account}:{password}@rabbitmq:5671/{quote(VHOST, safe='')}?cafile={CA_FILE}",
        )
        for name in ("session_secret", "oidc_client_secret"):
            self.password(f"{house.file}/{name}")
        self._signer(house)

    def _healer(self) -> None:
        """Its own accounts: in the databases, at the broker, at the provider (as a program and as a person)."""
        for name in ("database_password", "oidc_client_secret", "login_password"):
            self.password(f"{HEALER}/{name}")
        password = quote(self.broker_password(HEALER))
        self._write(
            f"secrets/{HEALER}/broker_url", f"https://{HEALER}:{password}@rabbitmq:15671?cafile={CA_FILE}"
        )

    def healer_databases(self, houses: list[Container]) -> dict[str, str]:
        """Every database as its healer reads it."""
        password = quote(self.password(f"{HEALER}/database_password"))
        at, trust = "postgres:5432", f"?sslmode=verify-full&sslrootcert={CA_FILE}"
        return {
            house.file: f"postgresql://{HEALER}:{password}@{at}/{house.database}{trust}" for house in houses
        }

    def _signer(self, house: Container) -> Signer:
        path = self.folder / "secrets" / house.file / "signing_key.pem"
        if path.exists():
            return Signer.from_file(path, house.name)
        signer = create_key(path, house.name)
        path.chmod(0o644)
        return signer

    def _certificates(self) -> None:
        authority = Authority(self.folder / "tls")
        for server in ("rabbitmq", "postgres"):
            certificate = self.folder / "tls" / f"{server}.crt"
            authority.server([server, "localhost"], certificate, self.folder / "tls" / f"{server}.key")

    def _size(self, size: str) -> None:
        """What depends on which departments there are."""
        folder = f"config/{size}"
        houses = containers(size)
        passwords = {house.queue: self.broker_password(house.queue) for house in houses}
        passwords |= {name: self.broker_password(name) for name in (OPERATOR, HEALER)}
        definitions = broker_definitions(FLOW, codes(size), passwords)
        self._write(f"{folder}/definitions.json", json.dumps(definitions))
        lines = [
            " ".join([
                house.database, house.service,
                *(self.password(f"{house.file}/{kind}_password") for kind in KINDS),
            ])
            for house in houses
        ]  # fmt: skip
        self._write(f"{folder}/databases", "\n".join(lines) + "\n")
        self._write(f"{folder}/sites", json.dumps(sites(houses, self.public)))
        self._write(f"{folder}/healer/databases", json.dumps(self.healer_databases(houses)))
        self._write(f"{folder}/healer/sites", json.dumps(inner_sites(houses)))
        self._write(f"{folder}/targets/center.yaml", yaml.safe_dump([_target(house) for house in houses]))
        for service in FLOW.services:
            owners = [self.database_url(house, "owner") for house in houses if house.service == service]
            self._write(f"{folder}/owners.{service}", "\n".join(owners) + "\n")
        for code in codes(size):
            self._write(
                f"{folder}/departments/{code}.yaml", (DEPARTMENTS / f"{code}.yaml").read_text("utf-8")
            )
        for path in (self.folder / folder / "departments").glob("*.yaml"):
            if path.stem not in codes(size):
                path.unlink()
        self._provider(size, houses)

    def _provider(self, size: str, houses: list[Container]) -> None:
        """The development provider's people and clients. A login may end at whichever name it began with."""
        origins = [self.public, *(self.public.replace("onewindow.localhost", name) for name in _OTHER_NAMES)]
        clients = {
            house.host: (
                self.password(f"{house.file}/oidc_client_secret"),
                [f"{origin}{house.path}/login/callback" for origin in dict.fromkeys(origins)],
            )
            for house in houses
        }
        clients[DRIVER] = (self.password("driver_secret"), [])
        clients[HEALER] = (self.password(f"{HEALER}/oidc_client_secret"), [])
        told = provider_settings(
            f"{self.public}/provider", clients, keys_dir="/keys", session=self.password("provider_session"),
            management=self.password("provider_management"),
        )  # fmt: skip
        known = [department for department in departments() if department.code in codes(size)]
        users = provider_users(people(known), {HEALER: self.password(f"{HEALER}/login_password")})
        for name, document in (("settings", told), ("users", users)):
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            self._write(f"config/{size}/provider/{name}.yaml", text)

    def _kept(self, name: str, first: str | None = None) -> str:
        path = self.folder / name
        if not path.exists():
            self._write(name, first or secrets.token_urlsafe(24))
        return path.read_text(encoding="utf-8")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        partial = path.with_name(f".{path.name}")
        partial.write_text(text, encoding="utf-8")
        os.chmod(partial, 0o644)
        partial.replace(path)


_OTHER_NAMES = ("localhost", "127.0.0.1")


def _target(house: Container) -> dict[str, object]:
    """The house as Prometheus finds it, with the labels its figures carry."""
    labels = {"service": house.service, **({"department": house.department} if house.department else {})}
    return {"targets": [f"{house.host}:8000"], "labels": labels}
