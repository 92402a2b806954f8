"""The service processes as Prometheus finds them, one per service and department."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from libs.flow import FLOW

HERE = Path(__file__).parent
DEPARTMENTS = HERE.parent / "departments"
CENTER = HERE / "targets" / "center.yaml"
PORT = 8000
_HEAD = "# Generated from deploy/departments: python -m deploy.prometheus write\n"


def labels(service: str, department: str | None) -> dict[str, str]:
    """The labels every figure of a process carries."""
    return {"service": service, **({"department": department} if department else {})}


def host(service: str, department: str | None) -> str:
    """Its name in the network of the containers."""
    return f"{service}-{department}".replace("_", "-") if department else service


def targets(departments: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of a file_sd file for a center with these departments."""
    houses = [
        (service, department)
        for service, spread in FLOW.services.items()
        for department in (departments if spread["per"] == "department" else [None])
    ]
    return [
        {"targets": [f"{host(service, department)}:{PORT}"], "labels": labels(service, department)}
        for service, department in houses
    ]


def written(departments: Sequence[str]) -> str:
    """The file as text."""
    return _HEAD + yaml.safe_dump(targets(departments), sort_keys=True, default_flow_style=None, width=110)


def all_departments() -> list[str]:
    """Every department that has a file."""
    return sorted(path.stem for path in DEPARTMENTS.glob("*.yaml"))
