"""The inbox: every event is applied once, in order, in one transaction with its effect.

Independent of Kafka: it takes raw records and a handler. A batch is tried as a whole; if it fails
by its own fault, its records are taken one by one, and only the one at fault is put aside.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog
from asyncpg import Record

from services.contracts.envelope import Envelope
from services.contracts.events import Receipt
from services.runtime import receipts
from services.runtime.db import (
    Connection,
    Pool,
    UnavailableError,
    beside,
    is_transient,
    load,
)
from services.runtime.decoding import RefusedError, decode
from services.runtime.letters import Letter, bury
from services.runtime.messages import Handler, Raw, Received
from services.runtime.streams import Item, Stream, arrange
from services.runtime.telemetry import process_spans

_queries = load(beside(__file__))
_log = structlog.get_logger(__name__)
_PAUSE_S = 0.05
"""Between two tries of one event."""


@dataclass(kw_only=True, slots=True)
class Taken:
    """What became of a batch, known once it is committed."""

    received: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    """Ids by source of everything that is now safely here, duplicates included."""
    applied: int = 0
    parked: int = 0
    dead: int = 0

    def add(self, other: "Taken") -> None:
        """Add the outcome of another transaction."""
        for source, event_ids in other.received.items():
            self.received[source] += event_ids
        self.applied += other.applied
        self.parked += other.parked
        self.dead += other.dead


@dataclass(kw_only=True, slots=True)
class _Batch:
    """Records as they were understood: receipts, events, and what was refused."""

    receipts: list[Receipt] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    refused: list[Letter] = field(default_factory=list)


class Inbox:
    """Applies what a service is told through its handler."""

    def __init__(
        self,
        *,
        handler: Handler,
        deferred: bool = False,
        attempts: int = 3,
        dedup: bool = True,
    ) -> None:
        """Keep the handler; nothing happens yet.

        Args:
            handler: applies events in the transaction it is given; called with a non-empty list.
            deferred: the handler is not the whole effect, a deliverer hands the events on later
                (`inbox.delivered_at` stays null until then).
            attempts: tries of one event before it becomes a dead letter.
            dedup: False switches the guard off, for the test that shows what it is for.
        """
        self._handler = handler
        self._deferred = deferred
        self._attempts = attempts
        self._dedup = dedup

    async def take(self, pool: Pool, records: Sequence[Raw]) -> Taken:
        """Apply records; what cannot be applied is parked or becomes a dead letter.

        Raises:
            UnavailableError: nothing more can be done for now; take them all again later.
        """
        try:
            taken = await self._take_together(pool, records)
            if taken is None:
                taken = Taken()
                for record in records:
                    taken.add(await self._take_alone(pool, record))
        except Exception as error:
            if is_transient(error):
                raise UnavailableError(type(error).__name__) from error
            raise
        return taken

    async def replay(self, conn: Connection, record: Raw) -> None:
        """Apply one record again inside the caller's transaction, with all that waited for it.

        What fails is a dead letter (again), with its new reason.
        """
        await self._process(conn, _understand([record]), singly=True)

    async def resume(self, conn: Connection, stream: Stream) -> None:
        """Apply what waits in a stream whose obstacle is gone, inside the caller's transaction."""
        last = await _queries.lock_stream(conn, **stream._asdict())
        await self._apply(conn, {stream: last or 0}, [], Taken(), singly=True)

    async def _take_together(self, pool: Pool, records: Sequence[Raw]) -> Taken | None:
        """Return None if something among the records is at fault."""
        async with pool.acquire() as conn:
            try:
                return await self._transaction(conn, records, singly=False)
            except Exception as error:
                if is_transient(error, conn):
                    raise UnavailableError(type(error).__name__) from error
                _log.warning("batch failed", error=type(error).__name__, records=len(records))
                return None

    async def _take_alone(self, pool: Pool, record: Raw) -> Taken:
        async with pool.acquire() as conn:
            try:
                return await self._transaction(conn, [record], singly=True)
            except Exception as error:
                if is_transient(error, conn):
                    raise UnavailableError(type(error).__name__) from error
                # The handler's errors are dealt with inside: this one came later, at the commit.
                batch = _understand([record])
                batch.items = [replace(item, refusal=error) for item in batch.items]
                async with conn.transaction():
                    return await self._process(conn, batch, singly=True)

    async def _transaction(
        self, conn: Connection, records: Sequence[Raw], *, singly: bool
    ) -> Taken:
        batch = _understand(records)
        parents: dict[str, list[str | None]] = defaultdict(list)
        for item in batch.items:
            if item.received is not None:
                parents[item.stream.application].append(item.received.envelope.traceparent)
        with process_spans(parents):
            async with conn.transaction():
                return await self._process(conn, batch, singly=singly)

    async def _process(self, conn: Connection, batch: _Batch, *, singly: bool) -> Taken:
        taken = Taken(dead=len(batch.refused))
        if not batch.items and not batch.refused:
            # A receipt that is forgotten in a crash comes again: not worth waiting for the disk.
            await conn.execute("SET LOCAL synchronous_commit = off")
        await receipts.close(conn, batch.receipts)
        await bury(conn, batch.refused)
        for item in batch.items:
            taken.received[item.stream.source].append(item.event_id)
        if not self._dedup:
            events = [item.received for item in batch.items if item.received is not None]
            await self._handler(conn, events)
        elif batch.items:
            lasts, fresh = await self._receive(conn, batch.items)
            await self._apply(conn, lasts, fresh, taken, singly=singly)
        return taken

    async def _receive(
        self, conn: Connection, items: Sequence[Item]
    ) -> tuple[dict[Stream, int], list[Item]]:
        """Lock the streams and store what is new; return the positions and the new events."""
        once = {item.event_id: item for item in items}
        given = list(once.values())
        rows = _queries.receive(
            conn,
            event_ids=list(once),
            topics=[item.stream.topic for item in given],
            sources=[item.stream.source for item in given],
            applications=[item.stream.application for item in given],
            seqs=[item.seq for item in given],
            types=[item.type for item in given],
            payloads=[item.raw.value for item in given],
            traceparents=[item.traceparent for item in given],
            states=["applied" if item.refusal is None else "dead" for item in given],
            delivered=not self._deferred,
        )
        lasts: dict[Stream, int] = {}
        fresh: set[UUID] = set()
        async for application, topic, source, last, new in rows:
            lasts[Stream(application, topic, source)] = last
            fresh.update(new or ())
        return lasts, [once[event_id] for event_id in once if event_id in fresh]

    async def _apply(
        self,
        conn: Connection,
        lasts: Mapping[Stream, int],
        fresh: Sequence[Item],
        taken: Taken,
        *,
        singly: bool,
    ) -> None:
        """Apply the events whose turn has come and write down what became of each."""
        dead = [item for item in fresh if item.refusal is not None]
        readable = [item for item in fresh if item.refusal is None]
        waiting = await self._waiting(conn, lasts, readable) if readable or not fresh else []
        order = arrange(lasts, waiting, readable)
        failed: list[Item] = []
        done, parked = order.ready, order.parked
        if singly:
            done, failed, after = await self._one_by_one(conn, order.ready)
            parked = [*parked, *after]
        else:
            await self._all_at_once(conn, order.ready)
        await _settle(conn, lasts, done, deferred=self._deferred)
        letters = [
            *(Letter.of(item.raw, item.refusal, item) for item in (*dead, *failed)),
            *(Letter.of(item.raw, StaleNumberError(item.seq), item) for item in order.stale),
        ]
        await _put_aside(conn, parked=parked, dead=[*failed, *order.stale])
        await bury(conn, letters)
        taken.applied += len(done)
        taken.parked += len(parked)
        taken.dead += len(letters)

    async def _waiting(
        self, conn: Connection, lasts: Mapping[Stream, int], fresh: Sequence[Item]
    ) -> list[Item]:
        """Return what waits in the streams that move on now (all of them, if nothing is new)."""
        moving = {item.stream for item in fresh if item.seq == lasts[item.stream] + 1}
        streams = list(moving if fresh else lasts)
        if not streams:
            return []
        rows = _queries.waiting(
            conn,
            applications=[stream.application for stream in streams],
            topics=[stream.topic for stream in streams],
            sources=[stream.source for stream in streams],
            lasts=[lasts[stream] for stream in streams],
        )
        return [_waited(row) async for row in rows]

    async def _all_at_once(self, conn: Connection, ready: Sequence[Item]) -> None:
        for item in ready:
            if item.refusal is not None:
                raise item.refusal
        events = [item.received for item in ready if item.received is not None]
        if events:
            await self._handler(conn, events)

    async def _one_by_one(
        self, conn: Connection, ready: Sequence[Item]
    ) -> tuple[list[Item], list[Item], list[Item]]:
        """Return what was applied, what failed for good, and what has to wait for that."""
        done: list[Item] = []
        failed: list[Item] = []
        after: list[Item] = []
        held: set[Stream] = set()
        for item in ready:
            if item.stream in held:
                after.append(item)
                continue
            refusal = item.refusal or await self._try(conn, item.received)
            if refusal is None:
                done.append(item)
            else:
                held.add(item.stream)
                failed.append(replace(item, refusal=refusal))
        return done, failed, after

    async def _try(self, conn: Connection, received: Received | None) -> Exception | None:
        """Apply one event, `attempts` times at most; return the last error."""
        refusal: Exception | None = None
        for attempt in range(self._attempts if received is not None else 0):
            await asyncio.sleep(attempt * _PAUSE_S)
            try:
                async with conn.transaction():
                    await self._handler(conn, [received])  # type: ignore[list-item]  # see range
            except Exception as error:
                if is_transient(error, conn):
                    raise
                refusal = error
            else:
                return None
        return refusal


