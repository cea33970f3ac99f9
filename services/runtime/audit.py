"""The log of acts: a leaf in the transaction of every act, a signed Merkle tree over all leaves.

Order. A leaf's id is given out before its transaction commits, so ids are not the order of
commits, and "all ids above the last" would skip the leaf of a transaction that ends late. The
sealer therefore gives places to whatever is committed and has none yet: what one round sees was
committed before what only the next round sees. To find such leaves without reading the whole
table, it remembers the oldest transaction still running at its last round (the xmin horizon of a
snapshot): every transaction below that had ended and was visible, so its leaves have their places.
The horizon is kept in memory only; the first round of a process compares the whole tables, which
stays right after a restore into another cluster, where transaction numbers start anew.

Proofs need inner nodes. Those of level 8, 16, ... are stored; the others are computed from at most
256 hashes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from services.runtime import merkle
from services.runtime.db import Connection, Pool, beside, load
from services.runtime.loops import Loop, every
from services.runtime.merkle import Frontier, Node
from services.runtime.notes import Checkpoint, Signer
from services.runtime.settings import AuditSettings
from services.runtime.telemetry import Attribute, SpanName, span

STORED_EVERY = 8
LEAVES_PER_ROUND = 5_000
SEALER_LOCK = 0x6C69616E5348454E  # any number that nothing else locks
_queries = load(beside(__file__, "audit.sql"))
_ALL = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One act. `at` is business time (UTC); `facts` is plain data without anything personal.

    `actor_ref` is the keyed hash of whoever acted, None for the system itself.
    """

    at: datetime
    act: str
    application: str | None = None
    actor_ref: str | None = None
    facts: Mapping[str, Any]


def canonical(leaf: Leaf) -> str:
    """Return the record of a leaf: JSON, keys sorted, no white space (after RFC 8785)."""
    record = {
        "act": leaf.act,
        "actor": leaf.actor_ref,
        "application": leaf.application,
        "at": leaf.at,
        "facts": leaf.facts,
    }
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z).decode()


async def leaves(conn: Connection, acts: Sequence[Leaf]) -> None:
    """Record acts inside the caller's transaction: one statement, however many."""
    if acts:
        await _queries.add_leaves(
            conn,
            applications=[act.application for act in acts],
            acts=[act.act for act in acts],
            bodies=[canonical(act) for act in acts],
        )


