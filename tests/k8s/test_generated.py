"""What of k8s/ is generated is up to date, and follows from the departments' files and nothing else."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from deploy.kubernetes import kustomize
from deploy.kubernetes.__main__ import main
from deploy.kubernetes.center import public_address
from deploy.kubernetes.containers import arguments
from deploy.kubernetes.generated import generated, left_over, stale
from deploy.kubernetes.houses import K8S, codes, houses
from deploy.kubernetes.secrets import LocalSecrets
from deploy.launcher.houses import DEPARTMENTS
from libs.signatures import KeyDirectory, Signer


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """k8s/ without anybody's secrets."""
    return Path(shutil.copytree(K8S, tmp_path / "k8s", ignore=shutil.ignore_patterns("secrets")))


def test_generated_files_are_up_to_date() -> None:
    wanted = generated()
    assert sorted(stale(wanted)) == []
    assert left_over(wanted) == []


def test_a_new_department_is_one_file(copy: Path, tmp_path: Path) -> None:
    files = Path(shutil.copytree(DEPARTMENTS, tmp_path / "departments"))
    told = "code: tea_houses\nname: {zh: 茶馆, en: Tea houses}\nagency: {zh: 市茶馆办, en: Tea Office}\n"
    (files / "tea_houses.yaml").write_text(told, encoding="utf-8")
    wanted = generated(copy, files)
    new = {path.relative_to(copy).as_posix() for path in wanted if not path.exists()}
    assert new == {
        "components/department/tea_houses/kustomization.yaml",
        "components/department/tea_houses/house/kustomization.yaml",
        "components/department/tea_houses/house/department.yaml",
        "overlays/production/houses/review-tea-houses.yaml",
    }
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (house,) = [each for each in houses(codes(files)) if each.department == "tea_houses"]
    department = copy / "components" / "department" / "tea_houses" / "house"
    built = {(each["kind"], each["metadata"]["name"]): each for each in kustomize.build(department)}
    deployment = built["Deployment", house.name]["spec"]["template"]
    assert deployment["metadata"]["labels"]["onewindow/department"] == "tea_houses"
    assert deployment["spec"]["volumes"][0]["secret"]["secretName"] == "review-tea-houses"
    sites = (copy / "overlays" / "production" / "sites.env").read_text("utf-8")
    assert '"tea_houses": "https://onewindow.example/review/tea_houses"' in sites


def test_a_department_that_is_no_more_leaves_nothing(copy: Path, tmp_path: Path) -> None:
    files = Path(shutil.copytree(DEPARTMENTS, tmp_path / "departments"))
    (files / "fire.yaml").unlink()
    gone = {path.relative_to(copy).as_posix() for path in left_over(generated(copy, files), copy)}
    assert gone == {
        "components/department/fire/kustomization.yaml",
        "components/department/fire/house/kustomization.yaml",
        "components/department/fire/house/department.yaml",
        "overlays/production/houses/review-fire.yaml",
    }


def test_a_file_changed_by_hand_is_found(copy: Path) -> None:
    path = copy / "components" / "department" / "fire" / "kustomization.yaml"
    path.write_text(path.read_text("utf-8") + "# mine\n", encoding="utf-8")
    assert list(stale(generated(copy))) == [path]


def test_every_file_of_rules_becomes_a_prometheus_rule(copy: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "two_words.yaml").write_text(
        "groups: [{name: g, rules: [{alert: A, expr: 'up == 0', for: 1m}]}]", encoding="utf-8"
    )
    text = generated(copy, rules=rules)[copy / "overlays" / "production" / "rules.yaml"]
    assert yaml.safe_load(text)["metadata"]["name"] == "onewindow-two-words"


def test_overlay_without_an_address_is_refused(tmp_path: Path) -> None:
    (tmp_path / "center.env").write_text("ONEWINDOW_LOG_LEVEL=INFO\n", encoding="utf-8")
    with pytest.raises(ValueError, match="ONEWINDOW_PUBLIC"):
        public_address(tmp_path)


def test_secrets_are_kept_closed_and_each_house_has_its_own(copy: Path) -> None:
    overlay, every = copy / "overlays" / "local", houses(codes())
    fewer = [house for house in every if house.department in (None, "fire", "water")]
    first = LocalSecrets(overlay, fewer).make()
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    LocalSecrets(overlay, every).make()  # departments were added
    changing = {
        "kustomization.yaml",
        "roles.sql",
        "definitions.json",
        "settings.yaml",
        "users.yaml",
        "directory.json",
        "onewindow_audit_databases",  # of the healer
    }
    assert {path.name for path, was in before.items() if path.read_bytes() != was} == changing
    after = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    LocalSecrets(overlay, every).make()
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == after
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    urls = [(first / house.name / "onewindow_database_url").read_text("utf-8") for house in every]
    assert len(set(urls)) == len(every)
    directory = json.loads((first / "key-directory" / "directory.json").read_text("utf-8"))
    assert {entry["issuer"] for entry in directory} == {house.spoken_name for house in every}
    signed = Signer.from_file(first / "review-fire" / "signing_key.pem", "review/fire").sign(
        "opinion", {"a": 1}
    )
    keys = KeyDirectory.from_file(first / "key-directory" / "directory.json")
    assert keys.verify(signed, issuer="review/fire")["a"] == 1


def test_a_limit_in_thousandths_is_a_part_of_a_processor_for_an_engine() -> None:
    limits = {"cpu": "500m", "memory": "256Mi"}
    rights = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    pod = {"securityContext": {"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3}}
    container = {"securityContext": rights, "resources": {"limits": limits}, "image": "healer"}
    told = arguments(pod, container, [], {}, "healer", [])
    assert told[told.index("--cpus") + 1] == "0.5"
    assert told[told.index("--memory") + 1] == "256m"


def test_a_call_that_is_off_says_how_it_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wirte"]) == 2
    assert "write | secrets" in capsys.readouterr().err