class StaleNumberError(RefusedError):
    """Another event of this stream had this number before."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"number {seq} of this stream was used before")


def _understand(records: Sequence[Raw]) -> _Batch:
    batch = _Batch()
    for record in records:
        try:
            received = decode(record)
        except RefusedError as refusal:
            # What can be attributed to a stream holds it; everything else is only kept.
            if refusal.envelope is None:
                batch.refused.append(Letter.of(record, refusal))
            else:
                batch.items.append(_item(record, refusal.envelope, refusal=refusal))
        else:
            if isinstance(received.event, Receipt):
                batch.receipts.append(received.event)
            else:
                batch.items.append(_item(record, received.envelope, received=received))
    return batch


def _item(
    record: Raw,
    envelope: Envelope,
    *,
    received: Received | None = None,
    refusal: RefusedError | None = None,
) -> Item:
    return Item(
        event_id=envelope.id,
        stream=Stream(envelope.subject or "", record.topic, envelope.source),
        seq=envelope.seq,
        type=envelope.type,
        traceparent=envelope.traceparent,
        raw=record,
        received=received,
        refusal=refusal,
    )


def _waited(row: Record) -> Item:
    """Return an event that was parked, or is to be stepped over."""
    raw = Raw(topic=row["topic"], value=row["payload"])
    received: Received | None = None
    refusal: RefusedError | None = None
    if row["state"] == "parked":
        try:
            received = decode(raw)
        except RefusedError as error:  # it was readable when it came: our code has changed
            refusal = error
    return Item(
        event_id=row["event_id"],
        stream=Stream(row["application"], row["topic"], row["source"]),
        seq=row["seq"],
        type=row["type"],
        raw=raw,
        received=received,
        refusal=refusal,
        waited=True,
    )


async def _settle(
    conn: Connection, lasts: Mapping[Stream, int], done: Sequence[Item], *, deferred: bool
) -> None:
    """Move the streams on; renumber the arrivals where a parked event came between."""
    reached = {item.stream: item.seq for item in done if item.seq > lasts[item.stream]}
    if reached:
        await _queries.advance(
            conn,
            applications=[stream.application for stream in reached],
            topics=[stream.topic for stream in reached],
            sources=[stream.source for stream in reached],
            lasts=list(reached.values()),
        )
    mixed = {item.stream for item in done if item.waited}
    moved = [item for item in done if item.stream in mixed and item.received is not None]
    if moved:
        await _queries.mark_applied(
            conn, event_ids=[item.event_id for item in moved], delivered=not deferred
        )


async def _put_aside(conn: Connection, *, parked: Sequence[Item], dead: Sequence[Item]) -> None:
    aside = [*parked, *dead]
    if aside:
        await _queries.mark_waiting(
            conn,
            event_ids=[item.event_id for item in aside],
            states=["parked"] * len(parked) + ["dead"] * len(dead),
        )
