"""Who can open a connection to whom, computed from the network policies as a cluster would enforce them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.kubernetes.houses import NAMESPACE
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.workloads import of_kind, pods, selects


@dataclass(frozen=True)
class End:
    """One end of a connection: pods of the center, or somebody elsewhere (then ``namespace`` holds its labels)."""

    name: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]
    namespace: Mapping[str, str] | None = None

    @property
    def inside(self) -> bool:
        """Whether it is in the center's namespace, where the policies are."""
        return self.namespace is None


def _elsewhere(name: str, label: str, *ports: int, **labels: str) -> End:
    return End(name, labels, ports, {label: "true"})


OUTSIDE = (
    End("names", {"k8s-app": "kube-dns"}, (53,), {"kubernetes.io/metadata.name": "kube-system"}),
    _elsewhere("a gateway", "onewindow/gateway"),
    _elsewhere("prometheus", "onewindow/monitoring"),
    End(
        "collector",
        {"app.kubernetes.io/name": "opentelemetry-collector"},
        (4318,),
        {"onewindow/monitoring": "true"},
    ),
    _elsewhere("an identity provider", "onewindow/identity-provider", 443, 8443),
    _elsewhere("scaler", "onewindow/scaler"),
    _elsewhere("broker's operator", "onewindow/broker-operator"),
    _elsewhere("databases' operator", "onewindow/database-operator"),
    End("anybody", {}, (80, 443, 6443, 5432, 5671, 5672, 8000), {"kubernetes.io/metadata.name": "elsewhere"}),
)
Edge = tuple[str, str, int]


def edges(objects: Sequence[Object]) -> set[Edge]:
    """(from, to, port) of every connection that both ends' policies let through."""
    ends = [
        End(pod.name, pod.labels, tuple(sorted(set(pod.ports.values())))) for pod in pods(objects)
    ] + list(OUTSIDE)
    policies = of_kind(objects, "NetworkPolicy")
    found = set()
    for one in ends:
        for other in ends:
            if not (one.inside or other.inside):
                continue
            for port in other.ports:
                if _may(policies, one, other, port, "Egress") and _may(policies, other, one, port, "Ingress"):
                    found.add((one.name, other.name, port))
    return found


def _may(policies: Sequence[Object], own: End, peer: End, port: int, way: str) -> bool:
    """Whether the policies that select ``own`` let ``peer`` through; nobody's policies bind who is elsewhere."""
    if not own.inside:
        return True
    about = [
        each["spec"]
        for each in policies
        if way in each["spec"]["policyTypes"] and selects(each["spec"]["podSelector"], own.labels)
    ]
    if not about:
        return True
    rules, peers = ("egress", "to") if way == "Egress" else ("ingress", "from")
    return any(
        _port_fits(rule.get("ports"), port) and _peer_fits(rule.get(peers), peer)
        for spec in about
        for rule in spec.get(rules) or []
    )


def _port_fits(told: Sequence[Mapping[str, Any]] | None, port: int) -> bool:
    return not told or any(each["port"] <= port <= each.get("endPort", each["port"]) for each in told)


def _peer_fits(told: Sequence[Mapping[str, Any]] | None, peer: End) -> bool:
    return not told or any(_is_meant(each, peer) for each in told)


def _is_meant(told: Mapping[str, Any], peer: End) -> bool:
    if "namespaceSelector" in told:
        namespace = (
            peer.namespace if peer.namespace is not None else {"kubernetes.io/metadata.name": NAMESPACE}
        )
        if not selects(told["namespaceSelector"], namespace):
            return False
    elif not peer.inside:
        return False
    return selects(told.get("podSelector"), peer.labels)
