"""Temporal has lost its workflows: they are made again from Postgres, and go on."""

import asyncio
from typing import Any

import orjson
import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from services.contracts.events import ApplicationWithdrawn
from services.contracts.vocabulary import Outcome, Service, Signal
from services.orchestrator import deliver
from services.orchestrator.deliver import WorkflowLostError
from services.orchestrator.rebuild import Rebuilder, Rebuilt
from services.orchestrator.reprojection import Calendars
from services.orchestrator.signalling import SHADOW
from services.orchestrator.workflow import workflow_id
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    DAY,
    DRAINS,
    FIRE,
    FOOD,
    HEALTH,
    HOUR,
    LICENCE,
    SIGN,
    START,
    Engine,
    Kit,
    decided,
    engine,
    shelf,
    submitted,
    task,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


async def rebuild(running: Engine, application: str | None = None, **how: Any) -> Rebuilt:
    kit = running.kit
    rebuilder = Rebuilder(
        pool=kit.pool,
        client=running.client,
        task_queue=running.settings.task_queue,
        calendars=Calendars(kit.pool, lambda: shelf().calendar),
        clock=kit.clock,
    )
    return await rebuilder.run(application, **how)


async def lose(running: Engine, *numbers: str) -> None:
    """Let Temporal forget workflows as if they had never been."""
    client = running.client
    for number in numbers:
        execution = WorkflowExecution(workflow_id=workflow_id(number))
        await client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        )

    async def gone() -> bool:
        return all([await status_of(running, number) is None for number in numbers])

    await until(gone, "the workflows are forgotten", seconds=20)


async def status_of(running: Engine, number: str) -> WorkflowExecutionStatus | None:
    try:
        return (await running.handle(number).describe()).status
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def reached(kit: Kit, application: str, turn: int) -> None:
    async def there() -> bool:
        query = "SELECT turn FROM application WHERE number = $1"
        return bool(await kit.value(query, application) >= turn)

    await until(there, f"turn {turn} of {application}", seconds=20)


async def begun(running: Engine) -> str:
    """An application whose first permit is granted and whose second is still open: two turns."""
    number = await running.kit.received()
    await running.deliver()
    await reached(running.kit, number, 1)
    await running.kit.take(decided(task(number, LICENCE)))
    await running.deliver()
    await reached(running.kit, number, 2)
    return number


async def conclude(running: Engine, number: str) -> None:
    """Let the departments do what is left of an application that has `begun`."""
    kit = running.kit
    await kit.take(decided(task(number, DRAINS)))
    await running.deliver()
    await reached(kit, number, 3)
    opinion = decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION)
    await kit.take(*(decided(task(number, item)) for item in (FIRE, FOOD, SIGN)), opinion)
    await running.deliver()
    assert await running.ended(number) == "granted"


async def turns_of(kit: Kit, number: str) -> list[int]:
    rows = await kit.rows("SELECT turn FROM journal WHERE application = $1 ORDER BY turn", number)
    return [row["turn"] for row in rows]


async def test_a_lost_workflow_goes_on_and_ends_once(kit: Kit, running: Engine) -> None:
    async with running.working():
        number = await begun(running)
        before = await running.handle(number).query("case")
        await lose(running, number)
        found = await rebuild(running)
        assert (found.started, found.there, found.again, found.failed) == ([number], [], 0, {})
        assert await running.handle(number).query("case") == before
        await conclude(running, number)
    assert await turns_of(kit, number) == [1, 2, 3, 4]
    assert await kit.value("SELECT count(*) FROM result WHERE application = $1", number) == 5
    told = [one["concluded"] for one in await kit.progressed(number) if one.get("concluded")]
    assert [one["conclusion"] for one in told] == ["granted"]


async def test_what_temporal_took_and_no_turn_applied_is_delivered_again(
    kit: Kit, running: Engine
) -> None:
    async with running.working():
        number = await begun(running)
    await kit.take(decided(task(number, DRAINS)))
    await running.deliver()  # nobody works: the signal is in the history that is lost
    assert await kit.undelivered() == 0
    await lose(running, number)
    found = await rebuild(running)
    assert (found.started, found.again) == ([number], 1)
    async with running.working():
        assert await running.deliver() == 1
        await reached(kit, number, 3)
    states = await kit.tasks(number)
    assert [state for name, state in states.items() if name.startswith(DRAINS)] == ["decided"]


