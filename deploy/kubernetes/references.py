"""Whatever an overlay names is there, and whatever is there is used by something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.kubernetes.kustomize import Object, named
from deploy.kubernetes.workloads import Pod, of_kind, pods, selects

Names = dict[str, set[str]]  # what is named → by whom


def faults(objects: Sequence[Object]) -> list[str]:
    """Every name that leads nowhere and every object nothing leads to."""
    every = pods(objects)
    return [
        *_one_way_and_the_other("Secret", secrets_there(objects), _secrets_used(objects, every)),
        *_one_way_and_the_other("ConfigMap", _names(objects, "ConfigMap"), _pods_use(every, _config_maps)),
        *_one_way_and_the_other(
            "ServiceAccount", _names(objects, "ServiceAccount"), _accounts(objects, every)
        ),
        *_selectors(objects, every),
        *_doors(objects, every),
        *_routes(objects),
        *_operated(objects),
    ]


def _one_way_and_the_other(kind: str, there: set[str], used: Names) -> Iterator[str]:
    for name in sorted(set(used) - there):
        yield f"{', '.join(sorted(used[name]))}: {kind} {name} is nowhere"
    for name in sorted(there - set(used)):
        yield f"{kind}/{name}: is used by nothing"


def _names(objects: Sequence[Object], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in of_kind(objects, kind)}


def secrets_there(objects: Sequence[Object]) -> set[str]:
    """Secrets that are described, fetched from the store, made by cert-manager, or an operator's authority."""
    fetched = {each["spec"]["target"]["name"] for each in of_kind(objects, "ExternalSecret")}
    certificates = {each["spec"]["secretName"] for each in of_kind(objects, "Certificate")}
    return _names(objects, "Secret") | fetched | certificates


def _secrets_used(objects: Sequence[Object], every: Sequence[Pod]) -> Names:
    used = _pods_use(every, _secrets)
    for cluster in of_kind(objects, "Cluster"):
        used.pop(f"{cluster['metadata']['name']}-ca", None)  # CloudNativePG makes it
    for each in objects:
        for name in _secrets_of_operators(each):
            used.setdefault(name, set()).add(named(each))
    return used


def _secrets_of_operators(each: Object) -> Iterator[str]:
    spec, kind = each.get("spec", {}), each["kind"]
    if kind == "Cluster":
        first = spec["bootstrap"]["initdb"].get("secret")
        yield from [first["name"]] if first else []
        yield from (role["passwordSecret"]["name"] for role in spec["managed"]["roles"] if role["login"])
    elif kind == "User":
        yield spec["importCredentialsSecret"]["name"]
    elif kind == "TriggerAuthentication":
        yield from (told["name"] for told in spec["secretTargetRef"])
    elif kind == "Gateway":
        yield from (
            ref["name"] for at in spec["listeners"] for ref in at.get("tls", {}).get("certificateRefs", [])
        )
    elif kind == "RabbitmqCluster":
        yield spec["tls"]["secretName"]
    elif kind == "Issuer" and "ca" in spec:
        yield spec["ca"]["secretName"]


def _pods_use(every: Sequence[Pod], read: Any) -> Names:
    used: Names = {}
    for pod in every:
        for name in read(pod):
            used.setdefault(name, set()).add(pod.name)
    return used


def _sources(pod: Pod) -> Iterator[Mapping[str, Any]]:
    for volume in (pod.spec or {}).get("volumes", []):
        yield volume
        yield from volume.get("projected", {}).get("sources", [])


def _secrets(pod: Pod) -> Iterator[str]:
    for source in _sources(pod):
        if "secret" in source:
            yield source["secret"].get("secretName") or source["secret"]["name"]
    for container in pod.containers():
        yield from (each["secretRef"]["name"] for each in container.get("envFrom", []) if "secretRef" in each)
        for variable in container.get("env", []):
            if told := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield told["name"]


def _config_maps(pod: Pod) -> Iterator[str]:
    yield from (source["configMap"]["name"] for source in _sources(pod) if "configMap" in source)
    for container in pod.containers():
        yield from (
            each["configMapRef"]["name"] for each in container.get("envFrom", []) if "configMapRef" in each
        )


