"""The outbox: events are stored in the transaction of their cause, and sent afterwards."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from services.runtime.db import Connection, beside, load
from services.runtime.messages import Outgoing, encode, new_event_id

CHANNEL = "lianshen_outbox"
_queries = load(beside(__file__))


async def add(conn: Connection, source: str, events: Sequence[Outgoing]) -> None:
    """Store events inside the caller's transaction; the relay is woken when it commits.

    Two statements, however many events. Events of one (application, topic) are numbered in the
    order given, without gaps, and the numbers stay locked until the transaction ends.

    Raises:
        EventTooLargeError: an event could never be sent; nothing is stored.
    """
    if not events:
        return
    seqs = await _numbers(conn, source, events)
    ids = [event.event_id or new_event_id() for event in events]
    await _queries.add_events(
        conn,
        event_ids=ids,
        topics=[event.topic for event in events],
        applications=[event.application for event in events],
        seqs=seqs,
        types=[event.event.TYPE for event in events],
        payloads=_payloads(source, events, ids, seqs),
        traceparents=[event.traceparent for event in events],
        awaiting=[",".join(event.consumers) for event in events],
    )


async def _numbers(conn: Connection, source: str, events: Sequence[Outgoing]) -> list[int]:
    """Return the number of each event in its stream."""
    counts = Counter((event.application, event.topic) for event in events)
    rows = _queries.take_numbers(
        conn,
        source=source,
        applications=[application for application, _ in counts],
        topics=[topic for _, topic in counts],
        counts=list(counts.values()),
    )
    following = {
        (application, topic): last - counts[application, topic]
        async for application, topic, last in rows
    }
    seqs = []
    for event in events:
        following[event.application, event.topic] += 1
        seqs.append(following[event.application, event.topic])
    return seqs


def _payloads(
    source: str, events: Sequence[Outgoing], ids: Sequence[UUID], seqs: Sequence[int]
) -> list[bytes]:
    return [
        encode(event, source=source, event_id=event_id, seq=seq)
        for event, event_id, seq in zip(events, ids, seqs, strict=True)
    ]
