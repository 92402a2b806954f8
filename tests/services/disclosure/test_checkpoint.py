"""A checkpoint is a C2SP signed note: it opens with the log's key, unchanged, and with nothing else."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.disclosure.domain.notes import (
    BadCheckpoint,
    Checkpoint,
    key_id,
    open_note,
    public_bytes,
    sign,
    verifier_key,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = Checkpoint("onewindow.example/disclosure", 7, hashlib.sha256(b"seven").digest())
NOTE = sign(HEAD, KEY)


def test_checkpoint_opens_with_the_log_key() -> None:
    assert open_note(NOTE, KEY.public_key()) == HEAD


def test_checkpoint_has_the_form_of_c2sp() -> None:
    text, signature = NOTE.split("\n\n")
    assert text == f"onewindow.example/disclosure\n7\n{base64.b64encode(HEAD.root).decode()}"
    mark, name, encoded = signature.removesuffix("\n").split(" ")
    assert (mark, name) == ("\u2014", HEAD.origin)
    assert base64.b64decode(encoded)[:4] == key_id(HEAD.origin, KEY.public_key())


def test_key_id_is_computed_as_c2sp_says() -> None:
    raw = public_bytes(KEY.public_key())
    expected = hashlib.sha256(HEAD.origin.encode() + b"\n\x01" + raw).digest()[:4]
    assert key_id(HEAD.origin, KEY.public_key()) == expected
    name, number, encoded = verifier_key(HEAD.origin, KEY.public_key()).split("+", 2)
    assert (name, number) == (HEAD.origin, expected.hex())
    assert base64.b64decode(encoded) == b"\x01" + raw


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BadCheckpoint):
        open_note(NOTE, Ed25519PrivateKey.generate().public_key())


def test_another_line_beside_ours_is_no_harm() -> None:
    cosigned = NOTE + "\u2014 witness.example AAAAAAAA\n"
    assert open_note(cosigned, KEY.public_key()) == HEAD


@given(st.integers(0, len(NOTE) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_no_changed_character_goes_unnoticed(at: int, character: str) -> None:
    if NOTE[at] == character:
        return
    bent = NOTE[:at] + character + NOTE[at + 1 :]
    try:
        opened = open_note(bent, KEY.public_key())
    except BadCheckpoint:
        return
    assert opened == HEAD, "only slack in base64 padding may still open, and then to the same head"


@pytest.mark.parametrize("text", ["", "\n\n", "a\n1\n\n\n", "a\n01\nAAAA\n\n", "no signature at all"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        open_note(text, KEY.public_key())
