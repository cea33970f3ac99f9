"""A workflow whose first turn was carried out before it: what it arms, and when."""

from datetime import timedelta
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from services.domain.case import IssueTask, RaiseSignal
from services.orchestrator.worker import sandbox
from services.orchestrator.workflow import ApplicationWorkflow
from tests.unit.routes import START, decide, route, step
from tests.workflow.conftest import Shell, beginning

WAITED = timedelta(days=1)


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
