"""What one service process is told when it starts: its address, database, account, keys and neighbours."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deploy.launcher.people import Department
from deploy.servers.children import free_ports
from libs.flow import FLOW
from libs.signatures import create_key

DEPARTMENTS = Path(__file__).resolve().parents[1] / "departments"


@dataclass(frozen=True)
class House:
    """One service process: of the whole center, or of one department."""

    service: str
    department: str | None
    port: int

    @property
    def name(self) -> str:
        """``fee``, ``review/fire``: as logs, signatures and the broker's events name it."""
        return f"{self.service}/{self.department}" if self.department else self.service

    @property
    def client_id(self) -> str:
        """Its name at the identity provider (and of its cookies)."""
        return self.name.replace("/", "-")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> str:
        """Its name in file names."""
        return self.name.replace("/", ".")


def departments(folder: Path = DEPARTMENTS) -> list[Department]:
    """Every department that has a file; adding one is adding its file."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        if told["code"] != path.stem or not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
            raise ValueError(f"{path}: the code must be the file's name, in a-z, 0-9 and _")
        found.append(Department(told["code"], told["name"]["zh"], told["name"]["en"]))
    return found


def houses(codes: Sequence[str]) -> list[House]:
    """The houses of a center with these departments, each on a free port."""
    wanted = [
        (service, code)
        for service, spread in FLOW.services.items()
        for code in (codes if spread["per"] == "department" else [None])
    ]
    ports = free_ports(len(wanted))
    return [House(service, code, port) for (service, code), port in zip(wanted, ports, strict=True)]


def sites(built: Sequence[House]) -> dict[str, Any]:
    """The addresses of all services, review's by department."""
    found: dict[str, Any] = {"review": {}}
    for house in built:
        if house.department:
            found["review"][house.department] = house.url
        else:
            found[house.service] = house.url
    return found


@dataclass
class Secrets:
    """Keys and secrets of one run, kept in its folder, readable by nobody else."""

    folder: Path
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    reference: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def directory(self) -> Path:
        """The published key directory."""
        return self.folder / "directory.json"

    def key(self, house: House) -> Path:
        """The private signing key of one house."""
        return self.folder / f"{house.file}.pem"

    def make(self, built: Sequence[House]) -> None:
        """A signing key for everyone who signs, and the directory of their public keys."""
        self.folder.mkdir(mode=0o700)
        entries = [create_key(self.key(house), house.name).directory_entry() for house in built]
        self.directory.write_text(json.dumps(entries, indent=1), encoding="utf-8")


def environment(
    house: House, run_dir: Path, keys: Secrets, departments_dir: Path, addresses: Mapping[str, str]
) -> dict[str, str]:
    """A house's settings; ``addresses`` holds database, broker, issuer, client_secret, audience, sites."""
    data = run_dir / "data" / house.file
    data.mkdir(parents=True, exist_ok=True)
    told = {
        "DATABASE_URL": addresses["database"],
        "BROKER_URL": addresses["broker"],
        "HTTP_PORT": str(house.port),
        "OIDC_ISSUER": addresses["issuer"],
        "OIDC_AUDIENCE": addresses["audience"],
        "OIDC_CLIENT_ID": house.client_id,
        "OIDC_CLIENT_SECRET": addresses["client_secret"],
        "SESSION_SECRET": keys.session,
        "SITES": addresses["sites"],
        "CLOCK_FILE": str(run_dir / "clock.json"),
        "TRACE_FILE": str(run_dir / "traces" / f"{house.file}.jsonl"),
        "SIGNING_KEY_FILE": str(keys.key(house)),
        "KEY_DIRECTORY_FILE": str(keys.directory),
        "DATA_DIR": str(data),
        "DEPARTMENTS_DIR": str(departments_dir),
    }
    if house.department:
        told["DEPARTMENT_FILE"] = str(departments_dir / f"{house.department}.yaml")
    if house.service in ("intake", "fee"):  # both turn a login into the same opaque reference
        told["REFERENCE_SECRET"] = keys.reference
    if house.service == "fee":
        told["PAYMENT_CHANNEL"] = "demonstration"
    return {f"ONEWINDOW_{name}": value for name, value in told.items()}
