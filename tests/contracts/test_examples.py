"""Every event has a schema and an example; every example is a whole CloudEvent and its signatures hold."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs import contracts
from libs.contracts import ContractBroken
from libs.envelope import Bad, batches, decode, event_from
from libs.flow import CONTRACTS, FLOW
from libs.signatures import BadSignature, KeyDirectory, Signer, document_sha256, key_id_of
from services.disclosure.domain import merkle, notes

EXAMPLES = [
    pytest.param(event, name, cloud, id=name)
    for event in FLOW.event_names
    for name, cloud in contracts.examples(event).items()
]
KEYS = KeyDirectory.from_file(CONTRACTS / "examples" / "keys.json")


def _signed(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if {"kind", "issuer", "body", "key_id", "signature"} <= node.keys():
            yield node
        for value in node.values():
            yield from _signed(value)
    elif isinstance(node, list):
        for value in node:
            yield from _signed(value)


@pytest.mark.parametrize("event", FLOW.event_names)
def test_every_event_has_a_schema_and_an_example(event: str) -> None:
    schema = contracts.schema(event)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:onewindow:event:{event}"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert f"{event}.json" in contracts.examples(event)


def test_nothing_lies_beside_the_story() -> None:
    known = {contracts.schema_path(event) for event in FLOW.event_names}
    assert set((CONTRACTS / "events").rglob("*.json")) == known
    used = {name for event in FLOW.event_names for name in contracts.examples(event)}
    assert {path.name for path in (CONTRACTS / "examples").glob("*/*.json")} == used


@pytest.mark.parametrize(("event", "name", "cloud"), EXAMPLES)
def test_every_example_fits_its_schema(event: str, name: str, cloud: dict[str, Any]) -> None:
    contracts.check(event, cloud["data"])
    schema = contracts.schema(event)
    jsonschema.validate(cloud["data"], schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(("event", "name", "cloud"), EXAMPLES)
def test_every_example_is_a_whole_event_that_survives_the_wire(
    event: str, name: str, cloud: dict[str, Any]
) -> None:
    said = event_from(cloud)
    rule = FLOW.rule(event)
    assert said.to_dict() == cloud
    assert said.type == event
    assert said.source.split("/")[0] == rule.said_by
    assert bool(said.department) == rule.carries_department
    if rule.said_by == "review":
        assert said.source == f"review/{said.department}"
    [(_, body)] = batches([(1, said.to_json())], FLOW.max_message_bytes)
    assert len(body) <= FLOW.max_message_bytes
    [heard] = decode(body, "application/cloudevents-batch+json")
    assert not isinstance(heard, Bad)
    assert heard == said


@pytest.mark.parametrize(("event", "name", "cloud"), EXAMPLES)
def test_every_signature_in_an_example_holds(event: str, name: str, cloud: dict[str, Any]) -> None:
    for document in _signed(cloud["data"]):
        content = KEYS.verify(document, issuer=cloud["source"])
        assert content["application_no"] == cloud["data"]["application_no"]
        forged = {**document, "body": document["body"].replace("AL-2026-0000", "AL-2026-9000")}
        with pytest.raises(BadSignature):
            KEYS.verify(forged)


def test_every_document_kind_is_shown_signed() -> None:
    kinds = {document["kind"] for param in EXAMPLES for document in _signed(param.values[2]["data"])}  # type: ignore[index]
    assert kinds == {"voucher", "notice", "opinion", "decision", "permit", "refusal", "bill", "receipt"}


def test_example_keys_follow_from_the_published_seed() -> None:
    entries = json.loads((CONTRACTS / "examples" / "keys.json").read_text(encoding="utf-8"))
    assert entries
    for entry in entries:
        seed = hashlib.sha256(f"onewindow example key {entry['issuer']}".encode()).digest()
        key = Ed25519PrivateKey.from_private_bytes(seed)
        assert Signer(key_id_of(key.public_key()), entry["issuer"], key).directory_entry() == entry


def test_example_records_are_proven_by_the_example_log() -> None:
    log = json.loads((CONTRACTS / "examples" / "log.json").read_text(encoding="utf-8"))
    seed = hashlib.sha256(b"onewindow example key onewindow.example/log").digest()
    key: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    assert notes.verifier_key("onewindow.example/log", key) == log["verifier_key"]
    seen = 0
    for cloud in contracts.examples("disclosure.record_published.v1").values():
        data = cloud["data"]
        checkpoint = notes.open_note(data["checkpoint"], key)
        leaf = merkle.leaf_hash(log["leaves"][data["leaf_index"]].encode())
        path = [bytes.fromhex(each) for each in data["proof"]]
        assert leaf.hex() == data["leaf_hash"]
        assert checkpoint.size == data["tree_size"]
        assert merkle.includes(leaf, data["leaf_index"], data["tree_size"], path, checkpoint.root)
        seen += 1
    assert seen >= 2


def test_examples_name_each_other_truly() -> None:
    known = {cloud["id"]: cloud for event in FLOW.event_names for cloud in contracts.examples(event).values()}
    followed = 0
    for cloud in known.values():
        cause = known.get(cloud.get("causationid", ""))
        if cause is not None:
            followed += 1
            assert cloud["time"] >= cause["time"]
    assert followed >= 12
    [delivered] = [
        c
        for c in known.values()
        if c["type"] == "intake.document_delivered.v1" and c["data"]["how"] == "online"
    ]
    permit = known[delivered["causationid"]]["data"]["permit"]
    assert document_sha256(permit) == delivered["data"]["document_sha256"]


def _broken(cloud: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same data with one thing wrong each time."""
    data = cloud["data"]
    for name in list(data):
        without = copy.deepcopy(data)
        del without[name]
        yield f"without {name}", without
    for name, wrong in (("application_no", "17"), ("item_version", 0), ("received_at", "2026-03-02 09:12"),
                        ("department", "Fire Brigade"), ("total_fen", 10.5), ("total_fen", -1), ("colour", "green"),
                        ("leaf_hash", "ABC"), ("days_off", "2026-01-01"), ("outcome", "maybe")):  # fmt: skip
        if name in data:
            yield f"{name}={wrong!r}", {**copy.deepcopy(data), name: wrong}


def test_data_with_something_wrong_is_refused() -> None:
    refused, optional = 0, []
    for event in FLOW.event_names:
        required = set(contracts.schema(event)["required"])
        for what, data in _broken(contracts.examples(event)[f"{event}.json"]):
            if what.startswith("without ") and what.removeprefix("without ") not in required:
                optional.append((event, what))
                contracts.check(event, data)
                continue
            with pytest.raises(ContractBroken) as caught:
                contracts.check(event, data)
            assert caught.value.code == "contract_broken"
            refused += 1
    assert refused > 200
    assert len(optional) < 20


def test_members_a_reader_does_not_know_are_allowed() -> None:
    for event in FLOW.event_names:
        data = contracts.examples(event)[f"{event}.json"]["data"]
        contracts.check(event, {**data, "said_in_a_later_version": 1})


@pytest.mark.parametrize("name", ["signature", "key_id", "document_sha256", "capability"])
def test_an_example_shows_it(name: str) -> None:
    assert any(name in json.dumps(param.values[2]) for param in EXAMPLES)