async def leaf(
    conn: Connection,
    act: str,
    application: str | None,
    actor_ref: str | None,
    facts: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Record one act inside the caller's transaction."""
    one = Leaf(at=at, act=act, application=application, actor_ref=actor_ref, facts=facts)
    await leaves(conn, [one])


def log_name(service: str) -> str:
    """Return the name of a service's log, as it stands in its checkpoints."""
    return f"lianshen/{service}"


def sealer_loop(pool: Pool, service: str, settings: AuditSettings) -> Loop | None:
    """Return the loop that seals a service's log; None when this process has no signing key.

    Raises OSError, NoteError when the key cannot be read.
    """
    if settings.key_file is None:
        return None
    sealer = Sealer(pool, Signer.load(log_name(service), settings.key_file))
    return Loop(name="sealer", body=every(settings.seal_seconds, sealer.seal))


class Sealer:
    """Gives leaves their places and signs checkpoints. One at a time works in a database."""

    def __init__(self, pool: Pool, signer: Signer, *, round_size: int = LEAVES_PER_ROUND) -> None:
        """Keep the pool and the key; `round_size` bounds one transaction."""
        self._pool = pool
        self._signer = signer
        self._round_size = round_size
        self._horizon = _ALL

    async def seal(self) -> int:
        """Seal everything committed; return how many leaves. 0 too while another process seals."""
        total = 0
        while True:
            sealed = await self._round()
            total += sealed
            if sealed < self._round_size:
                return total

    async def _round(self) -> int:
        async with self._pool.acquire() as conn, conn.transaction():
            turn = await _queries.take_turn(conn, lock=SEALER_LOCK)
            if not turn["ours"]:
                return 0
            rows = [
                row
                async for row in _queries.unordered(
                    conn, since=self._horizon, most=self._round_size
                )
            ]
            if rows:
                with span(SpanName.SEAL, attributes={Attribute.LEAVES: len(rows)}):
                    await self._place(conn, rows)
        if len(rows) < self._round_size:
            self._horizon = turn["horizon"]
        return len(rows)

    async def _place(self, conn: Connection, rows: Sequence[Any]) -> None:
        last = await _queries.last_checkpoint(conn)
        frontier = Frontier() if last is None else Frontier.load(last["tree_size"], last["peaks"])
        first = frontier.size
        hashes = [merkle.leaf_hash(row["body"].encode()) for row in rows]
        completed = [node for one in hashes for node in frontier.append(one)]
        await _queries.place(conn, first=first, leaves=[row["id"] for row in rows], hashes=hashes)
        await _store_nodes(conn, completed)
        checkpoint = Checkpoint(
            log=self._signer.verifier.name,
            size=frontier.size,
            root=frontier.root(),
            at=datetime.now(UTC),  # real time: what a witness compares with his own clock
        )
        await _queries.add_checkpoint(
            conn,
            tree_size=frontier.size,
            note=self._signer.sign(checkpoint.text()),
            peaks=frontier.joined_peaks(),
        )


async def _store_nodes(conn: Connection, completed: Sequence[tuple[Node, bytes]]) -> None:
    kept = [entry for entry in completed if entry[0][0] % STORED_EVERY == 0]
    if kept:
        await _queries.add_nodes(
            conn,
            levels=[level for (level, _), _ in kept],
            indexes=[index for (_, index), _ in kept],
            hashes=[value for _, value in kept],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inclusion:
    """Proof that `body` is leaf `index` of the tree that the signed `note` speaks of."""

    body: str
    index: int
    size: int
    path: tuple[bytes, ...]
    note: str

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether it proves that, given the checkpoint that the note was opened to."""
        hashed = merkle.leaf_hash(self.body.encode())
        return checkpoint.size == self.size and merkle.verify_inclusion(
            hashed, self.index, self.size, self.path, checkpoint.root
        )


async def inclusion(conn: Connection, application: str, act: str) -> Inclusion | None:
    """Return the proof for the first act of this name on an application; None before its seal."""
    row = await _queries.leaf_of(conn, application=application, act=act)
    if row is None:
        return None
    index, size = row["position"], row["tree_size"]
    path = await _prove(conn, merkle.inclusion_spans(index, size))
    return Inclusion(body=row["body"], index=index, size=size, path=path, note=row["note"])


async def consistency(conn: Connection, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of `old` leaves is a beginning of that of `new` leaves.

    Raises ValueError unless 0 < old <= new, KeyError beyond what is sealed.
    """
    return await _prove(conn, merkle.consistency_spans(old, new))


async def _prove(conn: Connection, spans: Sequence[merkle.Span]) -> tuple[bytes, ...]:
    wanted = {node for one in spans for node in merkle.whole_subtrees(one)}
    stored: dict[Node, bytes] = {}
    for base in sorted({level - level % STORED_EVERY for level, _ in wanted}):
        stored.update(await _read(conn, base, [one for one in wanted if _base(one) == base]))
    return tuple(merkle.proof(spans, lambda node: _node(node, stored)))


def _base(node: Node) -> int:
    return node[0] - node[0] % STORED_EVERY


async def _read(conn: Connection, base: int, nodes: Sequence[Node]) -> dict[Node, bytes]:
    """Return the stored hashes of level `base` below the nodes."""
    firsts = [index << (level - base) for level, index in nodes]
    ends = [(index + 1) << (level - base) for level, index in nodes]
    rows = (
        _queries.leaf_hashes(conn, firsts=firsts, ends=ends)
        if base == 0
        else _queries.node_hashes(conn, level=base, firsts=firsts, ends=ends)
    )
    return {(base, row["index"]): bytes(row["hash"]) async for row in rows}


def _node(node: Node, stored: Mapping[Node, bytes]) -> bytes:
    if node in stored or node[0] % STORED_EVERY == 0:
        return stored[node]
    level, index = node[0] - 1, node[1] << 1
    return merkle.node_hash(_node((level, index), stored), _node((level, index + 1), stored))
