"""What the public log says is an allow-list: canaries planted in events never reach a leaf."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disclosure.domain import leaves
from services.disclosure.messages import ChargeAssessed, DecisionMade

SHA = "ab" * 32
ABOUT: dict[str, Any] = {"application_no": "AL-2026-000001", "item_code": "tree-felling", "item_version": 1}
FILED = {"v", "record_kind", "application_no", "item_code", "item_version", "document_sha256"}
REFUSED = {
    "item_code",
    "item_version",
    "department",
    "conditions_not_met",
    "decided_on",
    "document_commitment",
}
ALLOWED = {
    "received": FILED | {"voucher", "at"},
    "granted": FILED | {"decision", "how", "department", "decided_at"},
    "refused": {"v", "record_kind", "decision"} | REFUSED,
    "bill": {"v", "record_kind", "document_sha256", "at"}
    | {"bill_no", "tariff_code", "tariff_version", "total_fen"},
}


def refused(**changes: Any) -> leaves.Leaf:
    given = {
        "item_code": "tree-felling", "item_version": 1, "department": "landscape",
        "condition_codes": ["need-shown"], "decided_on": "2026-01-20", "commitment": SHA,
    }  # fmt: skip
    return leaves.refused_leaf(**{**given, **changes})


def test_each_kind_says_exactly_what_is_allowed() -> None:
    said = {
        "received": leaves.voucher_leaf("received", **ABOUT, at="2026-01-05T01:00:00Z", document_sha256=SHA),
        "granted": leaves.granted_leaf(
            **ABOUT, department="fire", decided_at="2026-01-05T01:00:00Z", document_sha256=SHA
        ),
        "refused": refused(),
        "bill": leaves.bill_leaf(
            bill_no="B-2026-000001",
            tariff_code="t",
            tariff_version=1,
            total_fen=1,
            at="x",
            document_sha256=SHA,
        ),
    }
    for kind, leaf in said.items():
        assert set(json.loads(leaf.text)) == ALLOWED[kind]


def test_a_refusal_is_nameless() -> None:
    leaf = refused()
    assert "AL-2026" not in leaf.text + leaf.words
    assert leaf.document_sha256 is None


def test_a_refusals_reasons_are_sorted_so_that_their_order_tells_nothing() -> None:
    assert json.loads(refused(condition_codes=["b", "a", "b"]).text)["conditions_not_met"] == ["a", "b"]


def test_a_commitment_binds_and_hides() -> None:
    one, two = bytes(32), bytes([1] * 32)
    assert leaves.commitment(one, SHA) != leaves.commitment(two, SHA)
    assert leaves.commitment(one, SHA) != leaves.commitment(one, "cd" * 32)
    assert SHA not in leaves.commitment(one, SHA)
    with pytest.raises(ValueError, match="32 bytes"):
        leaves.commitment(b"short", SHA)


def test_a_leaf_is_canonical_json() -> None:
    text = leaves.voucher_leaf("declined", **ABOUT, at="2026-01-05T01:00:00Z", document_sha256=SHA).text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_publication_too_large_for_a_log_entry_is_refused() -> None:
    with pytest.raises(leaves.LeafTooLarge):
        leaves.publication_leaf("rule", {"text": "x" * 70_000}, "")


DOCUMENT = {"kind": "decision", "issuer": "review/fire", "body": "{}", "key_id": "k", "signature": "s"}


@given(st.text(min_size=12, max_size=40))
def test_fields_nobody_allowed_never_reach_a_model(canary: str) -> None:
    planted = f"canary {canary}"
    event = {
        **ABOUT, "decision": "granted", "department": "fire", "decided_at": "2026-01-05T01:00:00Z",
        "reasons": [{"condition": None, "text": planted, "article": planted}], "conditions": [planted],
        "answers": [{"department": "water", "answer": planted}], "decision_document": DOCUMENT,
        "facts": {"name": planted}, "applicant": {"kind": "natural", "ref": planted},
    }  # fmt: skip
    heard = DecisionMade.model_validate(event)
    assert planted not in heard.model_dump_json()


@pytest.mark.parametrize("name", ["application_no", "item_code", "department"])
def test_free_text_in_a_public_code_is_refused(name: str) -> None:
    event = {
        **ABOUT, "decision": "granted", "department": "fire", "decided_at": "2026-01-05T01:00:00Z",
        "decision_document": DOCUMENT,
    }  # fmt: skip
    with pytest.raises(ValueError, match=name):
        DecisionMade.model_validate({**event, name: "Li Wei, 13800000000"})


def test_a_bill_without_a_clean_number_is_refused() -> None:
    bill = {
        "bill_no": "Li Wei", "tariff_code": "t", "tariff_version": 1, "total_fen": 1,
        "assessed_at": "2026-01-05T01:00:00Z", "bill": DOCUMENT,
    }  # fmt: skip
    with pytest.raises(ValueError, match="bill_no"):
        ChargeAssessed.model_validate(bill)


@pytest.mark.parametrize(
    ("moment", "day"),
    [("2026-01-05T15:59:59+00:00", "2026-01-05"), ("2026-01-05T16:00:00+00:00", "2026-01-06")],
)
def test_a_legal_day_is_the_day_in_shanghai(moment: str, day: str) -> None:
    assert leaves.legal_day(datetime.fromisoformat(moment)) == day
