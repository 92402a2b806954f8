"""What follows from the story and the code is committed as it follows today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.contracts import asyncapi, event_schemas, flow_page, http_documents
from deploy.contracts.__main__ import departments, generated, main
from deploy.contracts.broker_definitions import broker_definitions
from deploy.contracts.wire import tightened
from libs.flow import CONTRACTS, FLOW, Flow
from libs.identity.access import Access

ROOT = CONTRACTS.parent
GENERATED = ("events", "asyncapi", "http", "broker")


@cache
def _generated() -> dict[Path, str]:
    return generated()


@pytest.mark.timeout(300)
def test_every_generated_file_is_as_it_follows_today() -> None:
    wanted = _generated()
    assert len(wanted) == 28 + 1 + 1 + 5 + 5
    stale = [str(path.relative_to(ROOT)) for path, text in wanted.items() if _read(path) != text]
    assert stale == [], "run: python -m deploy.contracts write"


@pytest.mark.timeout(300)
def test_no_file_is_left_over_in_a_generated_folder() -> None:
    there = {path for folder in GENERATED for path in (CONTRACTS / folder).rglob("*") if path.is_file()}
    assert there == set(_generated()) - {CONTRACTS / "FLOW.md"}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def test_drift_in_story_schema_or_rights_shows() -> None:
    document = json.loads(json.dumps(FLOW.document))
    document["steps"][-1]["heard_by"].append("fee")
    document["max_length"] = 7
    other = Flow(document)
    assert flow_page.page(other) != flow_page.page(FLOW)
    assert asyncapi.document(other, "fee") != asyncapi.document(FLOW, "fee")
    assert broker_definitions(other, ["fire"], None) != broker_definitions(FLOW, ["fire"], None)


def test_check_names_a_stale_or_missing_file_and_write_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, rights, fine = (tmp_path / name for name in ("FLOW.md", "broker/definitions.json", "fine"))
    page.write_text(flow_page.page(FLOW).replace("AL 59", "AL 95"))
    fine.write_text("fine")
    wanted = {page: flow_page.page(FLOW), rights: "{}", fine: "fine"}
    assert main(["check"], wanted) == 1
    assert [line.rsplit("/", 1)[1] for line in capsys.readouterr().out.splitlines()] == [
        "FLOW.md",
        "definitions.json",
    ]
    assert main(["write"], wanted) == 0
    assert main(["check"], wanted) == 0
    assert main(["mend"], wanted) == 2
    assert page.read_text() == flow_page.page(FLOW)


@pytest.mark.timeout(300)
def test_service_that_cannot_be_built_is_an_error_and_not_left_out() -> None:
    with pytest.raises(RuntimeError, match="nowhere cannot be built"):
        http_documents.documents(["nowhere"])


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


@pytest.mark.parametrize("service", list(FLOW.services))
def test_asyncapi_says_what_is_said_and_heard(service: str) -> None:
    document = yaml.safe_load((CONTRACTS / "asyncapi" / f"{service}.yaml").read_text(encoding="utf-8"))
    assert document["asyncapi"].startswith("3.")
    told: dict[str, set[str]] = {"send": set(), "receive": set()}
    for operation in document["operations"].values():
        channel = document["channels"][operation["channel"]["$ref"].removeprefix("#/channels/")]
        told[operation["action"]].add(channel["address"].removesuffix(".{department}"))
    assert told == {"send": set(FLOW.says(service)), "receive": set(FLOW.hears(service))}
    for reference in _references(document):
        if reference.startswith("#/"):
            target: Any = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
        else:
            assert (CONTRACTS / "asyncapi" / reference).resolve().is_file()


@pytest.mark.parametrize("service", list(FLOW.services))
def test_openapi_tells_every_command_and_its_refusals(service: str) -> None:
    document = json.loads((CONTRACTS / "http" / f"{service}.openapi.json").read_text(encoding="utf-8"))
    routes = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "head"
    }
    assert routes, "found no routes"
    assert routes <= Access.load(service).routes()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api") and method == "post":
                refusals = {code for code in operation["responses"] if code.startswith("4")}
                assert refusals, f"{method} {path} names no refusal"


def test_schema_of_an_open_object_stays_open() -> None:
    for event in FLOW.event_names:
        assert '"additionalProperties": false' not in json.dumps(event_schemas.schema_of(event))


def test_speaker_has_the_last_word_on_how_a_member_is_written() -> None:
    member = {"type": "string", "pattern": "^X$"}
    schema = {"properties": {"bill_no": member, "sha256": {"type": "string"}, "paid_at": {"type": "string"}}}
    members = tightened(schema)["properties"]
    assert members["bill_no"] == member
    assert members["sha256"]["pattern"] == "^[0-9a-f]{64}$"
    assert members["paid_at"]["format"] == "date-time"


def test_shipped_departments_are_the_files() -> None:
    assert departments() == sorted(path.stem for path in (ROOT / "deploy" / "departments").iterdir())
