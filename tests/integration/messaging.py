"""Two services that talk: `orchestrator` says tasks, `departments` hears them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from services.contracts.events import Due, TaskIssued
from services.contracts.topics import receipts_topic, tasks_topic
from services.contracts.vocabulary import Part, Service
from services.runtime import outbox
from services.runtime.consumer import Consumer
from services.runtime.db import Connection, Pool
from services.runtime.inbox import Inbox
from services.runtime.kafka import ensure_topics
from services.runtime.loops import Loop, Loops
from services.runtime.messages import Handler, Outgoing, Raw, Received, encode, new_event_id
from services.runtime.relay import Relay
from services.runtime.settings import KafkaSettings

SAID_AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
_departments = count(int(time.time() * 1000))


def number(index: int) -> str:
    """The application number for an index."""
    return f"SP20260302-{index:06d}-0"


def task_issued(application: str, turn: int = 1, **changes: Any) -> TaskIssued:
    """An event; `turn` tells the events of one application apart."""
    department = changes.get("department", "fire")
    fields: dict[str, Any] = {
        "application": application,
        "task": f"{application}/fire-review/{department}/{turn}",
        "step": "design",
        "item": "fire-review",
        "department": "fire",
        "part": Part.DECIDE,
        "round": turn,
        "project_code": "P1",
        "scenario": "plant",
        "facts": {"new_land": True, "floor_area": 1200},
        "catalogue_version": "2026.1",
        "issued_at": SAID_AT,
        "due": Due(promised_on=date(2026, 3, 9), promised_at=SAID_AT, provisional=False),
    }
    return TaskIssued(**fields | changes)


def saying(
    topic: str, application: str, turn: int = 1, consumers: tuple[str, ...] = ("departments",)
) -> Outgoing:
    """The event, about to be said to the department whose topic it is."""
    department = topic.removeprefix("lianshen.tasks.").removesuffix(".v1")
    return Outgoing(
        topic=topic,
        application=application,
        event=task_issued(application, turn, department=department),
        at=SAID_AT,
        consumers=consumers,
    )


def wire(topic: str, application: str, seq: int, source: str = "orchestrator", **over: Any) -> Raw:
    """The event as a record; the number of the round is its number in the stream."""
    event_id = over.pop("event_id", None) or new_event_id()
    value = encode(saying(topic, application, seq), source=source, event_id=event_id, seq=seq)
    return Raw(topic=topic, value=value, key=application.encode(), partition=0, offset=seq)


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 30.0) -> None:
    """Poll until a condition holds, fail after a time."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


async def effect(conn: Connection, received: Sequence[Received]) -> None:
    """A handler whose effect can be counted: it has no guard of its own against doubling."""
    await conn.executemany(
        "INSERT INTO effect (event_id, application, seq) VALUES ($1, $2, $3)",
        [(one.event_id, one.application, one.seq) for one in received],
    )


async def effects(pool: Pool) -> dict[str, list[int]]:
    """What was applied: the numbers of each application's events, in the order of application."""
    found: dict[str, list[int]] = {}
    for row in await pool.fetch("SELECT application, seq FROM effect ORDER BY place"):
        found.setdefault(row["application"], []).append(row["seq"])
    return found


async def states(pool: Pool, table: str) -> dict[str, int]:
    """How many rows of a table are in which state."""
    return Counter(row["state"] for row in await pool.fetch(f"SELECT state FROM {table}"))


@dataclass(kw_only=True)
class World:
    """Both services, on a topic that no other test uses."""

    sender: Pool
    receiver: Pool
    settings: KafkaSettings
    department: str = field(default_factory=lambda: f"t{next(_departments)}")

    @property
    def topic(self) -> str:
        """The topic that the tasks go to."""
        return tasks_topic(self.department)

    async def say(self, *events: Outgoing) -> None:
        """Store events in the sender's outbox, in one transaction."""
        async with self.sender.acquire() as conn, conn.transaction():
            await outbox.add(conn, Service.ORCHESTRATOR, events)

    async def say_many(self, applications: int, each: int = 1, first: int = 1) -> None:
        """Say `each` events about each of so many applications."""
        for index in range(first, first + applications):
            await self.say(
                *(saying(self.topic, number(index), turn) for turn in range(1, each + 1))
            )

    def relay(self) -> Loop:
        """The sender's relay."""
        relay = Relay(
            pool=self.sender,
            settings=self.settings,
            service=Service.ORCHESTRATOR,
            topics=[self.topic],
        )
        return Loop(name="relay", body=relay.run)

    def hears(self, handler: Handler = effect, name: str = "hears", **over: Any) -> Loop:
        """The receiver's consumer."""
        inbox = Inbox(handler=handler, dedup=self.settings.dedup, attempts=2)
        consumer = Consumer(
            pool=self.receiver,
            settings=self.settings.model_copy(update=over),
            name=Service.DEPARTMENTS,
            group=f"departments-{self.department}",
            topics=[self.topic, receipts_topic(Service.DEPARTMENTS)],
            inbox=inbox,
        )
        return Loop(name=name, body=consumer.run)

    def closes(self) -> Loop:
        """The sender's consumer, which closes what is receipted."""

        async def nothing(conn: Connection, received: Sequence[Received]) -> None:
            raise AssertionError("nobody says anything to the sender but receipts")

        consumer = Consumer(
            pool=self.sender,
            settings=self.settings,
            name=Service.ORCHESTRATOR,
            group=f"orchestrator-{self.department}",
            topics=[receipts_topic(Service.ORCHESTRATOR)],
            inbox=Inbox(handler=nothing),
        )
        return Loop(name="closes", body=consumer.run)

    async def make_topics(self) -> None:
        """Create the topics, where no relay does it."""
        topics = [self.topic, receipts_topic(Service.ORCHESTRATOR)]
        await ensure_topics(self.settings, topics)

    @asynccontextmanager
    async def running(self, *loops: Loop) -> AsyncIterator[Loops]:
        """Run loops; they are stopped in order."""
        async with AsyncExitStack() as stack:
            yield await stack.enter_async_context(Loops(loops, service="test", pool=None))

    async def all_applied(self, expected: int) -> None:
        """Wait until so many effects are there."""

        async def there() -> bool:
            return await self.receiver.fetchval("SELECT count(*) FROM effect") >= expected

        await until(there, f"{expected} effects")

    async def all_closed(self) -> None:
        """Wait until every event said is closed."""

        async def closed() -> bool:
            return set(await states(self.sender, "outbox")) == {"closed"}

        await until(closed, "the outbox is closed")
