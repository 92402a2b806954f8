"""Knows the Merkle tree of RFC 6962: leaf and node hashes, growth, inclusion and consistency proofs. Pure.

The tree is kept as its full subtrees ("nodes"): node (level, position) is the root over the leaves
position·2^level up to, not including, (position+1)·2^level. A node once known never changes, so growth only
adds nodes, and every root and proof is computed from O(log n) of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Place = tuple[int, int]  # (level, position) of a full subtree
NodeOf = Callable[[Place], bytes]
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: the prefix 0x00 keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: the prefix 0x01."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept to grow a tree of ``size`` leaves: the roots of its full subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> tuple[Frontier, list[tuple[Place, bytes]]]:
        """The frontier after the leaf with hash ``leaf``, and the nodes that became full by it."""
        peaks, level, position = list(self.peaks), 0, self.size
        full = [((0, position), leaf)]
        while position & 1:
            leaf = node_hash(peaks.pop(), leaf)
            level, position = level + 1, position >> 1
            full.append(((level, position), leaf))
        return Frontier(self.size + 1, (*peaks, leaf)), full

    @property
    def root(self) -> bytes:
        """The Merkle tree head over all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


class OutOfTree(ValueError):
    """A proof was asked for a leaf or size that the tree does not have."""


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def peaks_of(first: int, size: int) -> list[Place]:
    """The full subtrees that make up ``size`` leaves from ``first`` on (aligned), largest first."""
    found = []
    while size:
        level = size.bit_length() - 1
        found.append((level, first >> level))
        first, size = first + (1 << level), size - (1 << level)
    return found


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """The (first leaf, number of leaves) whose roots prove leaf ``index`` of ``size``, lowest first."""
    if not 0 <= index < size:
        raise OutOfTree(f"leaf {index} of {size}")
    spans, first = [], 0
    while size > 1:
        left = _split(size)
        if index - first < left:
            spans.append((first + left, size - left))
            size = left
        else:
            spans.append((first, left))
            first, size = first + left, size - left
    return spans[::-1]


def consistency_spans(older: int, newer: int) -> list[tuple[int, int]]:
    """The spans whose roots prove that a tree of ``older`` leaves is the beginning of one of ``newer``."""
    if not 0 <= older <= newer:
        raise OutOfTree(f"{older} of {newer}")
    if older in (0, newer):
        return []
    spans, first, size, whole = [], 0, newer, True
    while older != size:
        left = _split(size)
        if older <= left:
            spans.append((first + left, size - left))
            size = left
        else:
            spans.append((first, left))
            first, older, size, whole = first + left, older - left, size - left, False
    return ([] if whole else [(first, size)]) + spans[::-1]


def places(spans: Sequence[tuple[int, int]]) -> list[Place]:
    """The stored nodes that are needed to compute the roots of these spans."""
    return [place for first, size in spans for place in peaks_of(first, size)]


def root_of(first: int, size: int, node: NodeOf) -> bytes:
    """The root over ``size`` leaves from ``first`` on (as they lie in the tree)."""
    return Frontier(size, tuple(node(place) for place in peaks_of(first, size))).root


def proof(spans: Sequence[tuple[int, int]], node: NodeOf) -> list[bytes]:
    """The hashes of an inclusion or consistency proof."""
    return [root_of(first, size, node) for first, size in spans]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2: whether ``path`` proves the leaf hash at ``index`` under ``root``."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(each, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, each)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def extends(older: int, older_root: bytes, newer: int, newer_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2: whether ``path`` proves that the newer tree begins with the older."""
    if not 0 <= older <= newer or (older in (0, newer) and path):
        return False
    if older == 0:
        return older_root == EMPTY_ROOT
    if older == newer:
        return older_root == newer_root
    hashes = [older_root, *path] if older & (older - 1) == 0 else list(path)
    if not hashes:
        return False
    node, last = older - 1, newer - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old, new = hashes[0], hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, each)
        node, last = node >> 1, last >> 1
    return last == 0 and old == older_root and new == newer_root
