"""Both overlays on a real API server: taken without a warning, the same the second time, and released as written.

Skipped where no API server can be had; tests/k8s/api_server.py says how to give one.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.kubernetes.kustomize import Object, named
from deploy.kubernetes.schemas import is_custom
from tests.k8s.api_server import ApiServer, NoServer, Refused, api_server, in_namespace
from tests.k8s.definitions import definitions
from tests.waiting import until

Objects = list[Object]
MACHINE = (
    "managedFields",
    "resourceVersion",
)  # what moves with every status; a change of ours moves the generation
WAYS = {"as documented": ("apply",), "server-side": ("apply", "--server-side")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server; with the operators' kinds when it is ours."""
    try:
        with api_server(tmp_path_factory.mktemp("api-server")) as found:
            print(f"API server {found.version()}")
            if found.ours:
                made = definitions()
                found.kubectl("apply", "--server-side", "-f", "-", objects=made)
                names = [f"crd/{each['metadata']['name']}" for each in made]
                found.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
            yield found
    except NoServer as why:
        pytest.skip(str(why))


@pytest.fixture
def overlay(request: pytest.FixtureRequest) -> Objects:
    """The overlay of the test's parameter."""
    found: Objects = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def place(server: ApiServer, local: Objects) -> Iterator[str]:
    """A namespace of this test's own, with the labels of ours."""
    with server.namespace(_labels(local)) as name:
        yield name


@pytest.fixture
def admitting(server: ApiServer, local: Objects) -> Iterator[str]:
    """Another one, in which a pod may be asked for, also in a cluster of others."""
    with server.namespace(_labels(local), pods=True) as name:
        yield name


def _labels(objects: Objects) -> dict[str, str]:
    (ours,) = [each for each in objects if each["kind"] == "Namespace"]
    labels: dict[str, str] = ours["metadata"]["labels"]
    return labels


def known(server: ApiServer, objects: Objects) -> Objects:
    """What may be put there: in a cluster of others, nothing that their operators would set to work."""
    return [each for each in objects if server.ours or not is_custom(each)]


def seen(server: ApiServer, objects: Objects) -> dict[str, Any]:
    """The objects as the server has them, without what it and its controllers write."""
    told = server.asked("get", "-f", "-", objects=objects)
    return {f"{each['apiVersion']} {named(each)}": _wished(each) for each in told["items"]}


def _wished(each: Object) -> Object:
    kept = {name: value for name, value in each.items() if name != "status"}
    kept["metadata"] = {name: value for name, value in each["metadata"].items() if name not in MACHINE}
    notes = each["metadata"].get("annotations", {})
    kept["metadata"]["annotations"] = {
        name: value for name, value in notes.items() if not name.startswith("deployment.kubernetes.io/")
    }
    return kept


