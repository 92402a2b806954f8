"""docker-compose.yml and the images, judged without an engine: what is generated is current and complete."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from deploy import locks
from deploy.compose.departments_file import departments_file
from deploy.compose.houses import SMALL, codes, containers, sites
from deploy.compose.secrets import Secrets
from deploy.healing.desk import houses_of
from deploy.launcher.story.play import catalogue_files, handled_by
from libs.flow import FLOW

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "compose"
PUBLIC = "http://onewindow.localhost:8080"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def center() -> dict[str, Any]:
    """Compose's file with the departments and the common part of the houses put in, as compose does it."""
    top, departments = read(ROOT / "docker-compose.yml"), read(COMPOSE / "departments.yml")
    house = read(COMPOSE / "house.yml")["services"]["house"]
    for part in ("services", "secrets"):
        top[part] |= departments[part]
    for name, service in top["services"].items():
        if "extends" in service:
            environment = {**house["environment"], **service.get("environment", {})}
            top["services"][name] = {**house, **service, "environment": environment}
    return top


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    told = Secrets(tmp_path_factory.mktemp("state") / "center", PUBLIC)
    told.make()
    return told


def test_the_generated_parts_are_as_they_follow_today() -> None:
    assert (COMPOSE / "departments.yml").read_text(encoding="utf-8") == departments_file(), "make contracts"
    for path, text in locks.wanted().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: make contracts"


def test_every_department_has_its_house_and_four_are_small(center: dict[str, Any]) -> None:
    departments = {path.stem for path in (ROOT / "deploy" / "departments").glob("*.yaml")}
    houses = {
        service["environment"]["ONEWINDOW_PUBLIC_PATH"]: service
        for service in center["services"].values()
        if "ONEWINDOW_PUBLIC_PATH" in service.get("environment", {})
    }
    assert set(houses) == {house.path for house in containers("full")}
    assert {f"/review/{code}" for code in departments} <= set(houses)
    small = {path for path, service in houses.items() if "small" in service.get("profiles", ["small"])}
    assert small == {house.path for house in containers("small")}
    assert len(codes("small")) == len(SMALL) == 4
    handled = [item["item_code"] for item in catalogue_files("items") if handled_by(item, SMALL)]
    assert handled == ["drainage", "road-occupation"]


def test_everything_is_limited_closed_and_published_here_only(center: dict[str, Any]) -> None:
    for name, service in center["services"].items():
        assert {"mem_limit", "cpus", "pids_limit", "logging", "restart"} <= set(service), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "ulimits" not in service, name
        assert "privileged" not in service, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)
        image = re.sub(r"\$\{\w+:-(.*)\}$", r"\1", service["image"])
        assert not image.endswith(":latest"), name
        assert ":" in image, name


def test_the_start_is_ordered_by_health_and_by_finished_jobs(center: dict[str, Any]) -> None:
    services = center["services"]
    for house in containers("full"):
        needs = services[house.host]["depends_on"]
        assert needs[f"migrate-{house.service}"]["condition"] == "service_completed_successfully"
        assert needs["rabbitmq"]["condition"] == "service_healthy"
    for service in FLOW.services:
        needs = services[f"migrate-{service}"]["depends_on"]
        assert needs["databases"]["condition"] == "service_completed_successfully"
    for name, service in services.items():
        for needed in service.get("depends_on", {}):
            assert needed in services, (name, needed)


def test_every_secret_and_configuration_is_used_and_is_there(center: dict[str, Any], made: Secrets) -> None:
    for kind in ("secrets", "configs"):
        used = {
            each["source"] if isinstance(each, dict) else each
            for service in center["services"].values()
            for each in service.get(kind, [])
        }
        assert used == set(center[kind]), kind
        for name, told in center[kind].items():
            for size in ("full", "small"):
                path = told["file"].replace("${ONEWINDOW_SIZE:-full}", size)
                path = re.sub(r"\$\{ONEWINDOW_STATE:-[^}]*\}", str(made.folder), path)
                assert (ROOT / path).is_file(), (name, path)


def test_no_house_reads_what_is_another_ones(center: dict[str, Any]) -> None:
    shared = {"sites", "reference_secret"}
    for house in containers("full"):
        mounted = {each["source"] for each in center["services"][house.host]["secrets"]} - shared
        assert all(name.startswith(f"{house.host}_") for name in mounted), house.name
    knows = {
        name
        for name, service in center["services"].items()
        if {"source": "reference_secret", "target": "onewindow_reference_secret"} in service.get("secrets", [])
    }
    assert knows == {"intake", "fee"}


def test_secrets_are_closed_to_others_and_kept_over_a_second_run(made: Secrets) -> None:
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    kept = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    made.make()
    changed = {path.name for path, content in kept.items() if path.read_bytes() != content}
    assert changed <= {"definitions.json"}  # its hashes carry fresh salt
    ignored = subprocess.run(["git", "check-ignore", "-q", ".compose/secrets/x"], cwd=ROOT, check=False)
    assert ignored.returncode == 0 or not (ROOT / ".git").exists()


def test_every_house_logs_in_as_itself_by_tls(made: Secrets) -> None:
    passwords = set()
    for house in containers("full"):
        folder = made.folder / "secrets" / house.file
        broker, database = (folder / "broker_url").read_text(), (folder / "database_url").read_text()
        assert broker.startswith(f"amqps://{house.queue}:")
        assert broker.endswith("@rabbitmq:5671/permit?cafile=/etc/onewindow/ca.crt")
        assert database.startswith(f"postgresql://{house.database}_app_login:")
        assert database.endswith(f"/{house.database}?sslmode=verify-full&sslrootcert=/etc/onewindow/ca.crt")
        passwords |= {broker.split(":")[2].split("@")[0], (folder / "session_secret").read_text()}
    assert len(passwords) == 2 * len(containers("full"))


