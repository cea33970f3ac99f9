"""The sandbox is on, and the domain is in it: what is not deterministic fails at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkflowInstance, WorkflowInstanceDetails
from temporalio.workflow import _Definition as Definition

from services.orchestrator.sandbox import SharingSandboxRunner, ThreadContext
from services.orchestrator.worker import PASSED_THROUGH, sandbox
from services.orchestrator.workflow import ApplicationWorkflow
from tests.workflow.clocked import Clocked


async def run(env: WorkflowEnvironment, what: str) -> str:
    queue = f"sandbox-{uuid4()}"
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[Clocked],
        workflow_runner=sandbox(),
        workflow_failure_exception_types=[Exception],
    ):
        found: str = await env.client.execute_workflow(
            Clocked.run, what, id=f"sandbox/{uuid4()}", task_queue=queue
        )
        return found


@pytest.mark.parametrize("what", ["domain's date", "domain's datetime", "dice", "file"])
async def test_what_is_not_deterministic_is_refused(env: WorkflowEnvironment, what: str) -> None:
    with pytest.raises(WorkflowFailureError) as failure:
        await run(env, what)
    assert "Cannot access" in str(failure.value.cause)


async def test_a_date_that_is_given_is_allowed(env: WorkflowEnvironment) -> None:
    assert await run(env, "a given date") == "2026-03-02"


def test_the_domain_is_not_passed_through() -> None:
    through = sandbox().restrictions.passthrough_modules
    assert set(PASSED_THROUGH) <= through
    assert not [name for name in through if name.startswith("services.domain")]
    assert "services" not in through
    assert not sandbox().restrictions.passthrough_all_modules


async def test_workflows_share_what_the_sandbox_imported() -> None:
    seen: list[type] = []

    class Noting(SharingSandboxRunner):
        def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
            instance = super().create_instance(det)
            seen.append(instance.globals_and_locals["__temporal_workflow_class"])  # type: ignore[attr-defined]  # internal
            return instance

    runner = Noting(restrictions=sandbox().restrictions)
    for _ in range(2):
        runner.prepare_workflow(Definition.must_from_class(ApplicationWorkflow))
    assert seen[0] is seen[1]
    assert seen[0] is not ApplicationWorkflow


def test_one_thread_in_a_workflow_does_not_restrict_another() -> None:
    context = ThreadContext()
    context.is_runtime = context.in_activation = True
    with ThreadPoolExecutor(1) as other:
        assert other.submit(lambda: (context.is_runtime, context.in_activation)).result() == (
            False,
            False,
        )
    assert (context.is_runtime, context.in_activation) == (True, True)
