"""Hands events to the workflow of an application, which may be asleep in Temporal (ADR 0020).

A workflow that sleeps keeps a signal and sleeps on; a signal with a start wakes it. But that starts
a workflow where there is none, and what is lost is an operator's matter (`rebuild.py`). So what it
would start is a shadow: of a type and on a queue that nobody works for, and terminated at once.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from services.orchestrator.workflow import DELIVER, workflow_id

SHADOW = "shadow"
"""Workflow type and task queue of what stands where a workflow was lost; `rebuild.py` passes it."""
_SHADOW_LASTS = timedelta(seconds=10)


class NoWorkflowError(Exception):
    """No workflow of this application is running."""


class Signaller:
    """Speaks to workflows that run."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def signal(self, number: str, events: list[Any], *, asleep: bool) -> None:
        """Hand events over.

        Args:
            number: of the application.
            events: of the core, as plain values.
            asleep: whether the workflow may not have been given its first task yet.

        Raises:
            NoWorkflowError: it has ended, or Temporal does not know it.
            RPCError: Temporal cannot be reached, or refuses.
        """
        try:
            if asleep:
                await self._wake(number, events)
            else:
                handle = self._client.get_workflow_handle(workflow_id(number))
                await handle.signal(DELIVER, events)
        except RPCError as error:
            if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.ALREADY_EXISTS}:
                raise NoWorkflowError(number) from error
            raise

    async def _wake(self, number: str, events: list[Any]) -> None:
        request = SignalWithStartWorkflowExecutionRequest(
            namespace=self._client.namespace,
            workflow_id=workflow_id(number),
            signal_name=DELIVER,
            identity=self._client.identity,
            request_id=str(uuid4()),
            workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
            workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
        )
        request.workflow_type.name = request.task_queue.name = SHADOW
        request.workflow_execution_timeout.FromTimedelta(_SHADOW_LASTS)
        request.signal_input.payloads.extend(await self._client.data_converter.encode([events]))
        service = self._client.workflow_service
        answer = await service.signal_with_start_workflow_execution(request, retry=True)
        if answer.started:
            shadow = self._client.get_workflow_handle(workflow_id(number), run_id=answer.run_id)
            await shadow.terminate("the workflow of this application is lost")
            raise NoWorkflowError(number)
