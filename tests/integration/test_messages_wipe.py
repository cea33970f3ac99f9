"""A broker that loses everything in mid-flight: nothing is lost and nothing doubled."""

import asyncio

import pytest

from services.runtime.kafka import ensure_topics
from tests.conftest import Broker
from tests.integration.messaging import World, effects, number, states, until


async def _nothing_pending(world: World) -> bool:
    return "pending" not in await states(world.sender, "outbox")


async def _topic_is_there(world: World) -> bool:
    watching = world.settings.model_copy(update={"create_topics": False})
    return await ensure_topics(watching, [world.topic]) == []


@pytest.mark.parametrize("moment", ["before it is read", "in mid-flight", "after it is read"])
async def test_a_wiped_broker_loses_nothing_and_doubles_nothing(
    world: World, broker: Broker, moment: str
) -> None:
    async def speak() -> None:
        for first in range(1, 101, 5):
            await world.say_many(5, each=2, first=first)
            await asyncio.sleep(0.01)

    reading = [] if moment == "before it is read" else [world.hears(), world.closes()]
    async with world.running(*reading, world.relay()):
        speaking = asyncio.create_task(speak())
        if moment == "after it is read":
            await speaking
            await world.all_applied(200)
        elif moment == "in mid-flight":
            await world.all_applied(20)
        else:
            await speaking
            await until(lambda: _nothing_pending(world), "the broker has everything")
        await broker.wipe()
        await speaking
        await world.say_many(5, each=2, first=101)
        late = [world.hears(), world.closes()] if not reading else []
        async with world.running(*late):
            await world.all_applied(210)
            await world.all_closed()
    assert await effects(world.receiver) == {number(a): [1, 2] for a in range(1, 106)}


async def test_without_receipts_a_wiped_broker_loses_what_was_not_read(
    world: World, broker: Broker
) -> None:
    """Shows that the test above can fail: receipts are what makes it pass."""
    world.settings = world.settings.model_copy(update={"receipts": False})
    async with world.running(world.relay()):
        await world.say_many(10)
        await world.all_closed()
        await broker.wipe()
        await until(lambda: _topic_is_there(world), "the topic is back")
        async with world.running(world.hears(), world.closes()):
            await world.say_many(5, first=11)
            await world.all_applied(5)
    assert sorted(await effects(world.receiver)) == [number(a) for a in range(11, 16)]


async def test_without_the_inbox_a_wiped_broker_doubles_what_was_read(
    world: World, broker: Broker
) -> None:
    """Shows that the test above can fail: the inbox is what makes it pass."""
    world.settings = world.settings.model_copy(update={"dedup": False})
    async with world.running(world.hears(), world.relay()):
        await world.say_many(10)
        await world.all_applied(10)
        await broker.wipe()
        await world.all_applied(20)
    assert all(
        set(seqs) == {1} and len(seqs) >= 2 for seqs in (await effects(world.receiver)).values()
    )


async def test_missing_topics_come_back_without_a_restart(world: World, broker: Broker) -> None:
    async with world.running(world.relay()):
        await until(lambda: _topic_is_there(world), "the topic is there")
        await broker.wipe()
        await until(lambda: _topic_is_there(world), "the topic is back")
