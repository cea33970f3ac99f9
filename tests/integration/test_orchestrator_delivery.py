"""Inbox -> Temporal -> Postgres: every message reaches its workflow, once in effect."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from services.contracts.events import ApplicationRectified, ApplicationWithdrawn
from services.contracts.vocabulary import Outcome, Service
from services.orchestrator import deliver
from services.orchestrator.deliver import WorkflowLostError
from services.runtime.embedded.temporal import Temporal
from services.runtime.loops import Loop, Loops, Pace
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CITY,
    DRAINS,
    FIRE,
    FOOD,
    HEALTH,
    HOUR,
    JOINT,
    LICENCE,
    MARKET,
    SIGN,
    START,
    Engine,
    Kit,
    decided,
    engine,
    submitted,
    task,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


async def reached(kit: Kit, application: str, turn: int) -> None:
    """Wait until a turn of a workflow is written."""

    async def there() -> bool:
        query = "SELECT turn FROM application WHERE number = $1"
        return bool(await kit.value(query, application) >= turn)

    await until(there, f"turn {turn} of {application}", seconds=20)


async def started(running: Engine, *numbers: str) -> None:
    """Hand over submissions and wait for their first turns."""
    await running.deliver()
    for number in numbers:
        await reached(running.kit, number, 1)


async def events_of(running: Engine, number: str) -> Counter[int]:
    history = await running.handle(number).fetch_history()
    return Counter(event.event_type for event in history.events)


async def test_a_submission_starts_a_workflow_whose_tasks_are_written(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    async with running.working():
        assert await running.deliver() == 1
        await reached(kit, number, 1)
    assert await kit.tasks(number) == {
        f"{LICENCE}/{MARKET}/1": "open",
        f"{DRAINS}/{CITY}/1": "open",
    }
    assert await kit.undelivered() == 0
    found = await running.handle(number).describe()
    assert found.status is WorkflowExecutionStatus.RUNNING
    attributes = {pair.key.name: pair.value for pair in found.typed_search_attributes}
    assert attributes["ProjectCode"] == "P-2026-0001"
    assert attributes["Scenario"] == "restaurant"


async def test_an_application_runs_to_its_end(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        assert await running.deliver() == 2
        await reached(kit, number, 2)
        opinion = decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION)
        await kit.take(*(decided(task(number, item)) for item in (FIRE, FOOD, SIGN)), opinion)
        await running.deliver()
        assert await running.ended(number) == "granted"
    head = await kit.one("SELECT status, conclusion FROM application WHERE number = $1", number)
    assert tuple(head) == ("concluded", "granted")
    assert await kit.value("SELECT count(*) FROM result") == 5


async def test_everything_of_one_poll_is_one_signal_and_one_turn(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        await running.deliver()
        await reached(kit, number, 2)
        await kit.take(
            *(decided(task(number, item)) for item in (FIRE, FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION),
        )
        assert await running.deliver() == 4
        await running.ended(number)
    counted = await events_of(running, number)
    assert counted[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] == 2
    assert await kit.value("SELECT turn FROM application") == 3


async def test_what_comes_within_a_moment_is_one_signal_when_many_applications_move(
    kit: Kit, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "BUSY_S", 60.0)
    running = await engine(kit, temporal.address, pace=0.5)
    number, other = await kit.received(), await kit.received()
    async with running.working():
        await started(running, number, other)
        await kit.take(decided(task(number, LICENCE)))
        assert await running.deliver() == 0, "more may be said about it right now"
        await kit.take(decided(task(number, DRAINS)))

        async def delivered() -> bool:
            return await running.deliver() == 2

        await until(delivered, "both in one signal", seconds=20)
        await reached(kit, number, 2)
    counted = await events_of(running, number)
    assert counted[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] == 1


async def test_a_submission_and_its_withdrawal_of_one_poll(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    async with running.working():
        assert await running.deliver() == 2
        assert await running.ended(number) == "withdrawn"


async def test_many_applications_start_in_one_poll(kit: Kit, running: Engine) -> None:
    events = [submitted() for _ in range(30)]
    await kit.take(*events)
    async with running.working():
        assert await running.deliver() == 30
        for event in events:
            await reached(kit, event.application, 1)
    assert await kit.value("SELECT count(*) FROM task") == 60


async def test_what_is_delivered_twice_is_done_once(kit: Kit, running: Engine) -> None:
    """The process was killed between Temporal's answer and the mark in the inbox."""
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)))
        await running.deliver()
        await reached(kit, number, 2)
        tasks = await kit.tasks(number)

        await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
        assert await running.deliver() == 2
        await reached(kit, number, 3)
        assert await kit.undelivered() == 0

        assert await kit.tasks(number) == tasks
        assert await kit.value("SELECT count(*) FROM result WHERE item = $1", LICENCE) == 1
        third = await kit.one("SELECT commands FROM journal WHERE turn = 3")
        assert '"Ignore"' in third["commands"]


