"""What each house has in the production overlay besides its base: secrets, queue, scaling, route, database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.kubernetes import healer, topology
from deploy.kubernetes.houses import NAMESPACE, SCALED_BY_QUEUE, House
from deploy.kubernetes.stored import BASIC, MAX_CONNECTIONS, TRUST, external
from deploy.kubernetes.writing import document, kustomization, resource, text
from deploy.servers.broker import VHOST

MESSAGES_A_REPLICA = "500"  # a backlog of so many is worth one more hearer
_URL = "{scheme}://{user}:{{{{ .{password} | urlquery }}}}@{host}"


def files(folder: Path, every: Sequence[House], codes: Sequence[str]) -> dict[Path, str]:
    """The files below ``folder`` (k8s/overlays/production/houses)."""
    found = {folder / f"{house.name}.yaml": _house_file(house, codes) for house in every}
    found[folder / "healer.yaml"] = document("deploy/departments", *healer.objects(every))
    found[folder / "broker.yaml"] = document("contracts/flow.yaml", *topology.shared(codes))
    names = sorted(path.name for path in found)
    component = kustomization("Component", resources=names, patches=_cluster_roles(every))
    found[folder / "kustomization.yaml"] = document("deploy/departments", component)
    return found


def _house_file(house: House, codes: Sequence[str]) -> str:
    objects = [*external_secrets(house), *topology.of_account(house.queue, codes), route(house)]
    if house.service in SCALED_BY_QUEUE:
        objects.append(scaled(house))
    if house.department:
        objects.append(database(house))
    source = f"deploy/departments/{house.department}.yaml" if house.department else "contracts/flow.yaml"
    return document(f"{source} and deploy/kubernetes/production.py", *objects)


def external_secrets(house: House) -> list[dict[str, Any]]:
    """Everything secret of a house, each where only one reader mounts it; the store keeps one entry a house."""
    at = f"{house.cluster}-rw.{NAMESPACE}.svc:5432/{house.database}"
    tls = f"?sslmode=verify-full&sslrootcert={TRUST}/database.crt"
    database = {"scheme": "postgresql", "host": at + tls}
    broker = f"rabbitmq.{NAMESPACE}.svc:5671/{VHOST}?cafile={TRUST}/broker.crt"
    owner, app = f"{house.database}_owner", f"{house.database}_app"
    told = {
        "onewindow_database_url": _URL.format(user=app, password="database_app_password", **database),
        "onewindow_broker_url": _URL.format(
            scheme="amqps", user=house.queue, password="broker_password", host=broker
        ),
        "onewindow_oidc_client_secret": "{{ .oidc_client_secret }}",
        "onewindow_session_secret": "{{ .session_secret }}",
        "signing_key.pem": "{{ .signing_key }}",
    }
    wanted = [
        "database_app_password",
        "broker_password",
        "oidc_client_secret",
        "session_secret",
        "signing_key",
    ]
    center: list[str] = []
    if house.keeps_references:
        told["onewindow_reference_secret"] = "{{ .reference_secret }}"
        center = ["reference_secret"]
    owner_url = _URL.format(user=owner, password="database_owner_password", **database)
    login = {"password": "{{ .password }}"}
    return [
        _secret(house.name, house, told, wanted, center),
        _secret(f"{house.name}-owner", house, {"owner_url": owner_url}, ["database_owner_password"]),
        _login(
            f"{house.name}-database-owner", house, {"username": owner, **login}, "database_owner_password"
        ),
        _login(f"{house.name}-database-app", house, {"username": app, **login}, "database_app_password"),
        _login(f"{house.name}-broker", house, {"username": house.queue, **login}, "broker_password"),
    ]


def _secret(
    name: str, house: House, told: Mapping[str, str], wanted: Sequence[str], center: Sequence[str] = ()
) -> dict[str, Any]:
    return external(
        name, told, "Opaque",
        {each: (f"{NAMESPACE}/{house.name}", each) for each in wanted}
        | {each: (f"{NAMESPACE}/center", each) for each in center},
    )  # fmt: skip


def _login(name: str, house: House, told: Mapping[str, str], where: str) -> dict[str, Any]:
    return external(name, told, BASIC, {"password": (f"{NAMESPACE}/{house.name}", where)})


def scaled(house: House) -> dict[str, Any]:
    """More hearers while the queue is long; never fewer than two, so that a node may go."""
    spec = {
        "scaleTargetRef": {"name": house.name},
        "minReplicaCount": 2,
        "maxReplicaCount": SCALED_BY_QUEUE[house.service],
        "pollingInterval": 15,
        "cooldownPeriod": 300,
        "triggers": [
            {
                "type": "rabbitmq",
                "metadata": {
                    "protocol": "http",
                    "queueName": house.queue,
                    "vhostName": VHOST,
                    "mode": "QueueLength",
                    "value": MESSAGES_A_REPLICA,
                },
                "authenticationRef": {"name": "broker-scaler"},
            }
        ],
    }
    return resource("keda.sh/v1alpha1", "ScaledObject", house.name, spec)


def route(house: House) -> dict[str, Any]:
    """Its part of the one address; figures and states for machines stay inside."""
    inner = [
        {"path": {"type": "Exact", "value": f"{house.path}/{door}"}}
        for door in ("metrics", "readyz", "healthz")
    ]
    home = {"type": "ReplaceFullPath", "replaceFullPath": "/disclosure/"}
    spec = {
        "parentRefs": [{"name": "onewindow", "sectionName": "https"}],
        "rules": [
            {
                "matches": inner,
                "filters": [
                    {"type": "RequestRedirect", "requestRedirect": {"path": home, "statusCode": 302}}
                ],
            },
            {
                "matches": [{"path": {"type": "PathPrefix", "value": house.path}}],
                "filters": [
                    {
                        "type": "URLRewrite",
                        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
                    }
                ],
                "backendRefs": [{"name": house.name, "port": 8000}],
            },
        ],
    }
    return resource("gateway.networking.k8s.io/v1", "HTTPRoute", house.name, spec)


def database(house: House) -> dict[str, Any]:
    """A department's database in the cluster of its service; deleting the object keeps the data.

    No ``template``: kustomize takes it for a pod's.
    """
    spec = {
        "cluster": {"name": house.cluster},
        "name": house.database,
        "owner": f"{house.database}_owner",
        "databaseReclaimPolicy": "retain",
    }
    return resource("postgresql.cnpg.io/v1", "Database", house.name, spec)


def roles(house: House) -> list[dict[str, Any]]:
    """The owner (who migrates), the service and the audit of one database, as CloudNativePG keeps them."""
    stem = house.database
    return [
        {
            "name": f"{stem}_{kind}",
            "ensure": "present",
            "login": True,
            "connectionLimit": MAX_CONNECTIONS,
            "passwordSecret": {"name": f"{house.name}-database-{kind}"},
        }
        for kind in ("owner", "app")
    ] + [{"name": f"{stem}_audit", "ensure": "present", "login": False}]


def _cluster_roles(every: Sequence[House]) -> list[dict[str, Any]]:
    """One patch per cluster: the roles of every database it holds."""
    held: dict[str, list[dict[str, Any]]] = {}
    for house in every:
        held.setdefault(house.cluster, [healer.ROLE]).extend(roles(house))
    return [
        {
            "target": {"kind": "Cluster", "name": cluster},
            "patch": text([{"op": "add", "path": "/spec/managed", "value": {"roles": found}}]),
        }
        for cluster, found in held.items()
    ]
