"""The first turn is written by whoever starts the workflow: before it, and once."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput
from temporalio.service import RPCError, RPCStatusCode

from services.contracts.events import ApplicationWithdrawn
from services.contracts.vocabulary import Service
from services.domain.case import Withdrawn
from services.orchestrator.signalling import Signaller
from services.orchestrator.store import Store
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    CITY,
    DAY,
    DRAINS,
    HOUR,
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


async def kinds(running: Engine, number: str) -> list[str]:
    history = await running.handle(number).fetch_history()
    return [EventType.Name(event.event_type)[len("EVENT_TYPE_") :] for event in history.events]


async def sleeps(running: Engine, number: str) -> timedelta:
    [started, *_] = (await running.handle(number).fetch_history()).events
    said = started.workflow_execution_started_event_attributes.first_workflow_task_backoff
    return said.ToTimedelta()


async def a_second_before_the_first_instant(kit: Kit, running: Engine) -> datetime:
    """Move the clock there, for an application that is still to come; return the instant."""
    before = await kit.received()
    await running.deliver()
    ahead = kit.clock.now() + await sleeps(running, before)
    kit.clock.move_to(ahead - timedelta(seconds=1))
    return ahead


async def test_the_workflow_sleeps_until_its_first_instant(kit: Kit, running: Engine) -> None:
    """Temporal gives it no task before; the first turn is written all the same."""
    number = await kit.received()
    async with running.working():
        assert await running.deliver() == 1
        assert await kinds(running, number) == ["WORKFLOW_EXECUTION_STARTED"]
    assert await sleeps(running, number) > HOUR
    assert await turns(kit, number) == [1]


async def test_the_first_message_wakes_it(kit: Kit, running: Engine) -> None:
    """One task, one activity: what it does then is its whole life here."""
    number = await kit.received()
    async with running.working():
        await running.deliver()
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        assert await running.deliver() == 1
        assert await running.ended(number) == "withdrawn"
    assert await kinds(running, number) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "MARKER_RECORDED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
    assert await turns(kit, number) == [1, 2]


async def test_its_first_instant_wakes_it(kit: Kit, running: Engine) -> None:
    ahead = await a_second_before_the_first_instant(kit, running)
    number = await kit.received()
    async with running.working():
        await running.deliver()
        assert await kinds(running, number) == ["WORKFLOW_EXECUTION_STARTED"]
        kit.clock.move_to(ahead + timedelta(seconds=1))

        async def said() -> bool:
            return await turns(kit, number) == [1, 2]

        await until(said, "the first deadline", seconds=20)


async def test_what_was_only_signalled_is_applied_when_it_wakes(kit: Kit, running: Engine) -> None:
    """A deliverer that does not know that it sleeps: it hears at its first instant, not never."""
    ahead = await a_second_before_the_first_instant(kit, running)
    number = await kit.received()
    async with running.working():
        await running.deliver()
        withdrawn = msgspec.to_builtins([Withdrawn(at=START + HOUR, ref="by hand")])
        await Signaller(running.client).signal(number, withdrawn, asleep=False)
        kit.clock.move_to(ahead + timedelta(seconds=1))
        assert await running.ended(number) == "withdrawn"


async def test_what_another_process_started_meanwhile_is_woken_too(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the submission; the other was first, after this one had looked for sleepers."""
    number = await kit.received()
    async with running.working():
        await running.deliver()
        await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))

        async def none(*_: Any) -> frozenset[str]:
            return frozenset()

        monkeypatch.setattr(Store, "at_first_turn", none)
        assert await running.deliver() == 2
        assert await running.ended(number) == "withdrawn"


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
