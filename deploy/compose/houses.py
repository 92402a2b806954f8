"""The houses of a center in containers, their names there, and the sizes a center can have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.launcher.houses import departments
from libs.flow import FLOW

# Four departments that between them handle whole items, one with a fee and one with conditions.
SMALL = ("environment", "traffic_police", "urban_management", "water")
SIZES = ("full", "small")
CA_FILE = "/etc/onewindow/ca.crt"


@dataclass(frozen=True)
class Container:
    """One service process in its container."""

    service: str
    department: str | None = None

    @property
    def name(self) -> str:
        """``fee``, ``review/fire``: as logs, signatures and events name it."""
        return f"{self.service}/{self.department}" if self.department else self.service

    @property
    def host(self) -> str:
        """Its name in compose and on the networks: ``review-civil-defence``."""
        return self.name.replace("/", "-").replace("_", "-")

    @property
    def file(self) -> str:
        """Its name in file names: ``review.fire``."""
        return self.name.replace("/", ".")

    @property
    def path(self) -> str:
        """Where the gateway shows it: ``/review/fire``."""
        return f"/{self.name}"

    @property
    def database(self) -> str:
        """The name of its database: ``review_fire``."""
        return self.name.replace("/", "_")

    @property
    def queue(self) -> str:
        """Its queue and broker account: ``review.fire``."""
        return FLOW.queue(self.service, self.department)


def codes(size: str) -> list[str]:
    """The departments of a center of this size; ValueError for a size there is not."""
    every = [department.code for department in departments()]
    if size not in SIZES:
        raise ValueError(f"{size!r} is no size: {', '.join(SIZES)}")
    return every if size == "full" else [code for code in every if code in SMALL]


def containers(size: str) -> list[Container]:
    """Every house of a center of this size."""
    return [
        Container(service, code)
        for service, spread in FLOW.services.items()
        for code in (codes(size) if spread["per"] == "department" else [None])
    ]


def sites(houses: Sequence[Container], public: str) -> dict[str, Any]:
    """Where people find each house behind the gateway at ``public``, review's by department."""
    return _by_service(houses, lambda house: public + house.path)


def inner_sites(houses: Sequence[Container]) -> dict[str, Any]:
    """The same, where programs beside them find each house."""
    return _by_service(houses, lambda house: f"http://{house.host}:8000")


def _by_service(houses: Sequence[Container], address: Callable[[Container], str]) -> dict[str, Any]:
    found: dict[str, Any] = {"review": {}}
    for house in houses:
        if house.department:
            found["review"][house.department] = address(house)
        else:
            found[house.service] = address(house)
    return found
