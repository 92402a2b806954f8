"""The pods an overlay brings about: those it describes, and those operators make of its custom resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.kubernetes.kustomize import Object, named

LONG_RUNNING = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Pod:
    """One kind of pod; ``spec`` is None where an operator writes it."""

    name: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]
    spec: Mapping[str, Any] | None = None
    owner: Object = field(default_factory=dict)

    @property
    def lasting(self) -> bool:
        """Whether it is meant to run for ever."""
        return self.owner.get("kind") != "Job"

    def containers(self) -> Iterator[Mapping[str, Any]]:
        """Its containers, those that begin first among them."""
        for each in ("initContainers", "containers"):
            yield from (self.spec or {}).get(each, [])


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def pods(objects: Sequence[Object]) -> list[Pod]:
    """Every kind of pod of an overlay."""
    found = [_described(each) for each in of_kind(objects, *LONG_RUNNING, "Job")]
    for each in of_kind(objects, "RabbitmqCluster"):
        name = each["metadata"]["name"]
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "rabbitmq"}
        ports = {
            "amqps": 5671,
            "management-tls": 15671,
            "prometheus-tls": 15691,
            "epmd": 4369,
            "nodes": 25672,
        }
        found.append(Pod(f"{name}-server", labels, ports, owner=each))
    for each in of_kind(objects, "Cluster"):
        name = each["metadata"]["name"]
        ports = {"postgresql": 5432, "metrics": 9187, "status": 8000}
        found.append(Pod(name, {"cnpg.io/cluster": name}, ports, owner=each))
    return found


def _described(each: Object) -> Pod:
    template = each["spec"]["template"]
    ports = {
        port["name"]: port["containerPort"]
        for container in template["spec"]["containers"]
        for port in container.get("ports", [])
    }
    labels = template.get("metadata", {}).get("labels", {})
    return Pod(named(each), labels, ports, template["spec"], each)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (matchLabels and matchExpressions) takes these labels; an empty one takes all."""
    told = selector or {}
    return all(labels.get(name) == value for name, value in (told.get("matchLabels") or {}).items()) and all(
        _holds(each, labels) for each in told.get("matchExpressions") or []
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]
