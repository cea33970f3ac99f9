"""Outbox and relay: numbers without gaps, nothing lost between the broker and the mark."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.contracts.envelope import Envelope
from services.contracts.vocabulary import Service
from services.runtime import outbox
from services.runtime.messages import MAX_EVENT_BYTES, EventTooLargeError, Outgoing
from tests.integration import relay_process
from tests.integration.messaging import (
    SAID_AT,
    World,
    effects,
    number,
    saying,
    states,
    task_issued,
    until,
)

ROOT = Path(__file__).parents[2]


async def test_numbers_have_no_gap_and_no_double_under_many_writers(world: World) -> None:
    async def write(writer: int) -> None:
        for turn in range(10):
            events = [saying(world.topic, number(1 + (writer + turn + k) % 5)) for k in range(4)]
            await world.say(*events)

    await asyncio.gather(*(write(writer) for writer in range(8)))
    rows = await world.sender.fetch("SELECT application, seq, payload FROM outbox ORDER BY id")
    seen: dict[str, list[int]] = {}
    for row in rows:
        envelope = Envelope.model_validate_json(row["payload"])
        assert (envelope.subject, envelope.seq) == (row["application"], row["seq"])
        seen.setdefault(row["application"], []).append(row["seq"])
    assert len(rows) == 8 * 10 * 4
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in seen.values())


async def test_what_is_stored_is_the_envelope_of_the_contract(world: World) -> None:
    traceparent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    event = task_issued(number(1))
    await world.say(
        Outgoing(
            topic=world.topic,
            application=number(1),
            event=event,
            at=SAID_AT,
            consumers=("departments",),
            traceparent=traceparent,
        )
    )
    row = await world.sender.fetchrow("SELECT * FROM outbox")
    assert row is not None
    envelope = Envelope.model_validate_json(row["payload"])
    assert (envelope.id, envelope.type, envelope.time) == (row["event_id"], event.TYPE, SAID_AT)
    assert (envelope.source, envelope.traceparent) == ("orchestrator", traceparent)
    assert type(event).model_validate(envelope.data) == event


async def test_a_rolled_back_transaction_says_nothing_and_uses_no_number(world: World) -> None:
    huge = Outgoing(
        topic=world.topic,
        application=number(1),
        event=task_issued(number(1), step="x" * MAX_EVENT_BYTES),
        at=SAID_AT,
        consumers=(),
    )

    async def speak() -> None:
        async with world.sender.acquire() as conn, conn.transaction():
            await outbox.add(conn, Service.ORCHESTRATOR, [saying(world.topic, number(1))])
            await outbox.add(conn, Service.ORCHESTRATOR, [huge])

    with pytest.raises(EventTooLargeError):
        await speak()
    await world.say(saying(world.topic, number(1)))
    assert await world.sender.fetchval("SELECT array_agg(seq) FROM outbox") == [1]


async def test_any_number_of_events_takes_two_statements(world: World) -> None:
    statements: list[str] = []
    async with world.sender.acquire() as conn:
        async with conn.transaction():  # the driver asks for the types it does not know yet
            await outbox.add(conn, Service.ORCHESTRATOR, [saying(world.topic, number(1))])
        with conn.query_logger(lambda record: statements.append(record.query)):
            async with conn.transaction():
                events = [saying(world.topic, number(a)) for a in range(1, 200)]
                await outbox.add(conn, Service.ORCHESTRATOR, events)
    inside = [one for one in statements if not one.startswith(("BEGIN", "COMMIT"))]
    assert len(inside) == 2


async def test_two_relays_share_the_outbox_and_send_each_event_once(world: World) -> None:
    await world.say_many(200, each=3)

    async def sent() -> bool:
        return await states(world.sender, "outbox") == {"sent": 600}

    async with world.running(world.relay()), world.running(world.relay()):
        await until(sent, "everything is sent")
    assert await world.sender.fetchval("SELECT max(attempts) FROM outbox") == 1
    assert await _records(world) == 600


HOLD_THE_MARK = """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON outbox FOR EACH ROW
        WHEN (OLD.state = 'pending' AND NEW.state = 'sent') EXECUTE FUNCTION hold();
"""


async def test_a_relay_killed_between_the_broker_and_the_mark_sends_again(
    world: World, kafka_dsn: str
) -> None:
    """A lock makes the mark wait; then the relay is killed."""
    await world.say_many(5, each=2)
    await world.sender.execute(HOLD_THE_MARK)

    async def marking() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
        return bool(await world.sender.fetchval(waiting))

    async with world.sender.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(42)")
        relay = subprocess.Popen(  # noqa: ASYNC220  a moment
            [
                *(sys.executable, relay_process.__file__, kafka_dsn),
                *(world.settings.model_dump_json(), world.topic),
            ],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        try:
            await until(marking, "the relay waits with its mark")
        finally:
            relay.kill()
            relay.wait()
    assert await states(world.sender, "outbox") == {"pending": 10}
    async with world.running(world.hears(), world.closes(), world.relay()):
        await world.all_applied(10)
        await world.all_closed()
    assert await _records(world) == 20, "the broker has everything twice"
    assert await effects(world.receiver) == {number(a): [1, 2] for a in range(1, 6)}


@pytest.fixture
def kafka_dsn(world: World) -> str:
    """The address of the sender's database, for another process."""
    return str(world.sender._connect_args[0])


async def _records(world: World) -> int:
    """How many records the topic holds."""
    client = AIOKafkaConsumer(
        bootstrap_servers=world.settings.bootstrap, auto_offset_reset="earliest"
    )
    client.assign([TopicPartition(world.topic, at) for at in range(world.settings.partitions or 1)])
    await client.start()
    try:
        found = 0
        while got := await client.getmany(timeout_ms=500):
            found += sum(map(len, got.values()))
        return found
    finally:
        await client.stop()
