"""The Temporal client and worker of this process."""

from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from services.orchestrator import plain_payloads
from services.orchestrator.activities import Activities
from services.orchestrator.converter import CONVERTER
from services.orchestrator.sandbox import SharingSandboxRunner
from services.orchestrator.settings import TemporalSettings
from services.orchestrator.workflow import ApplicationWorkflow

# What is deterministic by nature, and dear to import for every workflow. Never `services.domain`:
# a `date.today()` in it must fail here, not replay differently a month later.
PASSED_THROUGH = ("services.contracts", "msgspec")
TASKS_AT_ONCE = 100

plain_payloads.install()


async def connect(settings: TemporalSettings) -> Client:
    """Return a client. Raises RuntimeError when the server cannot be reached."""
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        tls=settings.tls,
        data_converter=CONVERTER,
        lazy=False,
    )


def sandbox() -> SandboxedWorkflowRunner:
    """Return the runner that workflows run in, in service and in tests."""
    return SharingSandboxRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def tuning(settings: TemporalSettings) -> dict[str, Any]:
    """Return how a worker works: what `Worker` takes beside its client, queue and code.

    A workflow task must end within ten seconds of its start, its database commit included. More
    tasks at a time than the process can do in a second or two would all be late, be given out
    again, and never end: what is over waits in Temporal's queue, where it costs nothing.
    """
    return {
        "workflow_runner": sandbox(),
        "max_cached_workflows": settings.cached_workflows,
        "max_concurrent_workflow_tasks": TASKS_AT_ONCE,
        "max_concurrent_local_activities": 500,
        "workflow_task_poller_behavior": PollerBehaviorAutoscaling(initial=4, maximum=20),
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=settings.sticky_timeout),
        "graceful_shutdown_timeout": timedelta(seconds=5),
    }


def build_worker(client: Client, settings: TemporalSettings, activities: Activities) -> Worker:
    """Return the worker; run it with `async with` or `run()`."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[ApplicationWorkflow],
        activities=[activities.carry_out, activities.read_clock],
        **tuning(settings),
    )
