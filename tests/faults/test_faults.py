"""What must never happen, provoked: a wiped broker, killed services, everything killed at once.

One small stack with every guard on lives through all of it; the controls run the same faults on
stacks with one guard off, and must come to harm. `LIANSHEN_TEST_BROKER=apache` runs all of it on
Apache Kafka.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from services.contracts.vocabulary import Service
from services.runtime.embedded.stack import Stack
from services.runtime.kafka import make_producer
from services.runtime.settings import KafkaSettings
from services.verification import Report, verify
from tests.faults.driver import SCENARIO, County, county, favourable, restaurant, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
FLIGHT = 6
"""Applications handed in around each fault, half of them before it."""
SECONDS = 90.0
SETTLE = 45.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[County]:
    """The county on a stack with every guard on."""
    stack = restaurant(tmp_path_factory.mktemp("guarded"))
    async with stack, county(stack, SCENARIO) as found:
        yield found


def said(report: Report) -> str:
    return "\n".join(f"{one.invariant} {one}" for one in report.findings)


async def conclude(at: County, fault: Callable[[], Awaitable[None]]) -> None:
    """Let the fault happen among applications; all must be concluded once, and everything right."""
    async with at.at_work():
        numbers = await at.submit(FLIGHT // 2)
        fate = asyncio.create_task(fault())
        numbers += await at.submit(FLIGHT - FLIGHT // 2)
        await fate
        found = await at.all_concluded(numbers, SECONDS)
    assert found == dict.fromkeys(numbers, "granted"), f"{len(found)} of {FLIGHT}"
    report = await verify(at.stack.data, settle=SETTLE)
    assert report.clean, said(report)
    assert not report.in_flight, said(report)
    assert not report.dead_letters
    assert report.counted["applications"] == len(at.numbers), "one key made two applications"


async def test_without_a_fault(guarded: County) -> None:
    """The bench of all below: else they would show nothing."""

    async def nothing() -> None:
        return

    await conclude(guarded, nothing)


async def test_a_wiped_broker(guarded: County) -> None:
    async def wipe() -> None:
        for _ in range(2):
            await something_decided(guarded)
            await guarded.stack.wipe_broker()

    await conclude(guarded, wipe)


async def something_decided(at: County) -> None:
    """Return when the departments have decided anything more."""
    connection = await asyncpg.connect(at.stack.postgres.url(Service.DEPARTMENTS))
    count = "SELECT count(*) FROM outcome"
    before = await connection.fetchval(count)

    async def more() -> bool:
        found: int = await connection.fetchval(count)
        return found > before

    await until(more, 30, "something decided")
    await connection.close()


@pytest.mark.parametrize("part", [*Service, "temporal"])
async def test_a_killed_part(guarded: County, part: str) -> None:
    async def kill() -> None:
        await something_decided(guarded)
        await guarded.stack.kill(part)
        await guarded.stack.restart(part)

    await conclude(guarded, kill)


async def test_everything_killed_at_once(guarded: County) -> None:
    stack = guarded.stack
    parts = [*Service, "temporal", stack.broker.name, "postgres"]

    async def kill() -> None:
        await something_decided(guarded)
        for part in parts:
            await stack.kill(part)
        below = [part for part in parts if part not in set(Service)]
        await asyncio.gather(*(stack.restart(part) for part in below))
        await asyncio.gather(*(stack.restart(part) for part in Service))

    await conclude(guarded, kill)


async def test_every_message_once_more(guarded: County) -> None:
    await conclude(guarded, lambda: replay(guarded.stack))


@asynccontextmanager
async def producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    settings = KafkaSettings(bootstrap=stack.broker.bootstrap, idempotence=stack.broker.idempotent)
    made = make_producer(settings, client_id="replay")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def replay(stack: Stack) -> None:
    """Send every message that any service has ever sent once more, in its order."""
    async with producer(stack) as kafka:
        for service in Service:
            connection = await asyncpg.connect(stack.postgres.url(service))
            rows = await connection.fetch(
                "SELECT topic, application, payload FROM outbox WHERE state = 'closed' ORDER BY id"
            )
            await connection.close()
            for row in rows:
                await kafka.send(row["topic"], row["payload"], key=row["application"].encode())
        await kafka.flush()


# The controls: the same faults with one guard off.


async def lose_what_the_broker_has(at: County) -> list[str]:
    """Wipe the broker while it has tasks that the departments have not read; return the numbers."""
    departments = at.stack.part(Service.DEPARTMENTS).child
    departments.pause()
    try:
        numbers = await at.submit(2)
        connection = await asyncpg.connect(at.stack.postgres.url(Service.ORCHESTRATOR))

        async def sent() -> bool:
            query = (
                "SELECT count(DISTINCT application) = 2 AND bool_and(state <> 'pending') "
                "FROM outbox WHERE topic LIKE 'lianshen.tasks.%' AND application = ANY ($1)"
            )
            found: bool = await connection.fetchval(query, numbers)
            return found

        await until(sent, 30, "the broker has the tasks")
        await connection.close()
        await at.stack.wipe_broker()
    finally:
        departments.resume()
    return numbers


async def test_receipts_save_what_a_wiped_broker_had(guarded: County) -> None:
    numbers = await lose_what_the_broker_has(guarded)
    async with guarded.at_work():
        found = await guarded.all_concluded(numbers, SECONDS)
    assert len(found) == 2
    report = await verify(guarded.stack.data, settle=SETTLE)
    assert report.clean, said(report)


async def test_without_receipts_it_is_lost(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Must fail to conclude: it shows that receipts are what saves the test above."""
    off = {"LIANSHEN_KAFKA__RECEIPTS": "false"}
    stack = restaurant(tmp_path_factory.mktemp("trusting"), environment=off)
    async with stack, county(stack, SCENARIO) as at, at.at_work():
        healthy = await at.submit(1)
        assert len(await at.all_concluded(healthy, SECONDS)) == 1, "not for want of a fault"
        lost = await lose_what_the_broker_has(at)

        async def well_again() -> bool:
            return bool(await at.all_concluded(await at.submit(1), 5))

        await until(well_again, SECONDS, "the stack itself is well again")
        assert not await at.concluded(lost)
        report = await verify(stack.data, settle=3)
        subjects = {finding.subject.partition("/")[0] for finding in report.violations}
        assert subjects >= set(lost), said(report)
        assert any("does not have it" in finding.message for finding in report.violations)


async def test_without_the_inbox_messages_are_doubled(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Must come to harm: the same replay as above, with intake applying whatever comes."""
    off = {Service.INTAKE: {"LIANSHEN_KAFKA__DEDUP": "false"}}
    stack = restaurant(tmp_path_factory.mktemp("credulous"), only=off)
    async with stack, county(stack, SCENARIO) as at:

        def half(task: dict[str, object]) -> dict[str, object] | None:
            return favourable(task) if task["item"] == "BUSINESS-LICENCE" else None

        async with at.at_work(half):
            [number] = await at.submit(1)

            async def shown() -> bool:
                results = await at.investor.get(f"/v1/applications/{number}/results")
                return bool(results["items"])

            await until(shown, 30, "the first result")
        await replay(stack)

        async def harmed() -> bool:
            report = await verify(stack.data, settle=2)
            return not report.clean

        await until(harmed, 60, "verify is red")
