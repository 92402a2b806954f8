"""Secrets that External Secrets fetches from the store, and what their logins may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.kubernetes.writing import resource

SECRETS = "external-secrets.io/v1"
BASIC = "kubernetes.io/basic-auth"
TRUST = "/etc/onewindow/trust"
# Of one role: the largest number of replicas, each with its pool, and one more while rolling.
MAX_CONNECTIONS = 60


def external(
    name: str, told: Mapping[str, str], kind: str, where: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """A secret of this name; ``where`` is (entry, property) in the store by the name the template uses."""
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": "SecretStore", "name": "onewindow"},
        "target": {
            "name": name,
            "creationPolicy": "Owner",
            "template": {"type": kind, "engineVersion": "v2", "data": dict(told)},
        },
        "data": [
            {"secretKey": each, "remoteRef": {"key": key, "property": part}}
            for each, (key, part) in where.items()
        ],
    }
    return resource(SECRETS, "ExternalSecret", name, spec)
