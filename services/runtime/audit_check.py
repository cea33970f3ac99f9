"""Checks a log of acts from its first leaf: in its database, or in an exported file, offline.

An export is JSON lines: first `{"format", "log"}`, then, in the order of the log, leaves
`{"position", "body"}` and signed checkpoints `{"size", "note"}`.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from services.runtime import merkle
from services.runtime.db import Connection, beside, load
from services.runtime.merkle import Frontier, Node
from services.runtime.notes import Checkpoint, NoteError, Verifier

FORMAT = "lianshen-audit-1"
MOST_FINDINGS = 100
_queries = load(beside(__file__, "audit.sql"))


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A leaf as it is stored; `stored_hash` is not part of an export."""

    position: int
    body: str | None
    stored_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint as it is stored."""

    size: int
    note: str


Entry = PlacedLeaf | SignedHead


@dataclass(kw_only=True, slots=True)
class Report:
    """What a check found. `unsealed` leaves are committed but not yet in the tree."""

    leaves: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    root: bytes = merkle.EMPTY_ROOT
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def add(self, finding: str) -> None:
        """Keep a finding; the first hundred are enough."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)


class Checker:
    """Takes the entries of a log one after the other and computes everything anew."""

    def __init__(self, verifier: Verifier, witnessed: Checkpoint | None = None) -> None:
        """Keep the key; `witnessed` is a checkpoint that somebody kept outside the system."""
        self.report = Report()
        self.nodes: dict[Node, bytes] = {}
        self._verifier = verifier
        self._frontier = Frontier()
        self._witnessed = witnessed

    def take(self, entry: Entry) -> None:
        """Check the next entry: leaves by position, each checkpoint after its last leaf."""
        if isinstance(entry, SignedHead):
            self._take_head(entry)
        else:
            self._take_leaf(entry)

    def _take_leaf(self, leaf: PlacedLeaf) -> None:
        if leaf.position != self._frontier.size:
            self.report.add(f"leaf {self._frontier.size} is missing before {leaf.position}")
        if leaf.body is None:
            self.report.add(f"leaf {leaf.position} has a place but no record")
        found = merkle.leaf_hash((leaf.body or "").encode())
        if leaf.stored_hash is not None and leaf.stored_hash != found:
            self.report.add(f"leaf {leaf.position} was changed after it was sealed")
        for node, value in self._frontier.append(found):
            if node[0] % 8 == 0:
                self.nodes[node] = value
        self.report.leaves += 1
        if self._witnessed is not None and self._witnessed.size == self._frontier.size:
            if self._witnessed.root != self._frontier.root():
                self.report.add(f"the witnessed checkpoint of {self._witnessed.size} differs")
            self._witnessed = None

    def _take_head(self, head: SignedHead) -> None:
        self.report.checkpoints += 1
        try:
            checkpoint = Checkpoint.parse(self._verifier.open(head.note))
        except NoteError as error:
            self.report.add(f"checkpoint {head.size}: {error}")
            return
        if checkpoint.log != self._verifier.name or checkpoint.size != head.size:
            self.report.add(f"checkpoint {head.size} is of another log or size")
        elif head.size != self._frontier.size:
            self.report.add(f"checkpoint {head.size} has only {self._frontier.size} leaves")
        elif checkpoint.root != self._frontier.root():
            self.report.add(f"checkpoint {head.size} was signed over other leaves")
        self._last_signed = head.size

    _last_signed = 0

    def finish(self) -> Report:
        """Return the report after the last entry."""
        if self._last_signed != self._frontier.size:
            self.report.add(f"the last leaves, from {self._last_signed}, are not signed")
        if self._witnessed is not None:
            self.report.add(f"the log is shorter than the witnessed {self._witnessed.size} leaves")
        self.report.root = self._frontier.root()
        return self.report


async def verify(
    conn: Connection, verifier: Verifier, witnessed: Checkpoint | None = None
) -> Report:
    """Check the whole log of a database, in one snapshot of it."""
    checker = Checker(verifier, witnessed)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for entry in entries(conn):
            checker.take(entry)
        await _compare_nodes(conn, checker)
        checker.report.unsealed = await _queries.count_unordered(conn)
    return checker.finish()


async def _compare_nodes(conn: Connection, checker: Checker) -> None:
    stored = {
        (row["level"], row["index"]): bytes(row["hash"]) async for row in _queries.nodes(conn)
    }
    for node in sorted(checker.nodes.keys() | stored.keys()):
        if checker.nodes.get(node) != stored.get(node):
            checker.report.add(f"inner node {node} is not what its leaves give")


async def entries(conn: Connection) -> AsyncIterator[Entry]:
    """Yield a log in its order, inside a transaction; memory stays small."""
    async with _queries.in_order_cursor(conn) as leaves, _queries.checkpoints_cursor(conn) as heads:
        leaf_rows = aiter(leaves)
        taken = 0
        async for head in heads:
            while taken < head["tree_size"]:
                row = await anext(leaf_rows, None)
                if row is None:
                    break
                taken += 1
                yield _leaf_of(row)
            yield SignedHead(head["tree_size"], head["note"])
        async for row in leaf_rows:
            yield _leaf_of(row)


def _leaf_of(row: Any) -> PlacedLeaf:
    return PlacedLeaf(row["position"], row["body"], bytes(row["hash"]))


async def export(conn: Connection, log: str, output: BinaryIO) -> int:
    """Write a log as JSON lines; return the number of leaves."""
    output.write(orjson.dumps({"format": FORMAT, "log": log}, option=orjson.OPT_APPEND_NEWLINE))
    count = 0
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for entry in entries(conn):
            count += isinstance(entry, PlacedLeaf)
            output.write(orjson.dumps(_line_of(entry), option=orjson.OPT_APPEND_NEWLINE))
    return count


def _line_of(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, SignedHead):
        return {"size": entry.size, "note": entry.note}
    return {"position": entry.position, "body": entry.body}


def read_export(path: Path) -> Iterator[Entry]:
    """Yield the entries of an export. Raises OSError, ValueError for what is no export."""
    with path.open("rb") as lines:
        head = orjson.loads(next(lines, b"null"))
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            message = f"{path} is not an export of a log of acts"
            raise ValueError(message)
        for number, line in enumerate(lines, start=2):
            try:
                yield _entry_of(orjson.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                message = f"{path}, line {number}: not an entry of a log"
                raise ValueError(message) from error


def _entry_of(record: Any) -> Entry:
    if "note" in record:
        return SignedHead(int(record["size"]), str(record["note"]))
    return PlacedLeaf(int(record["position"]), record["body"])


def verify_export(path: Path, verifier: Verifier, witnessed: Checkpoint | None = None) -> Report:
    """Check an exported log. Raises OSError, ValueError."""
    checker = Checker(verifier, witnessed)
    for entry in read_export(path):
        checker.take(entry)
    return checker.finish()
