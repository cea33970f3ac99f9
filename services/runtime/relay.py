"""The relay: sends what the outbox holds, until every consumer has receipted it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from asyncpg import InterfaceError, Record

from services.contracts.envelope import headers
from services.runtime import outbox
from services.runtime.db import Connection, Pool, beside, is_transient, load
from services.runtime.kafka import TopicKeeper, make_producer
from services.runtime.loops import Pace, Pulse, pause
from services.runtime.settings import KafkaSettings
from services.runtime.shutdown import being_cancelled, in_order

IDLE_S = 1.0
"""Longest time between two looks at the outbox."""
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 5.0
_POSTPONE_S = 5.0
_CLOSE_S = 5.0
_REPEAT_AFTER_CHECKS = 2

_queries = load(beside(__file__))
_log = structlog.get_logger(__name__)


class NothingSentError(Exception):
    """The broker took none of the events offered to it."""


# Cancelled: of the client's inner tasks, see `being_cancelled`.
_WAITED_OUT = (KafkaError, NothingSentError, InterfaceError, asyncio.CancelledError)


@dataclass(kw_only=True, slots=True)
class _Session:
    """One producer and one database connection; thrown away as a whole when either fails."""

    conn: Connection
    producer: AIOKafkaProducer
    woken: asyncio.Event
    wiped: asyncio.Event
    pace: Pace
    look_again_at: float = 0.0
    repeat_at: float | None = 0.0
    """When to send everything unreceipted again: at once, whatever happened while we were away."""
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """Last offset the broker gave out for each partition."""


class Relay:
    """Sends what the outbox holds. Any number of relays may run; each claims rows of its own.

    Rows are claimed by their state, never by "greater than the last id": ids are given out before
    the commit, so a smaller one may appear after a larger one.
    """

    def __init__(
        self, *, pool: Pool, settings: KafkaSettings, service: str, topics: Sequence[str]
    ) -> None:
        """Keep everything; nothing happens yet.

        Args:
            pool: of the service's database; one connection is kept while the relay runs.
            settings: the broker.
            service: for the client's name at the broker.
            topics: what this service writes to (created if missing).
        """
        self._pool = pool
        self._settings = settings
        self._client_id = f"lianshen-{service}-relay"
        self._topics = tuple(topics)

    async def run(self, pulse: Pulse, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; failures of the broker or the database are waited out."""
        backoff = _FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                async with self._session() as session:
                    await self._turns(session, pulse, stop)
                    backoff = _FIRST_BACKOFF_S
            except (Exception, asyncio.CancelledError) as error:
                if being_cancelled() or not (isinstance(error, _WAITED_OUT) or is_transient(error)):
                    raise
                pulse.failed(error)
                _log.warning("relay waits", error=type(error).__name__, seconds=backoff)
                await pause(stop, backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    async def _turns(self, session: _Session, pulse: Pulse, stop: asyncio.Event) -> None:
        while not stop.is_set():
            session.woken.clear()
            if session.conn.is_closed():
                raise ConnectionResetError
            claimed = await self._turn(session)
            pulse.progress()
            if claimed < self._settings.max_batch:
                await self._rest(session, stop)
                await session.pace.gather(stop)
        while await self._turn(session):  # what the loops stopped before us have left
            pulse.progress()

    async def _rest(self, session: _Session, stop: asyncio.Event) -> None:
        """Wait for a notification, but look again every second: one may be lost."""
        stopped = asyncio.ensure_future(stop.wait())
        woken = asyncio.ensure_future(session.woken.wait())
        try:
            await asyncio.wait(
                (stopped, woken), timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
            woken.cancel()

    async def _turn(self, session: _Session) -> int:
        """Send one batch; return how many events were claimed.

        The rows stay locked until the broker has answered: a relay that dies in between gives them
        back, and they are sent a second time.
        """
        conn, settings = session.conn, self._settings
        async with conn.transaction():
            await self._recover(session)
            rows = [row async for row in _queries.claim_pending(conn, batch=settings.max_batch)]
            left = settings.max_batch - len(rows)
            if left and time.monotonic() >= session.look_again_at:
                again = [row async for row in _queries.claim_unreceipted(conn, batch=left)]
                rows += again
                if len(again) < left:
                    session.look_again_at = time.monotonic() + IDLE_S
            if rows:
                session.pace.start(row["application"] for row in rows)
                await self._send(session, rows)
        return len(rows)

    async def _recover(self, session: _Session) -> None:
        """Send everything again after the broker has lost its log, and once more a little later.

        The second time is for a consumer that has not noticed yet, and went on reading in the new
        log at its place in the old one.
        """
        now = time.monotonic()
        if session.wiped.is_set():
            session.wiped.clear()
            session.offsets.clear()
            session.repeat_at = now + _REPEAT_AFTER_CHECKS * self._settings.check_every
        elif session.repeat_at is not None and now >= session.repeat_at:
            session.repeat_at = None
        else:
            return
        await _queries.send_all_again(session.conn)
        session.look_again_at = 0.0

    async def _send(self, session: _Session, rows: Sequence[Record]) -> None:
        results = await _produce(session.producer, rows)
        failures = [one if isinstance(one, BaseException) else None for one in results]
        _watch_offsets(session, results)
        sent = [row["id"] for row, failure in zip(rows, failures, strict=True) if failure is None]
        if not sent:
            raise NothingSentError from failures[0]
        await _queries.mark_sent(
            session.conn,
            ids=sent,
            receipts=self._settings.receipts,
            resend_after=self._settings.resend_after,
            resend_cap=self._settings.resend_cap,
        )
        refused = {
            row["id"]: (row["topic"], type(failure).__name__)
            for row, failure in zip(rows, failures, strict=True)
            if failure is not None
        }
        if refused:
            _log.error("events refused by the broker", refused=sorted(set(refused.values())))
            await _queries.postpone(session.conn, ids=list(refused), seconds=_POSTPONE_S)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Session]:
        woken, wiped = asyncio.Event(), asyncio.Event()
        producer = make_producer(self._settings, client_id=self._client_id)
        keeper = TopicKeeper(self._settings, client_id=f"{self._client_id}-topics")
        watch: asyncio.Task[None] | None = None
        try:
            if await keeper.ensure(self._topics):
                wiped.set()
            await producer.start()
            watch = asyncio.create_task(self._watch(keeper, wiped, woken), name="relay-topics")
            async with self._pool.acquire() as conn:
                # A mark that is lost in a crash costs one event sent twice; waiting for the disk
                # at every batch would cost every event its time.
                await conn.execute("SET synchronous_commit = off")
                await conn.add_listener(outbox.CHANNEL, lambda *_: woken.set())
                try:
                    yield _Session(
                        conn=conn,
                        producer=producer,
                        woken=woken,
                        wiped=wiped,
                        pace=Pace(self._settings.pace),
                    )
                finally:
                    if not conn.is_closed():
                        await conn.reset()
        finally:
            if watch is not None:
                watch.cancel()
                await asyncio.wait([watch])
            await in_order(
                [("producer", producer.stop), ("topics", keeper.close)], seconds=_CLOSE_S
            )

    async def _watch(self, keeper: TopicKeeper, wiped: asyncio.Event, woken: asyncio.Event) -> None:
        """Look after the topics. Where one is missing, the broker has lost what it had."""
        while True:
            await asyncio.sleep(self._settings.check_every)
            try:
                created = await keeper.ensure(self._topics)
            except (KafkaError, OSError) as error:
                _log.warning("topics not checked", error=type(error).__name__)
                continue
            if created:
                wiped.set()
                woken.set()


def _watch_offsets(session: _Session, results: Sequence[Any]) -> None:
    """Notice a log that starts anew: offsets only ever rise."""
    highest: dict[tuple[str, int], int] = {}
    for one in results:
        if isinstance(one, BaseException) or one.offset < 0:
            continue
        place = (one.topic, one.partition)
        if one.offset <= session.offsets.get(place, -1):
            session.wiped.set()
        highest[place] = max(one.offset, highest.get(place, -1))
    session.offsets |= highest


async def _produce(producer: AIOKafkaProducer, rows: Sequence[Record]) -> list[Any]:
    """Offer events to the broker in order; return for each its place in the log, or an error."""
    futures: list[asyncio.Future[object]] = []
    broken: dict[str, KafkaError] = {}
    for row in rows:
        topic = row["topic"]
        outcome = broken.get(topic) or await _offer(producer, row)
        if isinstance(outcome, KafkaError):
            # One topic the broker will not take must not cost a time limit for each of its events.
            broken[topic] = outcome
            failed: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            failed.set_exception(outcome)
            futures.append(failed)
            if isinstance(outcome, KafkaTimeoutError):
                broken |= dict.fromkeys({later["topic"] for later in rows}, outcome)
        else:
            futures.append(outcome)
    return await asyncio.gather(*futures, return_exceptions=True)


async def _offer(producer: AIOKafkaProducer, row: Record) -> asyncio.Future[object] | KafkaError:
    try:
        future: asyncio.Future[object] = await producer.send(
            row["topic"],
            row["payload"],
            key=row["application"].encode(),
            headers=headers(row["traceparent"]),
        )
    except KafkaError as error:
        return error
    return future
