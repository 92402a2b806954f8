"""RFC 6962 hashing and C2SP signed notes, straight from their texts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf_hash(leaf: bytes) -> bytes:
    """MTH of one entry."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def roots(leaves: Sequence[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The root over the first n leaf hashes, for every wanted n, in one walk."""
    found = {0: hashlib.sha256(b"").digest()} if 0 in sizes else {}
    stack: list[tuple[int, bytes]] = []
    for number, leaf in enumerate(leaves, 1):
        level = 0
        while stack and stack[-1][0] == level:
            leaf = hashlib.sha256(b"\x01" + stack.pop()[1] + leaf).digest()
            level += 1
        stack.append((level, leaf))
        if number in sizes:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = hashlib.sha256(b"\x01" + left + root).digest()
            found[number] = root
    return found


def proves(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the audit path leads from the leaf hash to the root (RFC 9162 2.1.3.2)."""
    if index >= size:
        return False
    fn, sn, found = index, size - 1, leaf
    for step in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            found = hashlib.sha256(b"\x01" + step + found).digest()
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            found = hashlib.sha256(b"\x01" + found + step).digest()
        fn, sn = fn // 2, sn // 2
    return sn == 0 and found == root


def read_note(note: str, key: bytes) -> tuple[int, bytes]:
    """(size, root) of a checkpoint signed by the raw Ed25519 ``key``; ValueError when it is not."""
    text, _, signatures = note.partition("\n\n")
    origin, size, root = text.split("\n")[:3]
    for line in signatures.splitlines():
        mark, name, signed = line.split(" ", 2)
        hint = hashlib.sha256(origin.encode() + b"\n\x01" + key).digest()[:4]
        raw = base64.b64decode(signed, validate=True)
        if mark == "—" and name == origin and raw[:4] == hint:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], (text + "\n").encode())
            except InvalidSignature:
                continue
            return int(size), base64.b64decode(root, validate=True)
    raise ValueError("no good signature of the log's key")
