"""Merkle trees as in Certificate Transparency (RFC 6962 section 2, proofs of RFC 9162 2.1). Pure.

A node is named by (level, index): the whole subtree over the leaves [index << level,
(index + 1) << level). A tree of any size consists of whole subtrees, its peaks: one for each bit
of its size, largest first.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

Node = tuple[int, int]
Span = tuple[int, int]
EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || body)."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that is needed to append and to know the root."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from a size and its peaks. Raises ValueError when they do not belong together."""
        if size < 0 or size.bit_count() != len(peaks):
            message = f"a tree of {size} leaves does not have {len(peaks)} peaks"
            raise ValueError(message)
        self.size = size
        self._peaks = list(peaks)

    @classmethod
    def load(cls, size: int, joined: bytes) -> "Frontier":
        """Return the frontier that `joined_peaks` was taken from."""
        starts = range(0, len(joined), HASH_BYTES)
        return cls(size, [joined[at : at + HASH_BYTES] for at in starts])

    def joined_peaks(self) -> bytes:
        """Return the peaks, largest first, 32 bytes each."""
        return b"".join(self._peaks)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add the hash of a leaf; return the inner nodes that became whole, lowest first."""
        completed: list[tuple[Node, bytes]] = []
        carry, level, index = leaf, 0, self.size
        while index & 1:
            carry = node_hash(self._peaks.pop(), carry)
            level, index = level + 1, index >> 1
            completed.append(((level, index), carry))
        self._peaks.append(carry)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root: the peaks folded from the right."""
        return fold(self._peaks)


def fold(peaks: Sequence[bytes]) -> bytes:
    """Return the root over peaks, largest first; of no peaks, the root of the empty tree."""
    if not peaks:
        return EMPTY_ROOT
    *others, root = peaks
    for peak in reversed(others):
        root = node_hash(peak, root)
    return root


def whole_subtrees(span: Span) -> list[Node]:
    """Return the whole subtrees that a subtree of the tree over leaves [begin, end) consists of."""
    begin, end = span
    found: list[Node] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return what an inclusion proof (RFC 9162 2.1.3.1) is the hashes of: siblings, lowest first.

    Raises ValueError when the tree of `size` leaves has no leaf `index`.
    """
    if not 0 <= index < size:
        message = f"a tree of {size} leaves has no leaf {index}"
        raise ValueError(message)
    found: list[Span] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _largest_power_below(end - begin)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    return found[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """Return what a consistency proof (RFC 9162 2.1.4.1) is the hashes of, in its order.

    Raises ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        message = f"no consistency proof from {old} to {new} leaves"
        raise ValueError(message)
    found: list[Span] = []
    begin, end, known = 0, new, True
    while old != end:
        middle = begin + _largest_power_below(end - begin)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin, known = middle, False
    if not known:
        found.append((begin, end))
    return found[::-1]


def _largest_power_below(size: int) -> int:
    """Return the largest power of two smaller than `size` (which is at least 2)."""
    return int(1 << ((size - 1).bit_length() - 1))


def proof(spans: Iterable[Span], node: Callable[[Node], bytes]) -> list[bytes]:
    """Return the hashes of the spans; `node` gives those of whole subtrees."""
    return [fold([node(one) for one in whole_subtrees(span)]) for span in spans]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether `path` proves that the leaf hash stands at `index` of a tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = node_hash(sibling, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether `path` proves that one tree is a beginning of the other (RFC 9162 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_found = new_found = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_found, new_found = node_hash(step, old_found), node_hash(step, new_found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new_found = node_hash(new_found, step)
        first, last = first >> 1, last >> 1
    return last == 0 and old_found == old_root and new_found == new_root
