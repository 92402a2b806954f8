"""Records who said what: events, signed papers, leaves, ledger; and turns them into the audit's snapshot."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.audit.checks.delivery import hearers
from deploy.audit.snapshot import Answered, Books, Heard, Said, Snapshot
from libs.deadlines import Calendar, Calendars, due
from libs.envelope import Event, instant
from libs.flow import FLOW
from libs.signatures import KeyDirectory, Signer, document_sha256, key_id_of
from services.disclosure.domain import leaves, merkle, notes

CATALOGUE = Path(__file__).resolve().parents[3] / "deploy" / "catalogue"
SHANGHAI = ZoneInfo("Asia/Shanghai")
ORIGIN = "onewindow.test/log"
DEPARTMENTS = (
    "market", "urban_management", "traffic_police", "planning", "pipelines", "landscape", "government",
)  # fmt: skip


def local(text: str) -> datetime:
    """An instant from local time of 2026: ``01-05 10:00``."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI).astimezone(ZoneInfo("UTC"))


def plain(document: Any) -> Any:
    """A YAML document as JSON says it (dates as text)."""
    return json.loads(json.dumps(document, default=lambda each: each.isoformat()))


def shipped(kind: str, name: str) -> dict[str, Any]:
    """A document of the shipped catalogue."""
    text = (CATALOGUE / kind / f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = plain(yaml.safe_load(text))
    return found


class Recording:
    """Grows with the story; ``snapshot`` is what the audit would have loaded."""

    def __init__(self) -> None:
        self.databases = ["intake", "fee", "disclosure", "supervision", *(f"review.{d}" for d in DEPARTMENTS)]
        self.said: dict[str, list[Event]] = {name: [] for name in self.databases}
        self.order: list[Event] = []
        self.calendars = Calendars()
        self.items: dict[str, dict[str, Any]] = {}
        self.tariffs: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in self.databases}
        self.answers: list[Answered] = []
        self.frontier = merkle.Frontier()
        self.nodes: dict[merkle.Place, bytes] = {}
        issuers = [name.replace(".", "/", 1) for name in self.databases]
        self.private = {issuer: Ed25519PrivateKey.generate() for issuer in issuers}
        self.signers = {
            issuer: Signer(key_id_of(key.public_key()), issuer, key) for issuer, key in self.private.items()
        }

    def say(
        self, name: str, event_type: str, subject: str, at: datetime, data: Mapping[str, Any],
        department: str | None = None,
    ) -> Event:  # fmt: skip
        """One event in one outbox; identities are counted, so that every run is the same."""
        if name.startswith("review."):
            department = name.partition(".")[2]
        event = Event(
            f"{len(self.order):032x}", event_type, name.replace(".", "/", 1), at, subject, plain(dict(data)),
            department=department,
        )  # fmt: skip
        self.said[name].append(event)
        self.order.append(event)
        return event

    def sign(self, issuer: str, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A signed paper."""
        return self.signers[issuer].sign(kind, plain(dict(body))).model_dump()

    def clock(self, kind: str, starts_on: date, limit_wd: int) -> dict[str, Any]:
        """A due date as the watched services count it."""
        return due(self.calendars, starts_on, limit_wd).clock(kind)

    def publish(self, kind: str, document: Mapping[str, Any], at: datetime) -> None:
        """A publication with its leaf."""
        event_type, code, leaf_kind = {
            "calendars": ("disclosure.calendar_published.v1", "year", "calendar"),
            "tariffs": ("disclosure.tariff_published.v1", "tariff_code", "tariff"),
            "rules": ("disclosure.rule_published.v1", "rule_code", "rule"),
            "items": ("disclosure.service_item_published.v1", "item_code", "item"),
        }[kind]
        content = {**document, "published_at": instant(at)}
        subject = f"{leaf_kind}/{document[code]}"
        event = self.say("disclosure", event_type, subject, at, content)
        record_kind: Any = "service_item" if leaf_kind == "item" else leaf_kind
        self.leaf(leaves.publication_leaf(record_kind, content, subject), event)
        if kind == "calendars":
            self.calendars = Calendars([*self.calendars.values(), Calendar.from_published(content)])
        elif kind == "items":
            self.items[str(document[code])] = content
        elif kind == "tariffs":
            self.tariffs[str(document[code])] = content

    def leaf(self, leaf: leaves.Leaf, of: Event) -> None:
        """A leaf, its checkpoint and its proof, in the same instant as what it makes public."""
        hashed = merkle.leaf_hash(leaf.text.encode())
        index = self.frontier.size
        self.frontier, full = self.frontier.append(hashed)
        self.nodes.update(full)
        checkpoint = notes.Checkpoint(ORIGIN, self.frontier.size, self.frontier.root)
        note = notes.sign(checkpoint, self.private["disclosure"])
        books = self.tables["disclosure"]
        books.setdefault("leaves", []).append({
            "leaf_index": index, "leaf_hash": hashed.hex(), "record_kind": leaf.record_kind, "leaf": leaf.text,
            "event_source": of.source, "event_id": of.id, "event_type": of.type, "subject": of.subject,
        })  # fmt: skip
        books.setdefault("checkpoints", []).append({"tree_size": index + 1, "root": "", "note": note})
        spans = merkle.inclusion_spans(index, self.frontier.size)
        proof = [each.hex() for each in merkle.proof(spans, self.nodes.__getitem__)]
        self.say("disclosure", "disclosure.record_published.v1", of.subject, of.time, {
            "leaf_index": index, "leaf_hash": hashed.hex(), "record_kind": leaf.record_kind,
            "of_event": {"source": of.source, "id": of.id, "type": of.type},
            "document_sha256": leaf.document_sha256, "tree_size": index + 1, "checkpoint": note, "proof": proof,
        })  # fmt: skip

    def voucher_leaf(self, event: Event, act: Any, at: datetime) -> None:
        """The leaf of a voucher."""
        about = {name: event.data[name] for name in ("application_no", "item_code", "item_version")}
        digest = document_sha256(event.data["voucher"])
        self.leaf(leaves.voucher_leaf(act, **about, at=instant(at), document_sha256=digest), event)

    def decision_leaf(self, event: Event, department: str | None) -> None:
        """The leaf of a decision; a refusal's is nameless."""
        digest = document_sha256(event.data["decision_document"])
        about = {name: event.data[name] for name in ("item_code", "item_version")}
        if event.data["decision"] == "granted":
            leaf = leaves.granted_leaf(
                **about, application_no=event.data["application_no"], department=department,
                decided_at=event.data["decided_at"], document_sha256=digest,
            )  # fmt: skip
        else:
            secret = leaves.commitment(bytes(32), digest)
            leaf = leaves.refused_leaf(
                **about, department=department, condition_codes=[], decided_on="2026-01-14", commitment=secret,
            )  # fmt: skip
        self.leaf(leaf, event)

    def snapshot(self, now: datetime) -> Snapshot:
        """Every book as the audit loads it, with everything delivered and handled."""
        books = {name: Books(name, tables=plain(self.tables[name])) for name in self.databases}
        for name, events in self.said.items():
            for seq, event in enumerate(events, 1):
                said = Said(
                    seq, event.source, event.id, event.type, event.subject, event.time, event.department,
                    json.loads(json.dumps(event.data)),
                )  # fmt: skip
                books[name].outbox.append(said)
                for hearer in hearers(said, FLOW, list(DEPARTMENTS)):
                    heard = Heard(said.source, said.id, said.type, said.subject)
                    books[hearer].inbox.append(heard)
        books["intake"].answers = list(self.answers)
        entries = [signer.directory_entry() for signer in self.signers.values()]
        log_key = base64.b64decode(self.signers["disclosure"].directory_entry()["public_key"])
        return Snapshot(books, now, KeyDirectory.from_entries(entries), log_key, {"intake": 0})
