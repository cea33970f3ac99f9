"""Outbox, relay, broker, consumer, inbox, receipts: all real, together."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from services.contracts.topics import receipts_topic
from services.contracts.vocabulary import Service
from services.runtime import dead_letters
from services.runtime.db import Connection
from services.runtime.kafka import make_producer
from services.runtime.messages import Raw, Received
from services.runtime.settings import KafkaSettings
from tests.conftest import Broker
from tests.integration.messaging import (
    World,
    effect,
    effects,
    number,
    saying,
    states,
    until,
    wire,
)


@asynccontextmanager
async def producer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    made = make_producer(settings, client_id="test")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def test_what_is_said_is_applied_once_in_order_and_closed(world: World) -> None:
    await world.say_many(20, each=3)
    async with world.running(world.hears(), world.closes(), world.relay()):
        await world.say_many(20, each=3, first=21)
        await world.all_applied(120)
        await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1, 2, 3] for a in range(1, 41)}
    assert await states(world.receiver, "inbox") == {"applied": 120}


@pytest.mark.parametrize("groups", [True, False], ids=["in a group", "each for itself"])
async def test_two_consumers_apply_nothing_twice(world: World, *, groups: bool) -> None:
    if groups and not world.settings.idempotence:
        pytest.skip("the embedded broker's groups take a minute to notice that a member has gone")
    world.settings = world.settings.model_copy(update={"groups": groups})
    both = (world.hears(name="first"), world.hears(name="second"))
    async with world.running(*both, world.closes(), world.relay()):
        for first in range(1, 41, 10):
            await world.say_many(10, each=2, first=first)
        await world.all_applied(80)
        await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1, 2] for a in range(1, 41)}


async def test_busy_loops_let_work_gather(world: World) -> None:
    batches: list[int] = []

    async def counted(conn: Connection, received: Sequence[Received]) -> None:
        batches.append(len(received))
        await effect(conn, received)

    world.settings = world.settings.model_copy(update={"pace": 0.4})
    async with world.running(world.hears(counted), world.closes(), world.relay()):
        for index in range(1, 61):
            await world.say(saying(world.topic, number(index)))
            await asyncio.sleep(0.02)
        await world.all_applied(60)
        await world.all_closed()
    assert sum(batches) == 60
    assert len(batches) <= 20
    assert await effects(world.receiver) == {number(a): [1] for a in range(1, 61)}


async def test_ten_percent_duplicates_disorder_and_poison(world: World) -> None:
    chance = random.Random(7)
    events = [wire(world.topic, number(a), seq) for a in range(1, 31) for seq in range(1, 6)]
    stream = events + chance.sample(events, 15) + [Raw(topic=world.topic, value=b"poison")] * 3
    chance.shuffle(stream)
    await world.make_topics()
    async with world.running(world.hears()):
        async with producer(world.settings) as sent:
            await asyncio.gather(
                *[await sent.send(one.topic, one.value, key=one.key) for one in stream]
            )
        await world.all_applied(150)
    assert await effects(world.receiver) == {number(a): list(range(1, 6)) for a in range(1, 31)}
    async with world.receiver.acquire() as conn:
        (letter,) = await dead_letters.page(conn)
    assert letter.error_class == "UnreadableError"


async def test_an_event_is_sent_again_until_it_is_receipted(world: World) -> None:
    await world.say(saying(world.topic, number(1)))

    async def sent_twice() -> bool:
        return await world.sender.fetchval("SELECT attempts FROM outbox") >= 2

    async with world.running(world.relay()):
        await until(sent_twice, "the event is sent a second time")
    assert await states(world.sender, "outbox") == {"sent": 1}
    async with world.running(world.hears(), world.closes(), world.relay()):
        await world.all_closed()
    assert await effects(world.receiver) == {number(1): [1]}


async def test_an_event_that_nobody_must_receipt_is_closed_when_the_broker_has_it(
    world: World,
) -> None:
    await world.say(saying(world.topic, number(1), consumers=()))
    async with world.running(world.relay()):
        await world.all_closed()


async def test_an_event_for_two_consumers_stays_open_until_both_have_receipted(
    world: World,
) -> None:
    await world.say(saying(world.topic, number(1), consumers=("departments", "department/fire")))

    async def receipted_once() -> bool:
        awaited = await world.sender.fetchval("SELECT awaiting FROM outbox")
        return bool(awaited == ["department/fire"])

    async with world.running(world.hears(), world.closes(), world.relay()):
        await until(receipted_once, "one receipt is there")
    assert await states(world.sender, "outbox") == {"sent": 1}


async def test_a_batch_that_the_database_refuses_for_now_is_taken_again(world: World) -> None:
    tries = 0

    async def handler(conn: Connection, received: Sequence[Received]) -> None:
        nonlocal tries
        tries += 1
        await effect(conn, received)
        if tries <= 3:
            await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await world.say_many(5, each=2)
    async with world.running(world.hears(handler), world.closes(), world.relay()):
        await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1, 2] for a in range(1, 6)}
    assert await states(world.receiver, "dead_letter") == {}


async def test_a_position_beyond_the_end_of_the_log_is_noticed(world: World) -> None:
    """A log that was lost and has grown less than what was read: the client would wait for ever."""
    async with world.running(world.relay(), world.hears()):
        await world.say_many(1)
        await world.all_applied(1)
    from aiokafka import AIOKafkaConsumer

    other = AIOKafkaConsumer(
        bootstrap_servers=world.settings.bootstrap, group_id=f"departments-{world.department}"
    )
    partitions = [TopicPartition(world.topic, at) for at in range(world.settings.partitions or 1)]
    other.assign(partitions)
    await other.start()
    await other.commit(dict.fromkeys(partitions, 5_000))
    await other.stop()
    async with world.running(world.hears(), world.closes(), world.relay()):
        await world.say_many(3, first=2)
        await world.all_applied(4)
        await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1] for a in range(1, 5)}


async def test_a_forged_receipt_closes_nothing(world: World) -> None:
    await world.say(saying(world.topic, number(1)))
    event_id = await world.sender.fetchval("SELECT event_id FROM outbox")
    from services.contracts.events import Receipt
    from services.runtime.messages import encode_receipt

    forged = encode_receipt(
        Receipt(consumer="departments", event_ids=(event_id,)),
        source="intake",
        at=datetime.now(UTC),
    )
    topic = receipts_topic(Service.ORCHESTRATOR)
    async with world.running(world.closes()):
        async with producer(world.settings) as sent:
            await sent.send_and_wait(topic, forged)

        async def kept() -> bool:
            return await states(world.sender, "dead_letter") == {"open": 1}

        await until(kept, "the forged receipt is a dead letter")
    assert await states(world.sender, "outbox") == {"pending": 1}


async def test_the_broker_is_gone_for_a_while(world: World, broker: Broker) -> None:
    async with world.running(world.hears(), world.closes(), world.relay()):
        await world.say_many(3)
        await world.all_applied(3)
        broker.child.kill()
        await world.say_many(3, first=4)
        await broker.start()
        await world.all_applied(6)
        await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1] for a in range(1, 7)}