async def test_what_was_never_begun_is_begun_by_its_submission(kit: Kit, running: Engine) -> None:
    """Temporal took it, and was lost before its workflow wrote a turn, as once it could be."""
    number = await kit.received()
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    found = await rebuild(running)
    assert (found.started, found.waiting, found.again) == ([], [number], 1)
    async with running.working():
        assert await running.deliver() == 1
        await reached(kit, number, 1)


async def test_a_deadline_speaks_in_a_workflow_that_was_made_again(
    kit: Kit, running: Engine
) -> None:
    async with running.working():
        number = await begun(running)
        await lose(running, number)
        kit.clock.move_to(START + 60 * DAY)
        assert (await rebuild(running)).started == [number]
        await reached(kit, number, 3)
    said = await kit.rows("SELECT signal FROM deadline_signal WHERE application = $1", number)
    assert Signal.PROMISE_PASSED in {row["signal"] for row in said}


async def test_until_then_messages_wait_and_are_not_lost(kit: Kit, running: Engine) -> None:
    async with running.working():
        number = await begun(running)
        await lose(running, number)
        await kit.take(decided(task(number, DRAINS)))
        with pytest.raises(WorkflowLostError):
            await running.deliver()
        assert await kit.undelivered() == 1
        await rebuild(running)
        again = await engine(kit, running.client.service_client.config.target_host)
        again.deliverer._task_queue = running.settings.task_queue
        assert await again.deliver() == 1
        await reached(kit, number, 3)


async def lost_asleep(running: Engine) -> str:
    """An application whose workflow was lost asleep, with a decision that waits for it."""
    number = await running.kit.received()
    await running.deliver()
    await lose(running, number)
    await running.kit.take(decided(task(number, LICENCE)))
    return number


async def looked_for_in_vain(running: Engine) -> str:
    number = await lost_asleep(running)
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    return number


