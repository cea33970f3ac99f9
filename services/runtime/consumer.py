"""The consumer: reads topics, gives batches to the inbox, receipts them, commits the offsets.

Kafka is a hint and Postgres the record: nothing here has to be exact. An offset that was not
committed, a lost receipt or a wiped log cost a repetition, which the inbox recognises.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from services.contracts.topics import receipts_topic
from services.runtime import receipts
from services.runtime.db import Pool, UnavailableError
from services.runtime.inbox import Inbox, Taken
from services.runtime.kafka import TopicKeeper, make_consumer, make_producer
from services.runtime.loops import Pace, Pulse, pause
from services.runtime.messages import Raw
from services.runtime.receipts import ReceiptSender
from services.runtime.settings import KafkaSettings
from services.runtime.shutdown import being_cancelled, in_order

_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 2.0
_UNASSIGNED_S = 20.0
"""After so long without a partition a consumer joins its group anew."""
_CLOSE_S = 5.0
_COMMIT_S = 2.0
"""A commit may take so long. The client repeats it for ever while a topic is missing, which is
noticed, and put right, only after it."""
_SOON_S = 1.0
"""So long after a record the next is expected soon."""
_GRACE_CHECKS = 3
"""So many checks the writers of a topic have to create it."""

_log = structlog.get_logger(__name__)


class TopicMissingError(Exception):
    """A topic is not there: not yet, or not any more. Who writes to it creates it."""


class ReceiptsStoppedError(Exception):
    """Nothing sends the receipts any more."""


class UnassignedError(Exception):
    """The group gives this consumer nothing to read."""


_WAITED_OUT = (
    KafkaError,
    TopicMissingError,
    ReceiptsStoppedError,
    UnassignedError,
    OSError,
    asyncio.CancelledError,  # of the client's inner tasks: see `being_cancelled`
)


@dataclass(kw_only=True, slots=True)
class _Session:
    """One consumer and one producer for receipts; thrown away as a whole when either fails."""

    consumer: AIOKafkaConsumer
    sender: ReceiptSender
    keeper: TopicKeeper
    pace: Pace
    sending: asyncio.Task[None] | None = None
    """Sends the receipts as long as the session lasts."""
    done: dict[TopicPartition, int] = field(default_factory=dict)
    """Next offset of each partition, as far as the transactions are committed."""
    committed_at: float = field(default_factory=time.monotonic)
    checked_at: float = field(default_factory=time.monotonic)
    assigned_at: float = field(default_factory=time.monotonic)
    rewound: dict[TopicPartition, int] = field(default_factory=dict)
    """Ends of logs that were shorter than our position when we went back to their beginning."""
    heard_at: float = 0.0
    resume_at: float | None = None
    """Until when nothing is read: work gathers, or the database is away."""
    backoff: float = _FIRST_BACKOFF_S


class Consumer:
    """One member of a consumer group."""

    def __init__(
        self,
        *,
        pool: Pool,
        settings: KafkaSettings,
        name: str,
        topics: Sequence[str],
        inbox: Inbox,
        after_commit: Callable[[Taken], None] | None = None,
        group: str | None = None,
    ) -> None:
        """Keep everything; nothing happens yet.

        Args:
            pool: of the service's database.
            settings: the broker.
            name: who receipts: a service's name.
            topics: what to read, its own receipts topic among them.
            inbox: what the events are given to.
            after_commit: called after each committed batch, to wake whoever goes on from there.
            group: the consumer group; default: the name.
        """
        self._pool = pool
        self._settings = settings
        self._name = name
        self._topics = tuple(topics)
        self._inbox = inbox
        self._after_commit = after_commit
        self._group = group or name
        self._missing_since: float | None = None

    async def run(self, pulse: Pulse, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; failures of the broker are waited out."""
        backoff = _FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                async with self._session(stop) as session:
                    backoff = _FIRST_BACKOFF_S
                    while not stop.is_set():
                        await self._turn(session, pulse)
                    await self._commit(session)
            except _WAITED_OUT as error:
                if being_cancelled():
                    raise
                pulse.failed(error)
                _log.warning("consumer starts anew", error=type(error).__name__, seconds=backoff)
                await pause(stop, backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    async def _turn(self, session: _Session, pulse: Pulse) -> None:
        pulse.turn()
        self._resume(session)
        # Never inside wait_for nor a task that is cancelled: that would switch the client's
        # protection against a stuck poll off for good.
        got = await session.consumer.getmany(
            timeout_ms=self._wait_ms(session), max_records=self._settings.max_batch
        )
        if got:
            self._gather(session, got)
            await self._take(session, got, pulse)
        self._expect(session, soon=bool(got))
        await self._commit(session, at_least=self._settings.commit_every)
        if time.monotonic() - session.checked_at >= self._settings.check_every:
            await self._check(session)
            session.checked_at = time.monotonic()
            if session.resume_at is None:
                pulse.progress()

    def _expect(self, session: _Session, *, soon: bool) -> None:
        """Have the broker look more often while messages come, where it looks instead of knowing.

        The client has no way to change this but its own attribute.
        """
        if self._settings.fetch_soon_ms is None:
            return
        now = time.monotonic()
        if soon:
            session.heard_at = now
        soon = now - session.heard_at < _SOON_S and not session.pace.busy
        session.consumer._fetcher._fetch_max_wait_ms = (
            self._settings.fetch_soon_ms if soon else self._settings.fetch_max_wait_ms
        )

    def _wait_ms(self, session: _Session) -> int:
        """How long to wait for records: not longer than until they are read again."""
        if session.resume_at is None:
            return self._settings.poll_ms
        left_ms = math.ceil(1000 * (session.resume_at - time.monotonic()))
        return min(max(left_ms, 1), self._settings.poll_ms)

    def _gather(self, session: _Session, got: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Read nothing until the next batch should start; then all that has come is one fetch."""
        records = _merged(got)
        session.pace.start(
            record.key for record in records if record.topic != receipts_topic(self._name)
        )
        if session.pace.wait and len(records) < self._settings.max_batch:
            session.consumer.pause(*session.consumer.assignment())
            session.resume_at = time.monotonic() + session.pace.wait

    async def _take(
        self, session: _Session, got: Mapping[TopicPartition, Sequence[Any]], pulse: Pulse
    ) -> None:
        try:
            taken = await self._inbox.take(self._pool, [_raw(one) for one in _merged(got)])
        except Exception as error:
            # The inbox deals with events that are at fault: this is the database, or a defect.
            pulse.failed(error)
            log = _log.warning if isinstance(error, UnavailableError) else _log.exception
            log("batch put off", error=type(error).__name__, seconds=session.backoff)
            self._put_off(session, got)
            return
        session.backoff = _FIRST_BACKOFF_S
        for partition, records in got.items():
            session.done[partition] = records[-1].offset + 1
        if self._settings.receipts:
            session.sender.add(taken.received)
        if self._after_commit is not None:
            self._after_commit(taken)
        pulse.progress()

    def _put_off(self, session: _Session, got: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Go back to the start of the batch and read nothing for a while, but keep polling."""
        for partition, records in got.items():
            try:
                session.consumer.seek(partition, records[0].offset)
            except IllegalStateError:  # the partition was given to somebody else meanwhile
                continue
        session.consumer.pause(*session.consumer.assignment())
        session.resume_at = time.monotonic() + session.backoff
        session.backoff = min(session.backoff * 2, _LONGEST_BACKOFF_S)

    def _resume(self, session: _Session) -> None:
        if session.resume_at is not None and time.monotonic() >= session.resume_at:
            session.consumer.resume(*session.consumer.paused())
            session.resume_at = None

    async def _commit(self, session: _Session, *, at_least: float = 0.0) -> None:
        """Commit what is done, unless it was done less than `at_least` seconds ago."""
        if not session.done or time.monotonic() - session.committed_at < at_least:
            return
        mine = session.consumer.assignment()
        offsets = {one: offset for one, offset in session.done.items() if one in mine}
        session.done.clear()
        session.committed_at = time.monotonic()
        if offsets:
            try:
                async with asyncio.timeout(_COMMIT_S):
                    await session.consumer.commit(offsets)
            except (KafkaError, TimeoutError) as error:
                # Read again, recognised, receipted again: harmless.
                _log.info("offsets not committed", error=type(error).__name__)

    async def _check(self, session: _Session) -> None:
        """See that the topics, the assignment and the positions still are what they should be.

        The client itself stays silent when a broker comes back without its log.
        """
        if session.sending is not None and session.sending.done():
            raise ReceiptsStoppedError
        async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
            if await session.keeper.missing(self._topics):
                raise TopicMissingError
            if not self._settings.groups:
                await self._assign(session)
            await self._check_positions(session)

    async def _check_positions(self, session: _Session) -> None:
        mine = session.consumer.assignment()
        if mine:
            session.assigned_at = time.monotonic()
        elif time.monotonic() - session.assigned_at > _UNASSIGNED_S:
            raise UnassignedError
        # The end of the log as the last fetch told it. Asking for it by name would be wrong on the
        # embedded broker, which answers with the start of the last batch.
        for partition in mine:
            end = session.consumer.highwater(partition)
            position = await _position(session.consumer, partition)
            if end is None or position is None or position <= end:
                session.rewound.pop(partition, None)
            elif session.rewound.get(partition) != end:
                # Not `seek_to_beginning`, which waits for an answer. Is 0 gone, the broker says so.
                session.consumer.seek(partition, 0)
                session.rewound[partition] = end
                session.done.pop(partition, None)
                _log.warning("log lost", topic=partition.topic, position=position, end=end)

    @asynccontextmanager
    async def _session(self, stop: asyncio.Event) -> AsyncIterator[_Session]:
        client_id = f"lianshen-{self._name}"
        keeper = TopicKeeper(self._settings, client_id=f"{client_id}-topics")
        producer = make_producer(self._settings, client_id=f"{client_id}-receipts")
        consumer = make_consumer(self._settings, group=self._group, client_id=client_id)
        sender = ReceiptSender(
            consumer=self._name, producer=producer, every=self._settings.receipt_every
        )
        session = _Session(
            consumer=consumer, sender=sender, keeper=keeper, pace=Pace(self._settings.pace)
        )
        try:
            await self._find_topics(keeper)
            await producer.start()
            session.sending = asyncio.create_task(sender.run(), name="receipts")
            await self._join(session, stop)
            yield session
        finally:
            await in_order(
                [
                    ("consumer", consumer.stop),
                    ("receipts", lambda: receipts.stop(sender, session.sending)),
                    ("producer", producer.stop),
                    ("topics", keeper.close),
                ],
                seconds=_CLOSE_S,
            )

    async def _find_topics(self, keeper: TopicKeeper) -> None:
        """See that there is something to read.

        Topics belong to those who write to them, who must notice when they are lost; only our own
        receipts topic, and what nobody creates in time, is created here.
        """
        await keeper.ensure([receipts_topic(self._name)])
        if not await keeper.missing(self._topics):
            self._missing_since = None
            return
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        if now - self._missing_since < _GRACE_CHECKS * self._settings.check_every:
            raise TopicMissingError
        await keeper.ensure(self._topics)

    async def _join(self, session: _Session, stop: asyncio.Event) -> None:
        """Start reading; meeting the other members of a group may take long, so heed `stop`."""
        consumer = session.consumer
        if self._settings.groups:
            consumer.subscribe(self._topics, listener=_Rebalance(self, session))
        starting = asyncio.ensure_future(consumer.start())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
        finally:
            starting.cancel()
            stopping.cancel()
        if not self._settings.groups:
            await self._assign(session)
        session.assigned_at = time.monotonic()

    async def _assign(self, session: _Session) -> None:
        """Read every partition there is: a topic that was lost may have come back with more."""
        there = await session.keeper.partitions(self._topics)
        if session.consumer.assignment() != set(there):
            session.consumer.assign(there)

    async def revoked(self, session: _Session) -> None:
        """Commit before the partitions go to somebody else, to spare it the repetition."""
        await self._commit(session)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells the consumer that its partitions change."""

    def __init__(self, owner: Consumer, session: _Session) -> None:
        self._owner = owner
        self._session = session

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Commit while the partitions are still ours."""
        if revoked:
            await self._owner.revoked(self._session)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Note what came."""
        _log.info("partitions assigned", count=len(assigned))


async def _position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Return the next offset to be read, None while the client is still finding out."""
    try:
        async with asyncio.timeout(1):
            position: int = await consumer.position(partition)
            return position
    except (TimeoutError, IllegalStateError):
        return None


def _merged(got: Mapping[TopicPartition, Sequence[Any]]) -> list[Any]:
    return [record for records in got.values() for record in records]


def _raw(record: Any) -> Raw:
    return Raw(
        topic=record.topic,
        value=record.value or b"",
        key=record.key,
        partition=record.partition,
        offset=record.offset,
    )
