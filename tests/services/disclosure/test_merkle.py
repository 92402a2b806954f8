"""The tree is RFC 6962's: published vectors, and the properties that make a log a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disclosure.domain import merkle
from services.disclosure.domain.merkle import Frontier, Place, leaf_hash, node_hash

# The reference data of Certificate Transparency: eight leaves and the root after each.
VECTOR_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
VECTOR_INCLUSION = {  # (leaf, size): path
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
MOST = 65


class Tree:
    """All roots of a growing tree, by frontier, with its stored nodes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.hashes = [leaf_hash(leaf) for leaf in leaves]
        self.nodes: dict[Place, bytes] = {}
        frontier = Frontier()
        self.roots = [frontier.root]
        for each in self.hashes:
            frontier, full = frontier.append(each)
            assert not set(self.nodes) & {place for place, _ in full}, "a node never changes"
            self.nodes.update(full)
            self.roots.append(frontier.root)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return merkle.proof(merkle.inclusion_spans(index, size), self.nodes.__getitem__)

    def consistency(self, older: int, newer: int) -> list[bytes]:
        return merkle.proof(merkle.consistency_spans(older, newer), self.nodes.__getitem__)


TREE = Tree([f"leaf {number}".encode() for number in range(MOST)])


def naive_root(hashes: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word by word."""
    if not hashes:
        return merkle.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def test_rfc_6962_vectors() -> None:
    tree = Tree([bytes.fromhex(leaf) for leaf in VECTOR_LEAVES])
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root.hex() for root in tree.roots[1:]] == VECTOR_ROOTS
    for (index, size), path in VECTOR_INCLUSION.items():
        assert [each.hex() for each in tree.inclusion(index, size)] == path


def test_frontier_root_is_the_defined_root_at_every_size() -> None:
    for size in range(MOST + 1):
        assert TREE.roots[size] == naive_root(TREE.hashes[:size])


def test_inclusion_proofs_hold_for_every_leaf_of_every_size() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            path = TREE.inclusion(index, size)
            assert merkle.includes(TREE.hashes[index], index, size, path, TREE.roots[size])


def test_consistency_holds_for_every_older_size() -> None:
    for newer in range(MOST + 1):
        for older in range(newer + 1):
            path = TREE.consistency(older, newer)
            assert merkle.extends(older, TREE.roots[older], newer, TREE.roots[newer], path), (older, newer)


@given(st.data())
def test_wrong_inclusion_proofs_are_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    path = TREE.inclusion(index, size)
    leaf, root = TREE.hashes[index], TREE.roots[size]
    other = data.draw(st.integers(0, MOST - 1).filter(lambda number: number != index))
    assert not merkle.includes(TREE.hashes[other], index, size, path, root)
    assert not merkle.includes(leaf, other, size, path, root)
    assert not merkle.includes(leaf, index, size, [*path, leaf], root)
    assert not merkle.includes(leaf, index, size, path, TREE.roots[size - 1])
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        bent = [bytes([each[0] ^ 1]) + each[1:] if place == at else each for place, each in enumerate(path)]
        assert not merkle.includes(leaf, index, size, bent, root)
        assert not merkle.includes(leaf, index, size, path[:-1], root)


@given(st.data())
def test_wrong_consistency_proofs_are_refused(data: st.DataObject) -> None:
    newer = data.draw(st.integers(2, MOST))
    older = data.draw(st.integers(1, newer - 1))
    path = TREE.consistency(older, newer)
    old, new = TREE.roots[older], TREE.roots[newer]
    assert not merkle.extends(older, TREE.roots[older - 1], newer, new, path)
    assert not merkle.extends(older, old, newer, TREE.roots[newer - 1], path)
    assert not merkle.extends(older, old, newer, new, [*path, old])
    assert not merkle.extends(older, old, newer, new, path[:-1])
    at = data.draw(st.integers(0, len(path) - 1))
    bent = [bytes([each[0] ^ 1]) + each[1:] if place == at else each for place, each in enumerate(path)]
    assert not merkle.extends(older, old, newer, new, bent)


@given(st.integers(1, 64), st.data())
def test_a_rewritten_history_is_never_an_extension(size: int, data: st.DataObject) -> None:
    changed = data.draw(st.integers(0, size - 1))
    leaves = [f"leaf {number}".encode() for number in range(MOST)]
    leaves[changed] = b"rewritten"
    forged = Tree(leaves)
    path = forged.consistency(size, MOST)
    assert not merkle.extends(size, TREE.roots[size], MOST, forged.roots[MOST], path)


def test_a_leaf_is_never_taken_for_a_node() -> None:
    assert leaf_hash(TREE.hashes[0] + TREE.hashes[1]) != node_hash(TREE.hashes[0], TREE.hashes[1])


def test_nothing_is_proved_outside_the_tree() -> None:
    for index, size in [(-1, 3), (3, 3), (0, 0)]:
        with pytest.raises(merkle.OutOfTree):
            merkle.inclusion_spans(index, size)
        assert not merkle.includes(TREE.hashes[0], index, size, [], TREE.roots[1])
    with pytest.raises(merkle.OutOfTree):
        merkle.consistency_spans(4, 3)
    assert not merkle.extends(4, TREE.roots[4], 3, TREE.roots[3], [])
    assert not merkle.extends(1, TREE.roots[1], 2, TREE.roots[2], [])
    assert not merkle.extends(2, TREE.roots[2], 2, TREE.roots[2], [TREE.roots[1]])
