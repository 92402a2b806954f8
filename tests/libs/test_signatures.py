"""Signatures: what was signed verifies, anything else does not, and no key signs for another issuer."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.signatures import (
    BadKeyFile,
    BadSignature,
    KeyDirectory,
    SignedDocument,
    Signer,
    canonical,
    create_key,
    document_sha256,
    read_canonical,
)

FIRE = Signer("fire-1", "review/fire", Ed25519PrivateKey.from_private_bytes(b"f" * 32))
FEE = Signer("fee-1", "fee", Ed25519PrivateKey.from_private_bytes(b"m" * 32))
KEYS = KeyDirectory.from_entries([FIRE.directory_entry(), FEE.directory_entry()])
OPINION = {"outcome": "consent", "application_no": "AL-2026-000001", "reasons": [{"text": "安全出口两个"}]}


def test_signed_document_verifies_and_says_what_was_signed() -> None:
    document = FIRE.sign("opinion", OPINION)
    content = KEYS.verify(document, issuer="review/fire", kind="opinion")
    assert content == {**OPINION, "kind": "opinion", "issuer": "review/fire"}
    assert KEYS.verify(document.model_dump(mode="json"), issuer="review/fire") == content
    assert document_sha256(document) == hashlib.sha256(document.body.encode()).hexdigest()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=6), _JSON, max_size=5))
@settings(max_examples=300, deadline=None)
def test_the_quick_way_writes_what_rfc_8785_asks_for(content: dict[str, Any]) -> None:
    assert canonical(content) == rfc8785.dumps(content).decode()


@pytest.mark.parametrize("bad", [float("nan"), b"bytes", 2**53, "half \ud800", {1: 2}])
def test_what_json_cannot_say_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError):
        canonical({"inside": [bad]})


@given(st.dictionaries(st.text(max_size=6), _JSON, max_size=5))
@settings(max_examples=300, deadline=None)
def test_what_is_canonical_is_read_and_nothing_else(content: dict[str, Any]) -> None:
    text = rfc8785.dumps(content).decode()
    loose = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for each in (text, text + " ", loose, json.dumps(content)):
        if _is_canonical(each):
            assert read_canonical(each) == json.loads(each)
        else:
            with pytest.raises(ValueError, match=r"8785|canonical"):
                read_canonical(each)


def _is_canonical(text: str) -> bool:
    try:
        return rfc8785.dumps(json.loads(text)).decode() == text
    except rfc8785.CanonicalizationError:
        return False


@pytest.mark.parametrize(
    "text",
    ["[]", "1", '{"a":1,"a":1}', '{"a":1.0}', '{"a":1E2}', '{"a":-0}', '{"a":NaN}', '{"a":9007199254740993}',
     '{"b":1,"a":1}', '{"a":"\\u00e9"}', '{"a":"\\ud800"}', '{"\uffff":1,"\U0001f600":1}'],
)  # fmt: skip
def test_text_that_is_not_canonical_is_no_document(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_canonical(text)


@pytest.mark.parametrize(
    "text", ['{"a":1e+22}', '{"a":0.1}', '{"a":9007199254740991}', '{"\U0001f600":1,"\uffff":1}']
)
def test_unusual_canonical_text_is_read_too(text: str) -> None:
    assert read_canonical(text) == json.loads(text)


def test_body_is_rfc_8785_text() -> None:
    assert FIRE.sign("note", {"b": 1, "a": "é", "č": [True, None]}).body == (
        '{"a":"é","b":1,"issuer":"review/fire","kind":"note","č":[true,null]}'
    )


def test_signing_is_deterministic() -> None:
    assert FIRE.sign("opinion", OPINION) == FIRE.sign("opinion", dict(reversed(OPINION.items())))


def test_verifies_with_the_plain_algorithm_alone() -> None:
    document = FIRE.sign("opinion", OPINION)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(FIRE.directory_entry()["public_key"]))
    public.verify(base64.b64decode(document.signature), document.body.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"body": FIRE.sign("opinion", {**OPINION, "outcome": "object"}).body},
        {"body": "[]"},
        {"kind": "decision"},
        {"issuer": "fee"},
        {"issuer": "review/health"},
        {"key_id": "fee-1"},
        {"key_id": "unknown"},
        {"signature": "AAAA"},
        {"signature": "not base64 ä"},
        {"signature": None},
    ],
)
def test_changed_document_is_refused(change: dict[str, Any]) -> None:
    document = {**FIRE.sign("opinion", OPINION).model_dump(), **change}
    with pytest.raises(BadSignature):
        KEYS.verify(document, issuer="review/fire")


def test_another_issuers_true_signature_is_refused_when_this_one_is_wanted() -> None:
    with pytest.raises(BadSignature):
        KEYS.verify(FEE.sign("opinion", OPINION), issuer="review/fire")


def test_another_kind_is_refused() -> None:
    with pytest.raises(BadSignature):
        KEYS.verify(FIRE.sign("opinion", OPINION), issuer="review/fire", kind="decision")


def test_equal_json_in_another_spelling_is_refused() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
    text = json.dumps({"kind": "opinion", "issuer": "review/fire"}, indent=1)
    signature = base64.b64encode(key.sign(text.encode())).decode()
    document = SignedDocument(
        kind="opinion", issuer="review/fire", body=text, key_id="fire-1", signature=signature
    )
    with pytest.raises(BadSignature, match="8785"):
        KEYS.verify(document)


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": b"1"}, {"kind": "decision"}, {"issuer": "fee"}])
def test_what_cannot_be_signed_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FIRE.sign("opinion", body)


@settings(max_examples=50)
@given(st.integers(0, 400), st.integers(1, 255))
def test_any_changed_byte_is_found(position: int, flip: int) -> None:
    document = FIRE.sign("opinion", {"text": "x" * 300})
    raw = bytearray(document.body.encode())
    raw[position % len(raw)] ^= flip
    with pytest.raises(BadSignature):
        KEYS.verify(document.model_copy(update={"body": raw.decode("latin-1")}))


def test_key_file_and_directory_file_are_read_back(tmp_path: Path) -> None:
    made = create_key(tmp_path / "fire.pem", "review/fire")
    (tmp_path / "keys.json").write_text(json.dumps([made.directory_entry()]))
    read = Signer.from_file(tmp_path / "fire.pem", "review/fire")
    assert read.key_id == made.key_id
    assert (tmp_path / "fire.pem").stat().st_mode & 0o077 == 0
    KeyDirectory.from_file(tmp_path / "keys.json").verify(read.sign("opinion", OPINION), issuer="review/fire")
    with pytest.raises(FileExistsError):
        create_key(tmp_path / "fire.pem", "review/fire")


@pytest.mark.parametrize(
    "text", ["", "{}", "[{}]", '[{"key_id":"a","issuer":"b","public_key":"AA=="}]', "[1]"]
)
def test_unreadable_key_directory_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(BadKeyFile):
        KeyDirectory.from_file(tmp_path / "keys.json")


def test_unreadable_key_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    for path in (tmp_path / "key.pem", tmp_path / "missing.pem"):
        with pytest.raises(BadKeyFile, match=path.name):
            Signer.from_file(path, "fee")


def test_a_key_listed_twice_is_refused() -> None:
    with pytest.raises(BadKeyFile):
        KeyDirectory.from_entries([FIRE.directory_entry(), FIRE.directory_entry()])
