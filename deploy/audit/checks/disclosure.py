"""I12 disclosure: the log holds exactly what is public, its head recomputes, vouchers have their proofs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from deploy.audit.evidence import tree
from deploy.audit.report import Finding
from deploy.audit.snapshot import Books, Said, Snapshot
from libs.flow import Flow
from libs.signatures import document_sha256

PUBLIC = {  # what becomes a leaf, and of which kind
    "disclosure.calendar_published.v1": "calendar",
    "disclosure.tariff_published.v1": "tariff",
    "disclosure.rule_published.v1": "rule",
    "disclosure.service_item_published.v1": "service_item",
    "intake.application_received.v1": "voucher",
    "intake.application_accepted.v1": "voucher",
    "intake.application_declined.v1": "voucher",
    "review.decision_made.v1": "decision",
    "intake.decision_made.v1": "decision",
    "fee.charge_assessed.v1": "bill",
}
PAPER = {"voucher": "voucher", "decision": "decision_document", "bill": "bill"}
SAME = ("application_no", "item_code", "bill_no", "total_fen", "decision", "tariff_code", "tariff_version")
PUBLISHED = "disclosure.record_published.v1"


def public_log(snapshot: Snapshot, flow: Flow) -> Finding:
    """Leaves = publications, vouchers, decisions (refusals nameless), bills; head, signatures, proofs hold."""
    finding = Finding("I12", "the public log")
    books = snapshot.books.get("disclosure")
    if books is None:
        finding.breach("there is no database of disclosure")
        return finding
    leaves = sorted(books.rows("leaves"), key=lambda row: row["leaf_index"])
    finding.count("leaves", len(leaves))
    _exactly_the_public(finding, snapshot, leaves)
    hashes = [tree.leaf_hash(row["leaf"].encode()) for row in leaves]
    for position, (row, hashed) in enumerate(zip(leaves, hashes, strict=True)):
        finding.expect(row["leaf_index"] == position, f"leaf {row['leaf_index']} stands at {position}")
        finding.expect(row["leaf_hash"] == hashed.hex(), f"leaf {position} is not what its hash says")
    _heads(finding, snapshot, books, hashes)
    _proofs(finding, snapshot, books, leaves)
    return finding


def _exactly_the_public(finding: Finding, snapshot: Snapshot, leaves: list[dict[str, Any]]) -> None:
    wanted = {event.identity: event for event in snapshot.of_type(*PUBLIC)}
    found = Counter((row["event_source"], row["event_id"]) for row in leaves)
    for identity, event in wanted.items():
        finding.expect(found[identity] == 1, f"{event} has {found[identity]} leaves")
    for row in leaves:
        said = wanted.get((row["event_source"], row["event_id"]))
        if said is None:
            finding.breach(f"leaf {row['leaf_index']} is about nothing that is public")
            continue
        finding.count(f"{PUBLIC[said.type]} leaves")
        _content(finding, row, said)


def _content(finding: Finding, row: Mapping[str, Any], event: Said) -> None:
    leaf = json.loads(row["leaf"])
    where = f"leaf {row['leaf_index']} of {event}"
    kind = PUBLIC[event.type]
    finding.expect(leaf["record_kind"] == kind, f"{where} is a {leaf['record_kind']}")
    if kind not in PAPER:
        told = leaf["publication"]
        differ = [name for name in told if told[name] != event.data.get(name)]
        finding.expect(not differ, f"{where} differs in {', '.join(differ)}")
        return
    digest = document_sha256(event.data[PAPER[kind]])
    if event.data.get("decision") == "refused":
        paper = event.data[PAPER[kind]]
        for secret in (event.data["application_no"], event.subject, digest, paper["signature"]):
            finding.expect(secret not in row["leaf"], f"{where} names a refused applicant's {secret[:16]}")
        return
    finding.expect(leaf.get("document_sha256") == digest, f"{where} names another document")
    for name in SAME:
        if name in leaf and name in event.data:
            finding.expect(leaf[name] == event.data[name], f"{where} says {name} {leaf[name]}")


def _heads(finding: Finding, snapshot: Snapshot, books: Books, hashes: list[bytes]) -> None:
    checkpoints = sorted(books.rows("checkpoints"), key=lambda row: row["tree_size"])
    finding.count("checkpoints", len(checkpoints))
    roots = tree.roots(hashes, {row["tree_size"] for row in checkpoints})
    newest = checkpoints[-1]["tree_size"] if checkpoints else 0
    finding.expect(newest == len(hashes), f"{len(hashes)} leaves, the newest checkpoint covers {newest}")
    if snapshot.log_key is None:
        finding.breach("no key of the log to verify its checkpoints")
        return
    for row in checkpoints:
        try:
            size, root = tree.read_note(row["note"], snapshot.log_key)
        except ValueError as wrong:
            finding.breach(f"checkpoint of size {row['tree_size']}: {wrong}")
            continue
        same = size == row["tree_size"] and root == roots.get(size)
        finding.expect(same, f"checkpoint of size {row['tree_size']} is not the head of the leaves")


def _proofs(finding: Finding, snapshot: Snapshot, books: Books, leaves: list[dict[str, Any]]) -> None:
    """Each leaf was told with a proof that holds; intake heard the proof of every voucher."""
    told: dict[tuple[str, str], Said] = {}
    for event in books.outbox:
        if event.type == PUBLISHED:
            finding.count("proofs")
            about = event.data["of_event"]
            told[(about["source"], about["id"])] = event
            fails = f"the proof of leaf {event.data['leaf_index']} does not hold"
            finding.expect(_holds(snapshot, event), fails)
    for row in leaves:
        proof = told.get((row["event_source"], row["event_id"]))
        stands = (row["leaf_index"], row["leaf_hash"])
        same = proof is not None and (proof.data["leaf_index"], proof.data["leaf_hash"]) == stands
        finding.expect(same, f"leaf {row['leaf_index']} was never told as it stands")
    intake = snapshot.books.get("intake")
    heard = {row.identity for row in intake.inbox if row.state == "handled"} if intake else set()
    for event in snapshot.of_type(*(name for name, kind in PUBLIC.items() if kind == "voucher")):
        finding.count("vouchers")
        proof = told.get(event.identity)
        finding.expect(
            proof is not None and proof.identity in heard, f"no proof followed the voucher of {event}"
        )


def _holds(snapshot: Snapshot, event: Said) -> bool:
    if snapshot.log_key is None:
        return False
    try:
        size, root = tree.read_note(event.data["checkpoint"], snapshot.log_key)
    except ValueError:
        return False
    path = [bytes.fromhex(each) for each in event.data["proof"]]
    leaf = bytes.fromhex(event.data["leaf_hash"])
    return size == event.data["tree_size"] and tree.proves(leaf, event.data["leaf_index"], size, path, root)
