"""The Merkle tree against a naive, recursive reading of RFC 6962, and against known roots."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import merkle

bodies = st.lists(st.binary(max_size=4), min_size=1, max_size=70)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: list[bytes], known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2."""
    if m == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*naive_proof(m, leaves[:k], known), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def grow(leaves: list[bytes]) -> tuple[merkle.Frontier, dict[merkle.Node, bytes]]:
    frontier = merkle.Frontier()
    nodes: dict[merkle.Node, bytes] = {}
    for index, body in enumerate(leaves):
        nodes[0, index] = merkle.leaf_hash(body)
        nodes.update(frontier.append(nodes[0, index]))
    return frontier, nodes


def test_roots_published_with_certificate_transparency() -> None:
    """The eight inputs and roots of the reference implementation's test data."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    inputs.append("606162636465666768696a6b6c6d6e6f")
    frontier, _ = grow([bytes.fromhex(one) for one in inputs])
    assert frontier.root().hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )
    assert grow([b""])[0].root().hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert merkle.Frontier().root().hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@given(bodies)
def test_root_and_every_completed_node_equal_the_naive_ones(leaves: list[bytes]) -> None:
    frontier, nodes = grow(leaves)
    assert frontier.root() == naive_root(leaves)
    for (level, index), value in nodes.items():
        assert value == naive_root(leaves[index << level : (index + 1) << level])


@given(bodies, st.data())
def test_growing_from_a_stored_frontier_changes_nothing(
    leaves: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    before, _ = grow(leaves[:cut])
    again = merkle.Frontier.load(before.size, before.joined_peaks())
    for body in leaves[cut:]:
        again.append(merkle.leaf_hash(body))
    assert again.root() == naive_root(leaves)


@given(bodies, st.data())
def test_inclusion_proofs(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    frontier, nodes = grow(leaves)
    path = merkle.proof(merkle.inclusion_spans(index, len(leaves)), nodes.__getitem__)
    assert path == naive_path(index, leaves)
    leaf, root, size = nodes[0, index], frontier.root(), len(leaves)
    assert merkle.verify_inclusion(leaf, index, size, path, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, path, root)
    assert not merkle.verify_inclusion(leaf, index, size, [*path, leaf], root)
    assert not merkle.verify_inclusion(leaf, size, size, path, root)
    if path:
        assert not merkle.verify_inclusion(leaf, index, size, path[:-1], root)


@given(bodies, st.data())
def test_consistency_proofs(leaves: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(leaves)))
    frontier, nodes = grow(leaves)
    path = merkle.proof(merkle.consistency_spans(old, len(leaves)), nodes.__getitem__)
    assert path == naive_proof(old, leaves)
    new, old_root, new_root = len(leaves), naive_root(leaves[:old]), frontier.root()
    assert merkle.verify_consistency(old, new, old_root, new_root, path)
    forged = sha256(b"forged").digest()
    assert not merkle.verify_consistency(old, new, forged, new_root, path)
    assert not merkle.verify_consistency(old, new, old_root, forged, path)
    assert not merkle.verify_consistency(old, new, old_root, new_root, [*path, forged])


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion_spans(3, 3)
    with pytest.raises(ValueError, match="from 4 to 3"):
        merkle.consistency_spans(4, 3)
    with pytest.raises(ValueError, match="3 leaves does not have 1 peaks"):
        merkle.Frontier(3, [b""])
    assert not merkle.verify_consistency(0, 3, b"", b"", [])
    assert not merkle.verify_consistency(3, 5, b"", b"", [])
