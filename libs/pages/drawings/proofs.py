"""The inclusion path of a leaf in the public log (RFC 6962), as a ladder from leaf to checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProofStep:
    """One step of an inclusion proof: the hash so far, its sibling and the side the sibling stands on."""

    number: int
    own: str
    sibling: str
    side: str
    y: int


@dataclass(frozen=True)
class Proof:
    """The path from a leaf to the root, bottom to top."""

    steps: tuple[ProofStep, ...]
    root: str
    height: int
    leaf_y: int


def proof(index: int, size: int, leaf_hash: str, path: Sequence[str]) -> Proof:
    """Walks an inclusion path as RFC 9162, 2.1.3.2 says.

    The root it ends in proves something only when it is compared with the checkpoint's.
    """
    fn, sn, own = index, size - 1, leaf_hash
    found: list[tuple[str, str, str]] = []
    for sibling in path:
        left = bool(fn & 1) or fn == sn
        found.append((own, sibling, "left" if left else "right"))
        pair = sibling + own if left else own + sibling
        own = hashlib.sha256(b"\x01" + bytes.fromhex(pair)).hexdigest()
        while left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    height = 64 + 74 * len(found)
    leaf_y = height - 44
    steps = tuple(
        ProofStep(place + 1, mine, sibling, side, leaf_y - place * 74)
        for place, (mine, sibling, side) in enumerate(found)
    )
    return Proof(steps, own, height, leaf_y)
