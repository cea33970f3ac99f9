"""The Temporal client and worker of this process."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from services.orchestrator.activities import Activities
from services.orchestrator.settings import TemporalSettings
from services.orchestrator.workflow import ApplicationWorkflow

# What is deterministic by nature, and dear to import for every workflow. Never `services.domain`:
# a `date.today()` in it must fail here, not replay differently a month later.
PASSED_THROUGH = ("services.contracts", "msgspec")


async def connect(settings: TemporalSettings) -> Client:
    """Return a client. Raises RuntimeError when the server cannot be reached."""
    return await Client.connect(
        settings.address, namespace=settings.namespace, tls=settings.tls, lazy=False
    )


def sandbox() -> SandboxedWorkflowRunner:
    """Return the runner that workflows run in, in service and in tests."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def build_worker(client: Client, settings: TemporalSettings, activities: Activities) -> Worker:
    """Return the worker; run it with `async with` or `run()`."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[ApplicationWorkflow],
        activities=[activities.carry_out, activities.read_clock],
        workflow_runner=sandbox(),
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_workflow_tasks=200,
        max_concurrent_local_activities=500,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(initial=4, maximum=20),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
