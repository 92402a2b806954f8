"""What every pod must be: restricted in the sense of Pod Security, bounded, asked whether it is well, never newest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.workloads import Pod, of_kind, pods, selects

VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret", "downwardAPI"}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def faults(objects: Sequence[Object]) -> list[str]:
    """Every breach, by pod and container."""
    found = []
    for pod in pods(objects):
        if pod.spec is None:
            continue
        found += [f"{pod.name}: {fault}" for fault in _pod_faults(pod, pod.spec)]
        for container in pod.containers():
            where = f"{pod.name}/{container['name']}"
            found += [f"{where}: {fault}" for fault in _container_faults(container)]
        if pod.lasting:
            found += [f"{pod.name}: {fault}" for fault in _lasting_faults(pod, objects)]
    for each in _images(objects):
        found += _image_faults(*each)
    return found + _namespace_faults(objects)


def _pod_faults(pod: Pod, spec: Mapping[str, Any]) -> Iterator[str]:
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "is given a token of the API server"
    if not spec.get("serviceAccountName"):
        yield "has no account of its own"
    for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"):
        if spec.get(name):
            yield f"uses {name}"
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUMES:
            yield f"mounts {volume['name']} as {', '.join(sorted(kinds))}"
    mounted = {mount["name"] for each in pod.containers() for mount in each.get("volumeMounts", [])}
    claimed = {each["metadata"]["name"] for each in pod.owner["spec"].get("volumeClaimTemplates", [])}
    there = {volume["name"] for volume in spec.get("volumes", [])} | claimed
    if mounted != there:
        yield f"volumes and mounts differ: {sorted(mounted ^ there)}"


def _container_faults(container: Mapping[str, Any]) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root file system"
    if security.get("runAsNonRoot") is False or security.get("runAsUser") == 0:
        yield "runs as root"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "keeps capabilities"
    for port in container.get("ports", []):
        if port.get("hostPort"):
            yield f"takes port {port['hostPort']} of its node"
    for bound in ("requests", "limits"):
        missing = {"cpu", "memory"} - set(container.get("resources", {}).get(bound, {}))
        if missing:
            yield f"names no {bound} of {', '.join(sorted(missing))}"


def _lasting_faults(pod: Pod, objects: Sequence[Object]) -> Iterator[str]:
    for container in pod.spec["containers"] if pod.spec else ():
        for probe in PROBES:
            if probe not in container:
                yield f"{container['name']} has no {probe}"
    budgets = [
        each
        for each in of_kind(objects, "PodDisruptionBudget")
        if selects(each["spec"]["selector"], pod.labels)
    ]
    if len(budgets) != 1:
        yield f"{len(budgets)} disruption budgets speak of it"
    alone = pod.owner["spec"].get("replicas") == 1
    spread = pod.spec.get("topologySpreadConstraints", []) if pod.spec else []
    if not alone and {each["topologyKey"] for each in spread} != {
        "kubernetes.io/hostname", "topology.kubernetes.io/zone",
    }:  # fmt: skip
        yield "may stand on one node with all its replicas"


def _images(objects: Sequence[Object]) -> Iterator[tuple[str, str]]:
    for pod in pods(objects):
        for container in pod.containers():
            yield pod.name, container.get("image", "")
    for each in of_kind(objects, "RabbitmqCluster"):
        yield each["metadata"]["name"], each["spec"].get("image", "")
    for each in of_kind(objects, "Cluster"):
        yield each["metadata"]["name"], each["spec"].get("imageName", "")


def _image_faults(name: str, image: str) -> Iterator[str]:
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag or tag.startswith("latest"):
        yield f"{name}: which {image or 'image'}?"


def _namespace_faults(objects: Sequence[Object]) -> list[str]:
    return [
        f"Namespace/{each['metadata']['name']}: does not enforce restricted pods"
        for each in of_kind(objects, "Namespace")
        if each["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted"
    ]
