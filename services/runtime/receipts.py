"""Receipts: a consumer says what it has safely; only then does the producer stop sending it."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.contracts.envelope import headers
from services.contracts.events import Receipt
from services.contracts.topics import receipts_topic
from services.runtime.db import Connection, beside, load
from services.runtime.messages import encode_receipt
from services.runtime.shutdown import being_cancelled

MOST_IDS = 5_000
"""Ids in one receipt: 39 bytes each, well below the largest record."""

_MOST_WAITING = 50_000
_FIRST_BACKOFF_S = 0.05
_LONGEST_BACKOFF_S = 5.0
_FLUSH_S = 2.0

_queries = load(beside(__file__))
_log = structlog.get_logger(__name__)


async def close(conn: Connection, receipts: Sequence[Receipt]) -> None:
    """Strike the consumers off the events they have receipted. Unknown events are ignored."""
    pairs = {(one.consumer, event_id) for one in receipts for event_id in one.event_ids}
    if pairs:
        await _queries.close_events(
            conn,
            consumers=[consumer for consumer, _ in pairs],
            event_ids=[event_id for _, event_id in pairs],
        )


class ReceiptSender:
    """Sends receipts in the background: one message per source for everything that piled up.

    Nothing waits for it, so it lets them pile up for `every` seconds. What the broker refuses is
    tried again for a while; what is lost in the end costs a repetition: an event without a receipt
    comes again, and is receipted again.
    """

    def __init__(self, *, consumer: str, producer: AIOKafkaProducer, every: float) -> None:
        self._consumer = consumer
        self._producer = producer
        self._every = every
        self._pending: dict[str, list[UUID]] = {}
        self._wake = asyncio.Event()

    def add(self, received: Mapping[str, Sequence[UUID]]) -> None:
        """Note events for receipting, by their source."""
        for source, event_ids in received.items():
            kept = [*self._pending.get(source, ()), *event_ids]
            self._pending[source] = kept[-_MOST_WAITING:]
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; call `flush` afterwards."""
        backoff = _FIRST_BACKOFF_S
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._every)
            if await self.flush():
                backoff = _FIRST_BACKOFF_S
            else:
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    async def flush(self) -> bool:
        """Send everything noted so far; return whether the broker took it all."""
        self._wake.clear()
        pending, self._pending = self._pending, {}
        for source, event_ids in pending.items():
            for start in range(0, len(event_ids), MOST_IDS):
                part = event_ids[start : start + MOST_IDS]
                try:
                    await self._send(source, part)
                except (KafkaError, asyncio.CancelledError) as error:
                    if being_cancelled():
                        raise
                    # Or what the client had under way was cancelled with its connection.
                    _log.warning("receipt not sent", source=source, error=type(error).__name__)
                    self.add({source: part})
        return not self._pending

    async def _send(self, source: str, event_ids: Sequence[UUID]) -> None:
        receipt = Receipt(consumer=self._consumer, event_ids=tuple(event_ids))
        await self._producer.send_and_wait(
            receipts_topic(source),
            encode_receipt(receipt, source=self._consumer, at=datetime.now(UTC)),
            key=self._consumer.encode(),
            headers=headers(None),
        )


async def stop(sender: ReceiptSender, task: "asyncio.Task[None] | None") -> None:
    """End the sender's task, if it ran, and send what is left."""
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with asyncio.timeout(_FLUSH_S):
        await sender.flush()
