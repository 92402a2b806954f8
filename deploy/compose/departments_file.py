"""Writes deploy/compose/departments.yml: a service of compose for every file in deploy/departments."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.compose.houses import SMALL, Container, containers

STATE = "${ONEWINDOW_STATE:-../../.compose}"
HEAD = """\
# Generated from deploy/departments by `python -m deploy.compose write`: one house per department, with what only it
# may read.
# The profile `full` has them all, `small` four.
"""
OWN_SECRETS = ("database_url", "broker_url", "oidc_client_secret", "session_secret", "signing_key.pem")


def departments_file() -> str:
    """The whole file."""
    houses = [house for house in containers("full") if house.department]
    document = {
        "services": {house.host: _service(house) for house in houses},
        "secrets": {
            _secret(house, name): {"file": f"{STATE}/secrets/{house.file}/{name}"}
            for house in houses
            for name in OWN_SECRETS
        },
    }
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=118)


def _service(house: Container) -> dict[str, Any]:
    return {
        "extends": {"file": "house.yml", "service": "house"},
        "image": "onewindow/review:${ONEWINDOW_VERSION:-dev}",
        # the gateway reads the department off the path, and its code may have what a host's name has not
        "networks": {"edge": {"aliases": [f"review-{house.department}"]}, "inside": {}},
        "profiles": ["full", "small"] if house.department in SMALL else ["full"],
        "environment": {
            "ONEWINDOW_DEPARTMENT_FILE": f"/app/deploy/departments/{house.department}.yaml",
            "ONEWINDOW_OIDC_CLIENT_ID": house.host,
            "ONEWINDOW_PUBLIC_PATH": house.path,
        },
        "secrets": [
            *({"source": _secret(house, name), "target": _target(name)} for name in OWN_SECRETS),
            {"source": "sites", "target": "onewindow_sites"},
        ],
        "depends_on": {
            "migrate-review": {"condition": "service_completed_successfully"},
            "rabbitmq": {"condition": "service_healthy"},
        },
    }


def _secret(house: Container, name: str) -> str:
    return f"{house.host}_{name.partition('.')[0]}"


def _target(name: str) -> str:
    return name if "." in name else f"onewindow_{name}"
