"""Knows the signed checkpoint of the log: a C2SP signed note with one Ed25519 signature. Pure.

Text: origin, tree size, base64 root, each on a line; a blank line; the signature line. Anyone can check it
with the verifier key ``<name>+<key id>+<base64>`` and no software of ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519 = b"\x01"  # signature type of C2SP signed-note


class BadCheckpoint(ValueError):
    """A checkpoint that cannot be read, or whose signature does not hold."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """The 32 raw bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The first four bytes of SHA-256(name, newline, type, key)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_bytes(key)).digest()[:4]


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """The verifier key as people pass it on."""
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(ED25519 + public_bytes(key)).decode()}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The checkpoint as a signed note; the key's name is the log's origin."""
    signature = key_id(checkpoint.origin, key.public_key()) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint of a signed note; BadCheckpoint unless one line is this key's good signature."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank:
        raise BadCheckpoint("there is no signature")
    checkpoint = _read(text + "\n")
    for line in lines.splitlines():
        if _is_signed(line, checkpoint, key):
            return checkpoint
    raise BadCheckpoint("no good signature of the log's key")


def _read(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or not lines[1].isdecimal() or (lines[1] != "0" and lines[1].startswith("0")):
        raise BadCheckpoint("origin, size and root are wanted")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error:
        raise BadCheckpoint("the root is no base64") from None
    checkpoint = Checkpoint(lines[0], int(lines[1]), root)
    if len(root) != 32 or checkpoint.text != text:
        raise BadCheckpoint("the text is not exactly origin, size and root")
    return checkpoint


def _is_signed(line: str, checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if mark != "—" or name != checkpoint.origin:
        return False
    try:
        raw = base64.b64decode(encoded, validate=True)
        if raw[:4] != key_id(name, key):
            return False
        key.verify(raw[4:], checkpoint.text.encode())
    except (binascii.Error, InvalidSignature):
        return False
    return True
