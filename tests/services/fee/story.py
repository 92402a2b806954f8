"""The events of one case as fee hears them, signed by keys the tests hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.envelope import Event, instant, new_id
from libs.signatures import KeyDirectory, Signer, document_sha256, key_id_of
from services.fee.domain.cases import Payment
from tests.services.fee.tariffs import document

START = datetime(2026, 1, 6, 1, tzinfo=UTC)  # 9 o'clock in Shanghai
NUMBERS: Iterator[int] = itertools.count(1)
FACTS = {"area_m2": "120", "days": 45, "zone": "2", "use": "other", "starts_on": "2026-02-01"}


def _signer(issuer: str) -> Signer:
    key = Ed25519PrivateKey.generate()
    return Signer(key_id_of(key.public_key()), issuer, key)


SIGNERS = {issuer: _signer(issuer) for issuer in ("fee", "intake", "review/urban_management", "review/fire")}
KEYS = KeyDirectory.from_entries([signer.directory_entry() for signer in SIGNERS.values()])


def event(source: str, name: str, subject: str, data: dict[str, Any], at: datetime = START) -> Event:
    """An event as fee hears it."""
    return Event(new_id(), name, source, at, subject, data)


def tariff_published(name: str = "road-occupation-chengdu-hitech", **changes: Any) -> Event:
    """disclosure says a tariff."""
    data = document(name, **changes)
    return event("disclosure", "disclosure.tariff_published.v1", f"tariff/{data['tariff_code']}", data)


@dataclass
class Story:
    """The events of one case about one item of its own, in the order they happened."""

    timing: str = "before_delivery"
    facts: dict[str, Any] = field(default_factory=lambda: dict(FACTS))
    tariff_code: str | None = "road-occupation-chengdu-hitech"
    accepted_at: datetime = START
    applicant_ref: str = "p-1"

    def __post_init__(self) -> None:
        number = next(NUMBERS)
        self.case_id = new_id()
        self.item_code = f"item-{number}"
        self.about = {
            "application_no": f"AL-2026-{number:06d}", "item_code": self.item_code, "item_version": 1,
        }  # fmt: skip

    def item(self) -> Event:
        """The item is published."""
        inputs = {code: code for code in ("area_m2", "days", "zone", "use")}
        fee = self.tariff_code and {"tariff_code": self.tariff_code, "timing": self.timing, "inputs": inputs}
        data = {"item_code": self.item_code, "version": 1, "name": {"zh": "事项", "en": "item"}, "fee": fee}
        return event("disclosure", "disclosure.service_item_published.v1", f"item/{self.item_code}", data)

    def accepted(self, *, issuer: str = "intake", decision: str = "by_lead", **voucher_says: Any) -> Event:
        """The application is accepted; ``voucher_says`` is what the signed voucher says instead."""
        signed = {
            "case_id": self.case_id, "act": "accepted", "item_code": self.item_code, "item_version": 1,
            "accepted_at": instant(self.accepted_at), "lead": "urban_management",
            "applicant_ref": self.applicant_ref, **voucher_says,
        }  # fmt: skip
        voucher = SIGNERS[issuer].sign("voucher", signed)
        data = {
            **self.about, "applicant": {"kind": "natural", "ref": self.applicant_ref},
            "accepted_at": instant(self.accepted_at), "mode": "complete", "facts": self.facts, "plan": [],
            "lead": "urban_management", "decision": decision, "clocks": [], "voucher": voucher.model_dump(),
            "said_at": instant(self.accepted_at),
        }  # fmt: skip
        return event("intake", "intake.application_accepted.v1", self.case_id, data)

    def decided(
        self,
        decision: str = "granted",
        department: str = "urban_management",
        *,
        text: str | None = None,
        case_id: str | None = None,
    ) -> Event:
        """The lead department decides; ``text`` and ``case_id`` are what the signed document says instead."""
        signed = {"case_id": case_id or self.case_id, "decision": text or decision}
        data = {
            **self.about, "department": department, "decision": decision, "reasons": [], "conditions": [],
            "answers": [], "decided_at": instant(START),
            "decision_document": SIGNERS[f"review/{department}"].sign("decision", signed).model_dump(),
        }  # fmt: skip
        heard = event(f"review/{department}", "review.decision_made.v1", self.case_id, data)
        return Event(**{**{name: getattr(heard, name) for name in heard.__slots__}, "department": department})

    def decided_by_itself(self) -> Event:
        """Unanimous consent decides."""
        text = {"case_id": self.case_id, "decision": "granted"}
        data = {
            **self.about, "decision": "granted", "reasons": [], "conditions": [],
            "decided_at": instant(START),
            "decision_document": SIGNERS["intake"].sign("decision", text).model_dump(),
        }  # fmt: skip
        return event("intake", "intake.decision_made.v1", self.case_id, data)

    def withdrawn(self) -> Event:
        """The applicant takes the application back."""
        data = {**self.about, "withdrawn_at": instant(START), "stage": "in_review"}
        return event("intake", "intake.application_withdrawn.v1", self.case_id, data)

    def recorded(self, assessed: dict[str, Any], **changes: Any) -> Event:
        """The bill stands in the public log."""
        data = {
            "leaf_index": 7, "leaf_hash": "ab" * 32, "record_kind": "bill",
            "of_event": {"source": "fee", "id": assessed["id"], "type": assessed["type"]},
            "document_sha256": document_sha256(assessed["data"]["bill"]), "tree_size": 9,
            "checkpoint": "onewindow\n9\n", "proof": ["cd" * 32], **changes,
        }  # fmt: skip
        return event("disclosure", "disclosure.record_published.v1", self.case_id, data)


def payment(bill_no: str, amount_fen: int = 1_080_000, **changes: Any) -> Payment:
    """A payment as the bank reports it."""
    values = {
        "bill_no": bill_no, "amount_fen": amount_fen, "channel": "bank", "channel_ref": f"ref-{bill_no}",
        "paid_at": START + timedelta(minutes=1), **changes,
    }  # fmt: skip
    return Payment.model_validate(values)