async def test_a_message_after_the_end_is_delivered_and_forgotten(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        await running.deliver()
        await running.ended(number)
        await kit.take(decided(task(number, LICENCE)))
        assert await running.deliver() == 1
    assert await kit.undelivered() == 0
    assert await kit.value("SELECT status FROM application") == "withdrawn"


async def test_an_application_that_is_over_does_not_run_again(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        await running.deliver()
        await running.ended(number)
        run = (await running.handle(number).describe()).run_id

        await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
        assert await running.deliver() == 2
        after = await running.handle(number).describe()
    assert after.run_id == run
    assert after.status is WorkflowExecutionStatus.COMPLETED
    assert await kit.value("SELECT turn FROM application") == 2


async def test_a_lost_workflow_keeps_its_messages_and_holds_nobody_else_up(
    kit: Kit, running: Engine
) -> None:
    lost, unknown, well = [await kit.received() for _ in range(3)]
    async with running.working():
        await started(running, lost, unknown, well)
        await running.handle(lost).terminate("by hand")
        await kit.take(*(decided(task(number, LICENCE)) for number in (lost, well)))
        with pytest.raises(WorkflowLostError, match=lost):
            await running.deliver()
        await reached(kit, well, 2)
        rows = await kit.rows("SELECT application FROM inbox WHERE delivered_at IS NULL")
        assert [row["application"] for row in rows] == [lost]


async def test_a_workflow_that_temporal_never_had_is_lost_too(kit: Kit, running: Engine) -> None:
    """Its start was marked as delivered, and then Temporal's store was replaced by an empty one."""
    number = await kit.received()
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    with pytest.raises(WorkflowLostError, match=number):
        await running.deliver()
    assert await kit.undelivered() == 1


async def test_a_lost_workflow_does_not_slow_the_others_down(kit: Kit, running: Engine) -> None:
    """The loop goes on at full speed, and counts as alive, beside what it cannot hand over."""
    lost, well = await kit.received(), await kit.received()
    async with running.working():
        await started(running, lost, well)
        await running.handle(lost).terminate("by hand")
        await kit.take(decided(task(lost, LICENCE)))
        loop = Loop(name="deliverer", body=running.deliverer.run)
        async with Loops([loop], service="test", pool=None) as loops:
            pulse = loops.pulses["deliverer"]

            async def reported() -> bool:
                return pulse.detail == "workflow_lost=1"

            await until(reported, "the loss is in the heartbeat")
            # A loop that backs off would wait for seconds between two of these.
            begun = time.monotonic()
            for turn, item in ((2, LICENCE), (3, DRAINS)):
                await kit.take(decided(task(well, item)))
                running.deliverer.wake.set()
                await reached(kit, well, turn)
            assert time.monotonic() - begun < 3
            assert pulse.since_progress < 3
    assert await kit.undelivered() == 1


async def test_a_lost_workflow_that_is_back_gets_its_messages(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put Temporal's store back from a copy."""
    monkeypatch.setattr(deliver, "LOST_AGAIN_S", 0.2)
    number = await kit.received()
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
    async with running.working():

        async def delivered() -> bool:
            return await running.deliver() == 2

        await until(delivered, "both messages", seconds=10)
        assert await running.ended(number) == "withdrawn"


async def test_what_waits_while_no_worker_runs_is_done_when_one_comes(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    await running.deliver()
    assert await kit.undelivered() == 0
    async with running.working():
        await reached(kit, number, 1)


async def test_a_rectified_step_goes_round_again(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        await running.deliver()
        await reached(kit, number, 2)
        await kit.take(
            decided(task(number, FIRE), Outcome.REFUSED),
            *(decided(task(number, item)) for item in (FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION),
        )
        await running.deliver()
        await reached(kit, number, 3)
        await kit.take(
            ApplicationRectified(
                application=number, step=JOINT, round=1, rectified_at=START + timedelta(days=1)
            )
        )
        await running.deliver()
        await reached(kit, number, 4)
        assert (await kit.tasks(number))[f"{FIRE}/{BRIGADE}/2"] == "open"
        kit.clock.advance(timedelta(days=1))
        again: Any = decided(task(number, FIRE, round_=2), decided_at=START + timedelta(days=1))
        await kit.take(again)
        await running.deliver()
        assert await running.ended(number) == "granted"


async def test_no_free_text_and_no_person_enters_a_history(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(
            decided(task(number, LICENCE), Outcome.REFUSED, reasons=("张三的证件过期",)),
            decided(task(number, DRAINS), result_number="文号-张三"),
        )
        await running.deliver()
        await reached(kit, number, 2)
        kept = await running.kept(number)
    assert number.encode() in kept, "what is there is found"
    for text in ("张三", *submitted().applicant_refs):
        assert text.encode() not in kept
        assert json.dumps(text).strip('"').encode() not in kept
