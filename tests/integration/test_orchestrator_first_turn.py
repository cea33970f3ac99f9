"""The first turn is written by whoever starts the workflow: before it, and once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput
from temporalio.service import RPCError, RPCStatusCode

from services.contracts.vocabulary import Service
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    CITY,
    DAY,
    DRAINS,
    LICENCE,
    MARKET,
    START,
    Engine,
    Kit,
    decided,
    deliverer_of,
    engine,
    task,
)

FIRST = {f"{LICENCE}/{MARKET}/1": "open", f"{DRAINS}/{CITY}/1": "open"}


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


class Away(Interceptor):
    """No workflow can be started."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002  # theirs
        return Unreachable(next)


class Unreachable(OutboundInterceptor):
    async def start_workflow(self, _: StartWorkflowInput) -> Any:
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")


async def begun_without_temporal(kit: Kit, running: Engine) -> str:
    """Hand in an application while Temporal is away."""
    known: Any = {**running.client.config(), "interceptors": [Away()]}
    away = deliverer_of(kit, Client(**known), running.settings.task_queue)
    number = await kit.received()
    with pytest.raises(RPCError, match="refused"):
        await away.turn()
    return number


async def turns(kit: Kit, number: str) -> list[int]:
    rows = await kit.rows("SELECT turn FROM journal WHERE application = $1 ORDER BY turn", number)
    return [row["turn"] for row in rows]


async def test_departments_have_their_tasks_though_temporal_is_away(
    kit: Kit, running: Engine
) -> None:
    number = await begun_without_temporal(kit, running)
    assert await kit.tasks(number) == FIRST
    assert await kit.undelivered() == 1


async def test_a_start_that_failed_half_way_is_done_again_and_issues_nothing_twice(
    kit: Kit, running: Engine
) -> None:
    number = await begun_without_temporal(kit, running)
    written = await kit.value("SELECT count(*) FROM outbox WHERE application = $1", number)
    async with running.working():
        assert await running.deliver() == 1
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        sent = await kit.value("SELECT count(*) FROM outbox WHERE application = $1", number)
        await running.deliver()

        async def went_on() -> bool:
            return await turns(kit, number) == [1, 2]

        await until(went_on, "the second turn", seconds=20)
    assert sent == written
    assert {name: state for name, state in (await kit.tasks(number)).items() if name in FIRST} == (
        dict.fromkeys(FIRST, "decided")
    )


async def test_the_workflow_does_not_do_the_first_turn_again(kit: Kit, running: Engine) -> None:
    """Its history has the timer of the first turn, and no activity."""
    number = await kit.received()
    async with running.working():
        assert await running.deliver() == 1
        kinds: Counter[int] = Counter()

        async def armed() -> bool:
            history = await running.handle(number).fetch_history()
            kinds.clear()
            kinds.update(event.event_type for event in history.events)
            return bool(kinds[EventType.EVENT_TYPE_TIMER_STARTED])

        await until(armed, "the timer", seconds=20)
    assert kinds[EventType.EVENT_TYPE_MARKER_RECORDED] == 0
    assert await turns(kit, number) == [1]


async def test_a_deadline_speaks_though_the_first_turn_was_written_long_before(
    kit: Kit, running: Engine
) -> None:
    """The delay is that of the start that succeeded, not of the one that failed."""
    number = await begun_without_temporal(kit, running)
    kit.clock.move_to(START + 60 * DAY + timedelta(hours=1))
    async with running.working():
        await running.deliver()

        async def said() -> bool:
            query = "SELECT count(*) FROM deadline_signal WHERE application = $1"
            return bool(await kit.value(query, number))

        await until(said, "the deadline", seconds=20)
