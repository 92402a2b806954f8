"""Both overlays are what a cluster takes and the design says; each planted breach is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.kubernetes import design, schemas
from deploy.kubernetes.check import broker, figures
from deploy.kubernetes.houses import ROOT, codes, houses
from deploy.kubernetes.kustomize import Object
from deploy.kubernetes.reach import edges

Objects = list[Object]
Changed = Callable[..., Objects]
CRDS = ROOT.parent / "shared" / "containers" / "crds"


def test_local_overlay_holds_every_figure(local: Objects) -> None:
    assert [fault for figure in figures("local", local) for fault in figure.faults] == []


def test_production_overlay_holds_every_figure(production: Objects) -> None:
    assert [fault for figure in figures("production", production) for fault in figure.faults] == []
    assert len([each for each in production if schemas.is_custom(each)]) > 500


def test_topology_operator_is_told_what_the_definitions_say(production: Objects) -> None:
    assert broker(production).faults == []


def test_every_department_has_its_house_in_both_overlays(local: Objects, production: Objects) -> None:
    for objects in (local, production):
        names = {each["metadata"]["name"] for each in objects if each["kind"] == "Deployment"}
        assert {house.name for house in houses(codes())} <= names
    fewer = [each for each in production if each["metadata"]["name"] != "review-fire"]
    assert "Deployment/review-fire is missing" in design.missing_houses(fewer)


def test_nothing_is_newest_and_every_image_of_ours_has_the_products_version(local: Objects) -> None:
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    images = {
        container["image"]
        for each in local
        if each["kind"] in ("Deployment", "StatefulSet", "Job")
        for part in ("initContainers", "containers")
        for container in each["spec"]["template"]["spec"].get(part, [])
    }
    ours = {image for image in images if image.startswith("onewindow/")}
    assert len(ours) == 7
    assert {image.rpartition(":")[2] for image in ours} == {version}
    for path in (ROOT / "k8s").rglob("*.yaml"):
        assert ":latest" not in path.read_text("utf-8"), path


def test_files_in_git_hold_no_secret() -> None:
    for path in (ROOT / "k8s").rglob("*"):
        if path.is_file() and "secrets" not in path.parent.parts and path.parent.name != "secrets":
            text = path.read_text("utf-8")
            assert "kind: Secret\n" not in text, path
            assert "PRIVATE KEY" not in text, path
            assert "secretGenerator" not in text, path


def test_custom_resources_against_the_operators_own_definitions(production: Objects) -> None:
    if not CRDS.is_dir():
        pytest.skip("the operators' own definitions are not on this machine; the condensed ones were checked")
    own = {key: schemas.strict(schema) for key, schema in schemas.definitions(CRDS).items()}
    known = [each for each in production if schemas.is_custom(each)]
    described = [each for each in known if f"{each['apiVersion']}/{each['kind']}" in own]
    assert schemas.faults(described, own) == []
    left = {each["kind"] for each in known} - {each["kind"] for each in described}
    assert left <= {"ExternalSecret", "SecretStore"}, "only these have no definition in that folder"


# ---- roads


def test_a_service_reaches_its_own_database_only(production: Objects) -> None:
    possible = edges(production)
    databases = {house.cluster for house in houses(codes())}
    for house in houses(codes()):
        for name in (f"Deployment/{house.name}",):
            assert {to for one, to, _ in possible if one == name and to in databases} == {house.cluster}


def test_only_departments_reach_another_service(production: Objects) -> None:
    possible = edges(production)
    services = {f"Deployment/{house.name}" for house in houses(codes())}
    crossing = {(one, to) for one, to, _ in possible if one in services and to in services}
    assert crossing == {
        (f"Deployment/{house.name}", "Deployment/intake") for house in houses(codes()) if house.department
    }


def test_fee_let_into_intakes_database_is_found(changed: Changed) -> None:
    def open_both_ends(policy: Object) -> None:
        policy["spec"]["ingress"][0]["from"].append(
            {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "fee"}}}
        )

    one_end = changed("NetworkPolicy", "intake-db", open_both_ends)
    assert design.road_faults("production", one_end) == []  # fee's own policies still keep it in
    (fee,) = [each for each in one_end if each["metadata"]["name"] == "fee-to-its-database"]
    selector = fee["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]
    try:
        selector["cnpg.io/cluster"] = "intake-db"
        found = design.road_faults("production", one_end)
    finally:
        selector["cnpg.io/cluster"] = "fee-db"
    assert "Deployment/fee reaches intake-db:5432" in found
    assert "Deployment/fee does not reach fee-db:5432" in found


@pytest.mark.parametrize(
    ("name", "alter", "found"),
    [
        (
            "nobody",
            lambda policy: policy["spec"].update(podSelector={"matchLabels": {"x": "y"}}),
            "anybody reaches",
        ),
        (
            "service-to-broker",
            lambda policy: policy["spec"]["egress"].clear(),
            "does not reach rabbitmq-server:5671",
        ),
        (
            "service-doors",
            lambda policy: policy["spec"]["ingress"][0].pop("from"),
            "reaches Deployment/fee:8000",
        ),
        (
            "review-to-intake-fire",
            lambda policy: policy["spec"]["egress"][0].pop("to"),
            "review-fire reaches",
        ),
    ],
)
def test_planted_road_is_found(changed: Changed, name: str, alter: Any, found: str) -> None:
    objects = changed("NetworkPolicy", name, alter)
    if name == "nobody":  # then nothing binds the certificates' and everybody else's pods
        objects = [
            each
            for each in objects
            if each["metadata"]["name"] not in ("service-doors", "service-doors-for-the-healer", "intake-from-review")
        ]
    assert any(found in fault for fault in design.road_faults("production", objects)), found
