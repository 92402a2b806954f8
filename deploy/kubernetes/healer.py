"""What the healer has in the production overlay: one login for all databases, one at the broker, one at the provider.

Its role may read which events were said and heard, nothing of what is in them (libs/migration.HEALER_READS); its
account at the broker may look at the length of queues (the tag `monitoring`) and touch none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from deploy.contracts.broker_definitions import HEALER
from deploy.kubernetes.houses import NAMESPACE, House
from deploy.kubernetes.stored import BASIC, MAX_CONNECTIONS, TRUST, external
from deploy.kubernetes.topology import API, CLUSTER
from deploy.kubernetes.writing import resource
from deploy.servers.broker import VHOST

ENTRY = f"{NAMESPACE}/{HEALER}"
ROLE = {
    "name": HEALER, "ensure": "present", "login": True, "connectionLimit": MAX_CONNECTIONS,
    "passwordSecret": {"name": f"{HEALER}-database"},
}  # fmt: skip
_BROKER = f"https://{HEALER}:{{{{ .broker_password | urlquery }}}}@rabbitmq.{NAMESPACE}.svc:15671"


def objects(every: Sequence[House]) -> list[dict[str, Any]]:
    """Its secrets and its account at the broker."""
    databases = {_name(house): _address(house) for house in every}
    told = {
        "onewindow_audit_databases": json.dumps(databases, indent=1),
        "onewindow_audit_broker_url": f"{_BROKER}?cafile={TRUST}/broker.crt",
        "onewindow_oidc_client_secret": "{{ .oidc_client_secret }}",
    }
    wanted = ("database_password", "broker_password", "oidc_client_secret")
    login = {"username": HEALER, "password": "{{ .password }}"}
    nothing = {right: "^$" for right in ("configure", "write", "read")}
    user = {"userReference": {"name": HEALER}, "vhost": VHOST, "permissions": nothing, **CLUSTER}
    return [
        external(HEALER, told, "Opaque", {each: (ENTRY, each) for each in wanted}),
        external(f"{HEALER}-database", login, BASIC, {"password": (ENTRY, "database_password")}),
        external(f"{HEALER}-broker", login, BASIC, {"password": (ENTRY, "broker_password")}),
        resource(
            API, "User", HEALER,
            {"tags": ["monitoring"], "importCredentialsSecret": {"name": f"{HEALER}-broker"}, **CLUSTER},
        ),
        resource(API, "Permission", HEALER, user),
    ]  # fmt: skip


def _name(house: House) -> str:
    return house.spoken_name.replace("/", ".")


def _address(house: House) -> str:
    host = f"{house.cluster}-rw.{NAMESPACE}.svc:5432"
    trust = f"?sslmode=verify-full&sslrootcert={TRUST}/{house.cluster}.crt"
    return f"postgresql://{HEALER}:{{{{ .database_password | urlquery }}}}@{host}/{house.database}{trust}"
