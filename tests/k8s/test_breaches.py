"""Each planted breach is found: in pods, in names, in schemas, in the broker's rights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.kubernetes import references, restricted, schemas
from deploy.kubernetes.check import broker
from deploy.kubernetes.houses import ROOT
from deploy.kubernetes.kustomize import Object

Objects = list[Object]
Changed = Callable[..., Objects]
CRDS = ROOT.parent / "shared" / "containers" / "crds"


# ---- pods


def _pod(deployment: Object) -> dict[str, Any]:
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def _container(deployment: Object) -> dict[str, Any]:
    found: dict[str, Any] = _pod(deployment)["containers"][0]
    return found


POD_BREACHES: list[tuple[str, Callable[[Object], object]]] = [
    ("may run as root", lambda each: _pod(each)["securityContext"].pop("runAsNonRoot")),
    ("has no seccomp profile", lambda each: _pod(each)["securityContext"].pop("seccompProfile")),
    ("is given a token", lambda each: _pod(each).pop("automountServiceAccountToken")),
    ("has no account of its own", lambda each: _pod(each).pop("serviceAccountName")),
    ("uses hostNetwork", lambda each: _pod(each).update(hostNetwork=True)),
    ("as hostPath", lambda each: _pod(each)["volumes"].append({"name": "tmp2", "hostPath": {"path": "/"}})),
    (
        "volumes and mounts differ",
        lambda each: _pod(each)["volumes"].append({"name": "other", "emptyDir": {}}),
    ),
    ("may gain privileges", lambda each: _container(each)["securityContext"].pop("allowPrivilegeEscalation")),
    ("may write to its root", lambda each: _container(each)["securityContext"].pop("readOnlyRootFilesystem")),
    (
        "keeps capabilities",
        lambda each: _container(each)["securityContext"].update(capabilities={"drop": ["NET_RAW"]}),
    ),
    (
        "keeps capabilities",
        lambda each: _container(each)["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
    ),
    ("runs as root", lambda each: _container(each)["securityContext"].update(runAsUser=0)),
    ("takes port 80", lambda each: _container(each)["ports"][0].update(hostPort=80)),
    ("names no limits of memory", lambda each: _container(each)["resources"]["limits"].pop("memory")),
    ("names no requests of cpu", lambda each: _container(each)["resources"]["requests"].pop("cpu")),
    ("has no startupProbe", lambda each: _container(each).pop("startupProbe")),
    ("has no readinessProbe", lambda each: _container(each).pop("readinessProbe")),
    ("has no livenessProbe", lambda each: _container(each).pop("livenessProbe")),
    ("on one node", lambda each: _pod(each)["topologySpreadConstraints"].pop()),
    ("which registry", lambda each: _container(each).update(image="registry.example:5000/onewindow/fee")),
    ("which onewindow/fee:latest", lambda each: _container(each).update(image="onewindow/fee:latest")),
    (
        "0 disruption budgets",
        lambda each: each["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/name"),
    ),
]


@pytest.mark.parametrize(("found", "alter"), POD_BREACHES, ids=[found for found, _ in POD_BREACHES])
def test_planted_pod_is_found(changed: Changed, found: str, alter: Callable[[Object], object]) -> None:
    faults = restricted.faults(changed("Deployment", "fee", alter))
    assert any(found in fault for fault in faults), faults


def test_namespace_that_enforces_nothing_is_found(changed: Changed) -> None:
    objects = changed("Namespace", "onewindow", lambda each: each["metadata"].pop("labels"))
    assert restricted.faults(objects) == ["Namespace/onewindow: does not enforce restricted pods"]


# ---- names


def _rename(name: str) -> Callable[[Object], object]:
    return lambda each: each["metadata"].update(name=name)


NAME_BREACHES: list[tuple[str, str, str, Callable[[Object], object]]] = [
    ("ServiceAccount unused is nowhere", "Deployment", "fee",
     lambda each: _pod(each).update(serviceAccountName="unused")),
    ("ServiceAccount/other: is used by nothing", "ServiceAccount", "fee", _rename("other")),
    ("Secret fee is nowhere", "ExternalSecret", "fee", lambda each: each["spec"]["target"].update(name="other")),
    ("Secret/other: is used by nothing", "ExternalSecret", "fee",
     lambda each: each["spec"]["target"].update(name="other")),
    ("Secret rabbitmq-tls is nowhere", "Certificate", "rabbitmq", lambda each: each["spec"].update(secretName="x")),
    ("its selector selects no pod", "Service", "fee", lambda each: each["spec"].update(selector={"a": "b"})),
    ("its selector selects no pod", "NetworkPolicy", "fee-db",
     lambda each: each["spec"].update(podSelector={"matchLabels": {"cnpg.io/cluster": "fees"}})),
    ("its egress peer selects no pod", "NetworkPolicy", "fee-to-its-database",
     lambda each: each["spec"]["egress"][0]["to"][0].update(podSelector={"matchLabels": {"cnpg.io/cluster": "x"}})),
    ("has no port web", "Service", "fee", lambda each: each["spec"]["ports"][0].update(targetPort="web")),
    ("has no port web", "PodMonitor", "services",
     lambda each: each["spec"]["podMetricsEndpoints"][0].update(port="web")),
    ("there is no listener plain", "HTTPRoute", "fee",
     lambda each: each["spec"]["parentRefs"][0].update(sectionName="plain")),
    ("there is no fee:80", "HTTPRoute", "fee", lambda each: each["spec"]["rules"][1]["backendRefs"][0].update(port=80)),
    ("nothing to scale", "ScaledObject", "fee", lambda each: each["spec"]["scaleTargetRef"].update(name="fees")),
    ("its number is fixed as well", "Deployment", "fee", lambda each: each["spec"].update(replicas=3)),
    ("there is no queue fees", "ScaledObject", "fee",
     lambda each: each["spec"]["triggers"][0]["metadata"].update(queueName="fees")),
    ("its owner is no role", "Database", "review-fire", lambda each: each["spec"].update(owner="postgres")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "kind", "name", "alter"), NAME_BREACHES, ids=[each[0] for each in NAME_BREACHES]
)
def test_planted_name_is_found(
    changed: Changed, found: str, kind: str, name: str, alter: Callable[[Object], object]
) -> None:
    faults = references.faults(changed(kind, name, alter))
    assert any(found in fault for fault in faults), faults


# ---- schemas and rights


SCHEMA_BREACHES: list[tuple[str, str, Callable[[Object], object]]] = [
    ("Deployment", "fee", lambda each: each["spec"].update(replicsa=2)),
    ("Service", "fee", lambda each: each["spec"]["ports"][0].update(port="http")),
    ("ScaledObject", "fee", lambda each: each["spec"].update(minReplicas=2)),
    ("ScaledObject", "fee", lambda each: each["spec"].update(minReplicaCount="two")),
    ("Cluster", "fee-db", lambda each: each["spec"].pop("instances")),
    ("RabbitmqCluster", "rabbitmq", lambda each: each["spec"].update(nodes=3)),
    ("Queue", "fee", lambda each: each["spec"].update(deletionPolicy="keep")),
    ("Certificate", "public", lambda each: each["spec"].update(dnsName="x")),
    ("ExternalSecret", "fee", lambda each: each["spec"]["data"][0].pop("remoteRef")),
    ("HTTPRoute", "fee", lambda each: each["spec"]["rules"][0]["matches"][0]["path"].update(type="Whole")),
    ("PodMonitor", "services", lambda each: each["spec"].update(podMetricsEndpoint=[])),
]


@pytest.mark.parametrize(
    ("kind", "name", "alter"), SCHEMA_BREACHES, ids=[each[0] for each in SCHEMA_BREACHES]
)
def test_planted_mistake_is_refused(
    changed: Changed, kind: str, name: str, alter: Callable[[Object], object]
) -> None:
    objects = changed(kind, name, alter)
    (one,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert schemas.faults([one], schemas.condensed()), f"{kind}/{name} was let through"


def test_kind_nobody_describes_is_not_valid() -> None:
    with pytest.raises(schemas.NoSchema):
        schemas.faults([{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}], {})


def test_right_beyond_the_definitions_is_found(changed: Changed) -> None:
    objects = changed("Permission", "fee", lambda each: each["spec"]["permissions"].update(read=".*"))
    assert any(fault.startswith("Permission ('fee'") for fault in broker(objects).faults)
    fewer = [each for each in objects if each["metadata"]["name"] != "intake-dead"]
    assert any(fault.startswith("Queue ('intake.dead'") for fault in broker(fewer).faults)


def test_condensed_definitions_are_the_operators_own(
    production: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CRDS.is_dir():
        pytest.skip("the operators' own definitions are not on this machine")
    monkeypatch.setattr(schemas, "CONDENSED", tmp_path)
    described = schemas.definitions(CRDS)
    known = [each for each in production if f"{each['apiVersion']}/{each['kind']}" in described]
    kept = Path(schemas.__file__).with_name("crds")
    for path in schemas.write_condensed(CRDS, [*known, *schemas.EXAMPLES]):
        assert path.read_text("utf-8") == (kept / path.name).read_text("utf-8"), path.name