def test_sizes_differ_in_departments_only(made: Secrets) -> None:
    for size, count in (("full", len(codes("full"))), ("small", 4)):
        folder = made.folder / "config" / size
        definitions = json.loads((folder / "definitions.json").read_text())
        assert len(definitions["users"]) == count + 4 + 2
        assert len((folder / "databases").read_text().splitlines()) == count + 4
        assert len((folder / "owners.review").read_text().splitlines()) == count
        assert {path.stem for path in (folder / "departments").glob("*.yaml")} == set(codes(size))
        assert json.loads((folder / "sites").read_text()) == sites(containers(size), PUBLIC)
        clients = read(folder / "provider" / "settings.yaml")["oauth"]["clients"]
        assert len(clients) == count + 4 + 2


def test_certificates_name_their_servers_and_only_the_authority_signs(made: Secrets) -> None:
    authority = x509.load_pem_x509_certificate((made.folder / "tls" / "ca.crt").read_bytes())
    for server in ("rabbitmq", "postgres"):
        certificate = x509.load_pem_x509_certificate((made.folder / "tls" / f"{server}.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [server, "localhost"]
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_an_image_is_given_its_own_code_and_no_more() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    copied = [line.split()[-2] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert copied == ["requirements.runtime.lock", "contracts", "libs", "services/${SERVICE}"]
    assert "--require-hashes" in dockerfile
    assert "\nUSER 10001:10001\n" in dockerfile
    assert "curl" not in re.sub(r"#.*", "", dockerfile)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"


def test_the_healers_image_is_given_what_it_imports_and_no_more(tmp_path: Path) -> None:
    dockerfile = (ROOT / "deploy" / "healing" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line.split()[1:] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line]
    for *sources, target in lines:
        for source in sources:
            for path in ROOT.glob(source):
                place = tmp_path / target.strip("/")
                place = place / path.name if target.endswith("/") else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
    told = (
        "import sys, deploy.healing.__main__ as healer\n"
        "healer.FLOW.rules['intake.application_received.v1']\n"
        "print(*sorted(name for name in sys.modules if name.partition('.')[0] in ('deploy', 'libs', 'services')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "app")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    given = {path.relative_to(tmp_path / "app").as_posix() for path in tmp_path.rglob("*.py")}
    imported = {f"{name.replace('.', '/')}.py" for name in done.stdout.split()}
    unused = given - imported - {"libs/healthy.py"} - {path for path in given if path.endswith("__init__.py")}
    assert unused == set()
    assert "--require-hashes" in dockerfile
    assert "\nUSER 10001:10001\n" in dockerfile
    lock = (ROOT / "requirements.healer.lock").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9][\w.\-]*)==", lock, re.MULTILINE))
    assert {"asyncpg", "httpx", "prometheus-client", "pyyaml"} <= names
    assert not {"faststream", "fastapi", "sqlalchemy", "typer"} & names


def test_the_healer_has_accounts_of_its_own_and_sees_every_house(center: dict[str, Any], made: Secrets) -> None:
    mounted = {each["source"] for each in center["services"]["healer"]["secrets"]}
    assert all(name.startswith("healer_") for name in mounted)
    for size in ("full", "small"):
        folder = made.folder / "config" / size
        databases = json.loads((folder / "healer" / "databases").read_text(encoding="utf-8"))
        assert set(databases) == {house.file for house in containers(size)}
        assert all(url.startswith("postgresql://healer:") for url in databases.values())
        assert all("sslmode=verify-full" in url for url in databases.values())
        assert houses_of(json.loads((folder / "healer" / "sites").read_text(encoding="utf-8"))) == {
            house.file: f"http://{house.host}:8000" for house in containers(size)
        }
        users = read(folder / "provider" / "users.yaml")["users"]
        assert users["healer"]["roles"] == ["healer"]
        assert users["healer"]["password"] != users["administrator-01"]["password"]
    broker = (made.folder / "secrets" / "healer" / "broker_url").read_text(encoding="utf-8")
    assert broker.startswith("https://healer:")


def test_an_images_lock_is_a_part_of_the_tested_one() -> None:
    runtime = (ROOT / "requirements.runtime.lock").read_text(encoding="utf-8")
    names = re.findall(r"^([a-z0-9][\w.\-]*)==", runtime, re.MULTILINE)
    assert {"faststream", "asyncpg", "uvicorn", "greenlet"} <= set(names)
    assert not {"pytest", "nanoidp", "mypy", "testcontainers", "playwright", "rich"} & set(names)
    for path in [*(ROOT / "libs").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for name in locks.NOT_IN_A_HOUSE:
            assert not re.search(rf"^\s*(?:import|from) {name}\b", text, re.MULTILINE), (path, name)
    cut = locks.cut({"b"}, "a==1 \\\n    --hash=sha256:0\nb==2 \\\n    --hash=sha256:1\nc==3\n")
    assert cut == "b==2 \\\n    --hash=sha256:1\n"


def test_the_broker_in_compose_is_set_as_a_private_one_is() -> None:
    conf = (COMPOSE / "rabbitmq" / "rabbitmq.conf").read_text(encoding="utf-8")
    assert f"max_message_size = {FLOW.max_message_bytes}\n" in conf
    assert "consumer_timeout = 86400000\n" in conf
    assert "listeners.tcp = none\n" in conf