async def test_one_that_was_lost_asleep_is_not_woken_but_lost(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What woke it in vain leaves a shadow that does not run, and takes no message again."""
    monkeypatch.setattr(deliver, "LOST_AGAIN_S", 0.0)
    number = await looked_for_in_vain(running)
    assert await status_of(running, number) is WorkflowExecutionStatus.TERMINATED
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    assert await kit.undelivered() == 1


@pytest.mark.parametrize("running_on", [False, True], ids=["terminated", "left-by-a-crash"])
async def test_a_shadow_does_not_hinder_the_rebuild(
    kit: Kit, running: Engine, running_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LOST_AGAIN_S", 0.0)
    number = await looked_for_in_vain(running)
    if running_on:
        await running.client.start_workflow(
            SHADOW, id=workflow_id(number), task_queue=SHADOW, execution_timeout=HOUR
        )
    assert (await rebuild(running)).started == [number]
    async with running.working():
        assert await running.deliver() == 1
        await reached(kit, number, 2)
    assert await turns_of(kit, number) == [1, 2]


async def test_a_shadow_that_comes_during_the_rebuild_does_not_hinder_it(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deliverer looks for the workflow after the rebuild has seen that there is none."""
    number = await lost_asleep(running)
    make = Rebuilder._make

    async def late(self: Rebuilder, *of: Any) -> None:
        monkeypatch.setattr(Rebuilder, "_make", make)
        with pytest.raises(WorkflowLostError):
            await running.deliver()
        await make(self, *of)

    monkeypatch.setattr(Rebuilder, "_make", late)
    assert (await rebuild(running)).started == [number]
    assert await status_of(running, number) is WorkflowExecutionStatus.RUNNING


async def test_a_shadow_that_could_not_be_ended_takes_no_message(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LOST_AGAIN_S", 0.0)

    async def refused(*_: Any, **__: Any) -> None:
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(WorkflowHandle, "terminate", refused)
    number = await looked_for_in_vain(running)

    async def over() -> bool:
        return await status_of(running, number) is WorkflowExecutionStatus.TIMED_OUT

    await until(over, "the shadow ends by itself", seconds=20)
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    assert await kit.undelivered() == 1


def unanswered(running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next call that wakes do what it does, and its answer be lost."""
    service = running.client.workflow_service
    wake = service.signal_with_start_workflow_execution

    async def once(*of: Any, **how: Any) -> None:
        await wake(*of, **how)
        monkeypatch.setattr(service, "signal_with_start_workflow_execution", wake)
        raise RPCError("connection reset", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(service, "signal_with_start_workflow_execution", once)


async def test_a_shadow_that_nobody_knows_of_takes_no_message(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lost_asleep(running)
    unanswered(running, monkeypatch)
    with pytest.raises(RPCError, match="reset"):
        await running.deliver()
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    assert await kit.undelivered() == 1


async def test_a_message_whose_answer_was_lost_is_applied_once(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await kit.received()
    async with running.working():
        await running.deliver()
        await kit.take(decided(task(number, LICENCE)))
        unanswered(running, monkeypatch)
        with pytest.raises(RPCError, match="reset"):
            await running.deliver()
        assert await running.deliver() == 1
        await reached(kit, number, 2)
        await kit.take(decided(task(number, DRAINS)))
        await running.deliver()

        async def released() -> bool:
            query = "SELECT count(*) FROM result WHERE application = $1"
            return bool(await kit.value(query, number) >= 2)

        await until(released, "both permits", seconds=20)
    rows = await kit.rows("SELECT commands FROM journal WHERE application = $1", number)
    commands = [one for row in rows for one in orjson.loads(row["commands"])]
    ended = [one["task"] for one in commands if one["type"] == "EndTask"]
    assert sorted(ended) == sorted([task(number, LICENCE), task(number, DRAINS)])


async def test_what_runs_and_what_is_over_is_left_alone(kit: Kit, running: Engine) -> None:
    async with running.working():
        alive = await begun(running)
        over = await kit.received()
        await kit.take(ApplicationWithdrawn(application=over, withdrawn_at=START + HOUR))
        await running.deliver()
        await running.ended(over)
        run_id = (await running.handle(alive).describe()).run_id
        for _ in range(2):
            found = await rebuild(running)
            assert (found.started, found.there, found.failed) == ([], [alive], {})
        assert (await running.handle(alive).describe()).run_id == run_id
        await conclude(running, alive)


async def test_many_are_made_again_at_once(kit: Kit, running: Engine) -> None:
    events = [submitted() for _ in range(25)]
    numbers = [event.application for event in events]
    await kit.take(*events)
    async with running.working():
        await running.deliver()
        await asyncio.gather(*(reached(kit, number, 1) for number in numbers))
        await lose(running, *numbers)
        assert sorted((await rebuild(running)).started) == sorted(numbers)
        for number in numbers:
            await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        await running.deliver()
        assert [await running.ended(number) for number in numbers] == ["withdrawn"] * 25


async def test_a_workflow_that_was_stopped_by_hand_is_replaced_on_demand(
    kit: Kit, running: Engine
) -> None:
    async with running.working():
        number = await begun(running)
        await running.handle(number).terminate("by mistake")
        found = await rebuild(running)
        assert found.failed == {number: "its workflow is terminated without a conclusion"}
        assert (await rebuild(running, number, replace=True)).started == [number]
        assert (await rebuild(running, number, replace=True)).started == [number], "a running one"
        await conclude(running, number)
    assert await turns_of(kit, number) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM journal WHERE application = $1 AND turn = 1", "does not hold the turns"),
        (
            "UPDATE journal SET commands = '[]' WHERE application = $1 AND turn = 2",
            "turn 2 gives other commands today",
        ),
        (
            "UPDATE application SET route = jsonb_set(route, '{calendar_version}', '\"1900\"')"
            " WHERE number = $1",
            "calendar 1900 is not kept here",
        ),
    ],
)
async def test_what_cannot_be_made_again_is_named_and_nothing_of_it_is_done(
    kit: Kit, running: Engine, damage: str, why: str
) -> None:
    async with running.working():
        number = await begun(running)
    await lose(running, number)
    await kit.pool.execute(damage, number)
    found = await rebuild(running)
    assert found.started == []
    assert why in found.failed[number]
    assert await status_of(running, number) is None


async def test_it_is_in_the_log_of_acts(kit: Kit, running: Engine) -> None:
    async with running.working():
        number = await begun(running)
    await lose(running, number)
    await rebuild(running)
    [row] = await kit.rows("SELECT body FROM audit_leaf WHERE act = 'rebuilt'")
    assert orjson.loads(row["body"])["facts"] == {"turn": 2, "again": []}