def _accounts(objects: Sequence[Object], every: Sequence[Pod]) -> Names:
    used = _pods_use(every, lambda pod: [pod.spec["serviceAccountName"]] if pod.spec else [])
    for each in of_kind(objects, "SecretStore"):
        for way in each["spec"]["provider"].values():
            account = way["auth"]["kubernetes"]["serviceAccountRef"]["name"]
            used.setdefault(account, set()).add(named(each))
    return used


def _selectors(objects: Sequence[Object], every: Sequence[Pod]) -> Iterator[str]:
    for each in objects:
        for what, selector in _own_selectors(each):
            if not any(selects(selector, pod.labels) for pod in every):
                yield f"{named(each)}: its {what} selects no pod"
    for pod in every:
        told = pod.owner["spec"].get("selector") if pod.spec is not None and pod.lasting else None
        if told is not None and not selects(told, pod.labels):
            yield f"{pod.name}: does not select its own pods"


def _own_selectors(each: Object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    spec, kind = each.get("spec", {}), each["kind"]
    if kind == "Service":
        yield "selector", {"matchLabels": spec["selector"]}
    elif kind in ("PodDisruptionBudget", "PodMonitor"):
        yield "selector", spec["selector"]
    elif kind == "NetworkPolicy":
        yield "selector", spec["podSelector"]
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(way, []):
                for peer in rule.get(peers, []):
                    if "podSelector" in peer and "namespaceSelector" not in peer:
                        yield f"{way} peer", peer["podSelector"]


def _doors(objects: Sequence[Object], every: Sequence[Pod]) -> Iterator[str]:
    for each in of_kind(objects, "Service"):
        behind = [pod for pod in every if selects({"matchLabels": each["spec"]["selector"]}, pod.labels)]
        for port in each["spec"]["ports"]:
            for pod in behind:
                if port["targetPort"] not in (*pod.ports, *pod.ports.values()):
                    yield f"{named(each)}: {pod.name} has no port {port['targetPort']}"
    for each in of_kind(objects, "PodMonitor"):
        for endpoint in each["spec"]["podMetricsEndpoints"]:
            for pod in every:
                if selects(each["spec"]["selector"], pod.labels) and endpoint["port"] not in pod.ports:
                    yield f"{named(each)}: {pod.name} has no port {endpoint['port']}"


def _routes(objects: Sequence[Object]) -> Iterator[str]:
    services = {each["metadata"]["name"]: each for each in of_kind(objects, "Service")}
    gateways = {
        (each["metadata"]["name"], at["name"])
        for each in of_kind(objects, "Gateway")
        for at in each["spec"]["listeners"]
    }
    for each in of_kind(objects, "HTTPRoute"):
        for parent in each["spec"]["parentRefs"]:
            if (parent["name"], parent["sectionName"]) not in gateways:
                yield f"{named(each)}: there is no listener {parent['sectionName']} of {parent['name']}"
        for rule in each["spec"]["rules"]:
            for end in rule.get("backendRefs", []):
                ports = services.get(end["name"], {"spec": {"ports": []}})["spec"]["ports"]
                if end["port"] not in [port["port"] for port in ports]:
                    yield f"{named(each)}: there is no {end['name']}:{end['port']}"


def _operated(objects: Sequence[Object]) -> Iterator[str]:
    """Scaled deployments, watched queues, databases in clusters with their owners."""
    deployments = {each["metadata"]["name"]: each for each in of_kind(objects, "Deployment")}
    queues = {each["spec"]["name"] for each in of_kind(objects, "Queue")}
    authentications = _names(objects, "TriggerAuthentication")
    for each in of_kind(objects, "ScaledObject"):
        target = deployments.get(each["spec"]["scaleTargetRef"]["name"])
        if target is None or "replicas" in target["spec"]:
            yield f"{named(each)}: {'nothing to scale' if target is None else 'its number is fixed as well'}"
        for trigger in each["spec"]["triggers"]:
            if trigger["metadata"]["queueName"] not in queues:
                yield f"{named(each)}: there is no queue {trigger['metadata']['queueName']}"
            if trigger["authenticationRef"]["name"] not in authentications:
                yield f"{named(each)}: cannot log in at the broker"
    roles = {
        each["metadata"]["name"]: {role["name"] for role in each["spec"]["managed"]["roles"]}
        for each in of_kind(objects, "Cluster")
    }
    for each in of_kind(objects, "Database"):
        if each["spec"]["owner"] not in roles.get(each["spec"]["cluster"]["name"], ()):
            yield f"{named(each)}: its owner is no role of {each['spec']['cluster']['name']}"