def released(objects: Objects, version: str) -> Objects:
    """The same overlay with the next version of our images."""
    changed: Objects = json.loads(json.dumps(objects))
    for each in changed:
        if each["kind"] in ("Deployment", "Job"):
            spec = each["spec"]["template"]["spec"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                if "onewindow/" in container["image"]:
                    container["image"] = f"{container['image'].rpartition(':')[0]}:{version}"
    return changed


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("overlay", ["local", "production"], indirect=True)
def test_overlay_is_taken_without_a_word_and_stays_as_it_is(
    server: ApiServer, place: str, overlay: Objects, way: str
) -> None:
    objects = in_namespace(known(server, overlay), place)
    call = (*WAYS[way], "--validate=strict", "-f", "-")
    first = server.kubectl(*call, objects=objects)
    assert first.warnings == ()
    assert len(first.lines) == len(objects)
    before = seen(server, objects)
    second = server.kubectl(*call, objects=objects)
    assert second.warnings == ()
    assert seen(server, objects) == before


def test_what_operators_are_told_is_taken(server: ApiServer, place: str, production: Objects) -> None:
    served = server.kinds()
    custom = [each for each in production if is_custom(each)]
    asked = [each for each in custom if f"{each['apiVersion']}/{each['kind']}" in served]
    if not asked:
        pytest.skip("this cluster has none of the operators")
    call = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    told = server.kubectl(*call, objects=in_namespace(asked, place))
    assert told.warnings == ()
    assert len(told.lines) == len(asked)


@pytest.mark.parametrize("overlay", ["local", "production"], indirect=True)
def test_every_pod_is_admitted_and_one_with_rights_is_not(
    server: ApiServer, admitting: str, overlay: Objects
) -> None:
    accounts = [each for each in overlay if each["kind"] == "ServiceAccount"]
    server.kubectl("apply", "-f", "-", objects=in_namespace(accounts, admitting))
    pods = [_bare(each) for each in overlay if each["kind"] in ("Deployment", "StatefulSet", "Job")]
    assert len(pods) > 40
    call = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
    told = server.kubectl(*call, objects=in_namespace(pods, admitting))
    assert told.warnings == ()
    assert len(told.lines) == len(pods)
    free = copy.deepcopy(pods[0])
    free["spec"]["containers"][0]["securityContext"].pop("allowPrivilegeEscalation")
    with pytest.raises(Refused, match='violates PodSecurity "restricted'):
        server.kubectl(*call, objects=in_namespace([free], admitting))


def _bare(owner: Object) -> Object:
    template = copy.deepcopy(owner["spec"]["template"])
    claims = [
        {"name": each["metadata"]["name"], "persistentVolumeClaim": {"claimName": each["metadata"]["name"]}}
        for each in owner["spec"].get("volumeClaimTemplates", [])
    ]
    template["spec"]["volumes"] = [*template["spec"].get("volumes", []), *claims]
    name = f"{owner['metadata']['name']}-{owner['kind'].lower()}"
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.parametrize("overlay", ["local", "production"], indirect=True)
def test_a_release_as_documented(server: ApiServer, place: str, overlay: Objects) -> None:
    old = in_namespace(known(server, overlay), place)
    new = released(old, "0.1.1")
    server.kubectl("apply", "-f", "-", objects=old)
    with pytest.raises(Refused, match="field is immutable"):  # why the documented way begins with deleting
        server.kubectl("apply", "-f", "-", objects=new)
    server.kubectl("-n", place, "delete", "job", "--all")
    told = server.kubectl("apply", "-f", "-", objects=new)
    assert told.warnings == ()
    deployed = server.asked("-n", place, "get", "deployments,jobs")["items"]
    ours = [image for each in deployed for image in _images(each) if "onewindow/" in image]
    assert len(ours) > 60
    assert {image.rpartition(":")[2] for image in ours} == {"0.1.1"}


def _images(each: Object) -> list[str]:
    spec = each["spec"]["template"]["spec"]
    return [container["image"] for container in [*spec.get("initContainers", []), *spec["containers"]]]


@pytest.mark.parametrize("overlay", ["local", "production"], indirect=True)
def test_controllers_make_every_pod(server: ApiServer, place: str, overlay: Objects) -> None:
    if not server.controllers:
        pytest.skip("no kube-controller-manager of ours is running")
    objects = in_namespace(known(server, overlay), place)
    server.kubectl("apply", "-f", "-", objects=objects)
    wanted = {named(each): _pods_of(each) for each in objects if _pods_of(each)}

    def there() -> dict[str, int]:
        made = server.asked("-n", place, "get", "deployments,statefulsets,jobs")["items"]
        return {named(each): _made(each) for each in made}

    until(lambda: there() == wanted, seconds=120, must=False)
    assert there() == wanted
    events = server.asked("-n", place, "get", "events", "--field-selector=reason=FailedCreate")["items"]
    assert [each["message"] for each in events] == []


def _pods_of(each: Object) -> int:
    if each["kind"] not in ("Deployment", "StatefulSet", "Job"):
        return 0
    return int(each["spec"].get("replicas", 1))


def _made(each: Object) -> int:
    status = each.get("status", {})
    return int(status.get("active" if each["kind"] == "Job" else "replicas", 0))


def test_a_release_leaves_the_number_of_replicas_to_the_scaler(
    server: ApiServer, place: str, production: Objects
) -> None:
    old = in_namespace([each for each in production if each["kind"] == "Deployment"], place)
    server.kubectl("apply", "-f", "-", objects=old)
    scaled = {"intake", "fee", "review-fire"}
    server.kubectl("-n", place, "scale", "deployment", *scaled, "--replicas=3")
    told = server.kubectl("apply", "-f", "-", objects=released(old, "0.1.1"))
    assert told.warnings == ()
    assert len([line for line in told.lines if line.endswith(" configured")]) == len(old)
    now = server.asked("-n", place, "get", "deployments")["items"]
    assert {each["metadata"]["name"] for each in now if each["spec"]["replicas"] == 3} == scaled
