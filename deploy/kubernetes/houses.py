"""The houses of a center on Kubernetes and what each is called there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.launcher.houses import DEPARTMENTS, departments
from libs.flow import FLOW

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
NAMESPACE = "onewindow"
# Supervision judges alone (services/supervision/domain/backlog.py); disclosure's log has one writer at a time,
# so that more hearers would only wait for each other.
SCALED_BY_QUEUE = {"intake": 4, "review": 3, "fee": 4}


@dataclass(frozen=True)
class House:
    """One service, of the whole center or of one department."""

    service: str
    department: str | None = None

    @property
    def name(self) -> str:
        """Of its objects: ``review-civil-defence`` (Kubernetes knows no underscores in names)."""
        return "-".join(filter(None, (self.service, self.department))).replace("_", "-")

    @property
    def spoken_name(self) -> str:
        """As logs, signatures and events name it: ``review/civil_defence``."""
        return "/".join(filter(None, (self.service, self.department)))

    @property
    def client_id(self) -> str:
        """Its name at the identity provider: ``review-civil_defence``, as on every other kind of machine."""
        return self.spoken_name.replace("/", "-")

    @property
    def path(self) -> str:
        """Where the gateway shows it: ``/review/civil_defence``."""
        return f"/{self.spoken_name}"

    @property
    def database(self) -> str:
        """Its database, and the stem of that database's roles: ``review_civil_defence``."""
        return self.spoken_name.replace("/", "_")

    @property
    def cluster(self) -> str:
        """The PostgreSQL cluster that holds it in production: one per service."""
        return f"{self.service}-db"

    @property
    def queue(self) -> str:
        """Its queue and broker account: ``review.civil_defence``."""
        return FLOW.queue(self.service, self.department)

    @property
    def keeps_references(self) -> bool:
        """Whether it turns logins into the center's opaque references."""
        return self.service in ("intake", "fee")


def codes(folder: Path = DEPARTMENTS) -> list[str]:
    """The codes of every department that has a file; ValueError when two would share a name in Kubernetes."""
    found = [department.code for department in departments(folder)]
    names = {code.replace("_", "-") for code in found}
    if len(names) != len(found):
        raise ValueError(f"{folder}: two departments would have the same name in Kubernetes")
    return found


def houses(wanted: list[str]) -> list[House]:
    """Every house of a center with these departments."""
    return [
        House(service, code)
        for service, spread in FLOW.services.items()
        for code in (wanted if spread["per"] == "department" else [None])
    ]
