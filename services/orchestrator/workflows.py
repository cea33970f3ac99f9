"""Which workflows run, for tools that compare them with the stores."""

from temporalio.service import RPCError

from services.orchestrator import worker
from services.orchestrator.settings import TemporalSettings
from services.orchestrator.workflow import WORKFLOW, workflow_id

RUNNING = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running'"


class TemporalAwayError(Exception):
    """Temporal does not answer."""


async def running_applications(settings: TemporalSettings) -> frozenset[str]:
    """Return the numbers of the applications whose workflows run. Raises TemporalAwayError."""
    prefix = workflow_id("")
    try:
        client = await worker.connect(settings)
        return frozenset(
            [found.id.removeprefix(prefix) async for found in client.list_workflows(RUNNING)]
        )
    except (RuntimeError, RPCError) as error:
        raise TemporalAwayError(type(error).__name__) from error
