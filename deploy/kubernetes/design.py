"""What the design says a deployment must be: every house, the roads between them, the broker's rights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.kubernetes import topology
from deploy.kubernetes.houses import House, codes, houses
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.reach import Edge, edges
from deploy.kubernetes.workloads import of_kind

NAMES = ("names", 53)
_COMMON = {
    "local": [("StatefulSet/rabbitmq", 5672), ("Deployment/provider", 8000)],
    "production": [("rabbitmq-server", 5671), ("an identity provider", 443), ("an identity provider", 8443)],
}

_HEALER = {  # it asks the management how long queues are, and never speaks AMQP
    "local": [("StatefulSet/rabbitmq", 15672), ("Deployment/provider", 8000)],
    "production": [("rabbitmq-server", 15671), *_COMMON["production"][1:]],
}


def missing_houses(objects: Sequence[Object], wanted: Iterable[House] | None = None) -> list[str]:
    """Every house, of every department with a file, needs its deployment, address and migration."""
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    needed = [
        (kind, name)
        for house in (wanted or houses(codes()))
        for kind, name in (
            ("Deployment", house.name), ("Service", house.name), ("Job", _migration(house).removeprefix("Job/")),
        )
    ]  # fmt: skip
    return [f"{kind}/{name} is missing" for kind, name in needed if (kind, name) not in there]


def _migration(house: House) -> str:
    suffix = house.name.removeprefix(house.service)
    return f"Job/{house.service}-migration{suffix}"


def roads(overlay: str) -> set[Edge]:
    """Every connection the design names: a service reaches the broker, its own database, the identity provider,
    the collector and the cluster's names; departments reach intake for materials; the healer reaches every database
    and every service; the gateway reaches everybody."""
    found: set[Edge] = set()
    for house in houses(codes()):
        service, migration = f"Deployment/{house.name}", _migration(house)
        database = "StatefulSet/postgres" if overlay == "local" else house.cluster
        found |= {(service, to, port) for to, port in [*_COMMON[overlay], ("collector", 4318), NAMES]}
        found |= {(own, database, 5432) for own in (service, migration)}
        found |= {(migration, *NAMES)}
        found |= {(who, service, 8000) for who in ("a gateway", "prometheus", "collector")}
        if house.department:
            found.add((service, "Deployment/intake", 8000))
        if overlay == "local":
            found.add(("Deployment/gateway", service, 8000))
        found |= {("Deployment/healer", end, port) for end, port in ((service, 8000), (database, 5432))}
    found |= {("Deployment/healer", to, port) for to, port in [*_HEALER[overlay], NAMES]}
    found |= {(who, "Deployment/healer", 9200) for who in ("prometheus", "collector")}
    return found | (_local_servers() if overlay == "local" else _clusters())


def _local_servers() -> set[Edge]:
    servers = ("StatefulSet/rabbitmq", "StatefulSet/postgres", "Deployment/provider", "Deployment/gateway")
    found: set[Edge] = {(server, *NAMES) for server in servers}
    found |= {("Job/databases", "StatefulSet/postgres", 5432), ("Job/databases", *NAMES)}
    return found | {(who, "StatefulSet/rabbitmq", 15692) for who in ("prometheus", "collector")}


def _clusters() -> set[Edge]:
    found: set[Edge] = {("rabbitmq-server", *NAMES)}
    found |= {("rabbitmq-server", "rabbitmq-server", port) for port in (4369, 25672)}
    found |= {(who, "rabbitmq-server", 15671) for who in ("scaler", "broker's operator")}
    watchers = ("prometheus", "collector")
    found |= {(who, "rabbitmq-server", 15691) for who in watchers}
    for cluster in {house.cluster for house in houses(codes())}:
        found |= {(cluster, *NAMES), ("databases' operator", cluster, 8000)}
        found |= {(cluster, cluster, port) for port in (5432, 8000)}
        found |= {(who, cluster, 9187) for who in watchers}
        # An instance asks the API server who is primary; where that stands, no policy can know.
        found |= {(cluster, "anybody", port) for port in (443, 6443)} | {
            (cluster, "an identity provider", 443)
        }
    return found


def road_faults(overlay: str, objects: Sequence[Object]) -> list[str]:
    """Connections that are possible and not named, and those that are named and not possible."""
    possible = {edge for edge in edges(objects) if not _to_the_front_door(edge)}
    named = roads(overlay)
    return [f"{one} reaches {other}:{port}" for one, other, port in sorted(possible - named)] + [
        f"{one} does not reach {other}:{port}" for one, other, port in sorted(named - possible)
    ]


def _to_the_front_door(edge: Edge) -> bool:
    return edge[1:] == ("Deployment/gateway", 8080) and "/" not in edge[0]  # anybody may knock, from outside


def broker_faults(objects: Sequence[Object], told: Mapping[str, Any]) -> list[str]:
    """Where the topology operator's objects say something else than the broker's definitions."""
    account_of = {topology.object_name(user["name"]): user["name"] for user in told["users"]}
    wanted: dict[str, set[Any]] = {
        "Queue": {(each["name"], each["arguments"]["x-queue-type"]) for each in told["queues"]},
        "Exchange": {(each["name"], each["type"]) for each in told["exchanges"]},
        "Binding": {(each["source"], each["destination"], each["routing_key"]) for each in told["bindings"]},
        "Permission": {
            (each["user"], each["configure"], each["write"], each["read"]) for each in told["permissions"]
        },
        "TopicPermission": {
            (each["user"], each["exchange"], each["write"]) for each in told["topic_permissions"]
        },
        "Policy": {(each["name"], each["pattern"], _sorted(each["definition"])) for each in told["policies"]},
    }
    found: dict[str, set[Any]] = {kind: set() for kind in wanted}
    for each in of_kind(objects, *wanted):
        found[each["kind"]].add(_said(each["kind"], each["spec"], account_of))
    operators = {("operator", ".*", ".*", ".*")}  # the cluster's own
    operators |= {(name, "^$", "^$", "^$") for name in ("scaler", "healer")}  # KEDA's; both only look
    return [
        f"{kind} {difference}"
        for kind in wanted
        for difference in sorted((wanted[kind] ^ found[kind]) - operators)
    ]


def _said(kind: str, spec: Mapping[str, Any], account_of: Mapping[str, str]) -> tuple[Any, ...]:
    if kind in ("Permission", "TopicPermission"):
        account = spec["userReference"]["name"]
        user, rights = account_of.get(account, account), spec["permissions"]
        parts = ("configure", "write", "read") if kind == "Permission" else ("exchange", "write")
        return (user, *(rights[part] for part in parts))
    if kind == "Queue":
        return spec["name"], spec["type"]
    if kind == "Exchange":
        return spec["name"], spec["type"]
    if kind == "Binding":
        return spec["source"], spec["destination"], spec["routingKey"]
    return spec["name"], spec["pattern"], _sorted(spec["definition"])


def _sorted(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True)
