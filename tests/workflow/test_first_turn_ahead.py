"""A workflow whose first turn was carried out before it: what it arms, and when."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from services.contracts.vocabulary import Outcome
from services.domain.case import Decided, IssueTask, RaiseSignal, Resumed
from services.domain.route import Route
from services.orchestrator.worker import sandbox
from services.orchestrator.workflow import ApplicationWorkflow
from tests.unit.routes import START, decide, route, step, task
from tests.workflow.conftest import Run, Shell, beginning, running

WAITED = timedelta(days=1)
LOOKED_AT = {
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_TIMER_FIRED,
}


async def test_a_first_task_that_comes_late_does_not_make_the_deadlines_late(
    env: WorkflowEnvironment,
) -> None:
    """The first task comes a day after the start: a day of the delay is over then."""
    shell = Shell(env, START, await env.get_current_time())
    of = route(step(decide("A", "x", promised=5)))
    start = await beginning(shell, of, START, ahead=True)
    [first] = shell.turns
    queue = f"test-{uuid4()}"
    handle = await env.client.start_workflow(
        ApplicationWorkflow.run,
        start,
        id=f"application/{uuid4()}",
        task_queue=queue,
        start_delay=WAITED,
    )
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[ApplicationWorkflow],
        activities=[shell.carry_out, shell.read_clock],
        workflow_runner=sandbox(),
    ):
        while not any(isinstance(one, RaiseSignal) for one in shell.commands):
            await env.sleep(timedelta(hours=1))
        spoke_at = await shell.now()
        await handle.terminate()
    due = START + timedelta(seconds=start["carried"]["delay"])
    assert due <= spoke_at < due + timedelta(hours=2)
    assert sum(isinstance(one, IssueTask) for one in shell.commands) == 1
    assert first["turn"] == 1


def two_steps() -> Route:
    return route(step(decide("A", "x", promised=5)), step(decide("B", "y", "A")))


async def a_turn_later(run: Run) -> None:
    before = len(run.shell.turns)
    await within_ten_days(run, lambda: len(run.shell.turns) > before)


async def a_deadline_speaks(run: Run) -> None:
    await within_ten_days(
        run, lambda: any(isinstance(one, RaiseSignal) for one in run.shell.commands)
    )


async def within_ten_days(run: Run, holds: Callable[[], bool]) -> None:
    """Look every hour of the server's skipping clock."""
    for _ in range(240):
        if holds():
            return
        await run.shell.env.sleep(timedelta(hours=1))
    pytest.fail("nothing happened within ten days")


async def it_is_just_due(run: Run) -> None:
    """The instant until which it was to sleep came within the last two hours."""
    now = await run.shell.now()
    [started, *_] = (await run.handle.fetch_history()).events
    await run.handle.terminate()
    slept = started.workflow_execution_started_event_attributes.first_workflow_task_backoff
    due = START + slept.ToTimedelta()
    assert due <= now < due + timedelta(hours=2)


async def test_one_that_sleeps_speaks_at_its_first_deadline(env: WorkflowEnvironment) -> None:
    async with running(env, two_steps(), START, asleep=True) as run:
        await a_turn_later(run)
        await it_is_just_due(run)


async def test_one_that_was_woken_early_sleeps_on(env: WorkflowEnvironment) -> None:
    """Its clock is behind Temporal's: the instant has not come when it wakes."""
    async with running(env, two_steps(), START, asleep=True) as run:
        run.shell.clock_behind = timedelta(hours=2)
        await a_turn_later(run)
        kinds = [event.event_type for event in (await run.handle.fetch_history()).events]
        await run.handle.terminate()
    assert [kind for kind in kinds if kind in LOOKED_AT][:4] == [
        EventType.EVENT_TYPE_MARKER_RECORDED,  # it looked at the clock,
        EventType.EVENT_TYPE_TIMER_STARTED,  # and went to sleep again,
        EventType.EVENT_TYPE_TIMER_FIRED,
        EventType.EVENT_TYPE_MARKER_RECORDED,
    ]


async def test_a_message_wakes_it_and_its_deadlines_go_on(env: WorkflowEnvironment) -> None:
    async with running(env, two_steps(), START, asleep=True) as run:
        granted = Decided(
            at=START + timedelta(hours=1), task=task("A", "x"), outcome=Outcome.GRANTED, ref="r"
        )
        await run.say(granted, asleep=True)
        await a_deadline_speaks(run)
        await run.handle.terminate()
    issued = [one.task for one in run.shell.commands if isinstance(one, IssueTask)]
    assert issued == [task("A", "x"), task("B", "y")]


async def test_what_changes_nothing_wakes_it_and_its_deadline_speaks(
    env: WorkflowEnvironment,
) -> None:
    async with running(env, two_steps(), START, asleep=True) as run:
        await run.say(Resumed(at=START + timedelta(hours=1)), asleep=True)
        await a_deadline_speaks(run)
        await it_is_just_due(run)
