"""Hands events to the workflow of an application, which may be asleep in Temporal (ADR 0020).

A workflow that sleeps keeps a signal and sleeps on; a signal with a start wakes it. But that starts
a workflow where there is none, and what is lost is an operator's matter (`rebuild.py`). So what it
would start is a shadow: of a type and on a queue that nobody works for, and ended at once.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from services.orchestrator.workflow import DELIVER, workflow_id

SHADOW = "lianshen-shadow"
"""Workflow type and task queue of what stands where a workflow was lost."""
_SHADOW_LASTS = timedelta(seconds=2)
_CALL = timedelta(seconds=10)
_NOT_THERE = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.ALREADY_EXISTS})

_log = structlog.get_logger(__name__)


class NoWorkflowError(Exception):
    """No workflow of this application is running."""


class Signaller:
    """Speaks to workflows that run."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client
        self._unsure: set[str] = set()
        """Who was called without an answer: the call may have started a shadow that would hear."""

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
            if error.status not in _NOT_THERE:
                raise
            self._unsure.discard(number)
            raise NoWorkflowError(number) from error

    async def _wake(self, number: str, events: list[Any]) -> None:
        if number in self._unsure and await end_shadow(self._client, number):
            raise NoWorkflowError(number)
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
        self._unsure.add(number)
        # Not tried again by the client: of a second attempt Temporal would not say what the first
        # has started.
        service = self._client.workflow_service
        answer = await service.signal_with_start_workflow_execution(request, timeout=_CALL)
        self._unsure.discard(number)
        if answer.started:
            await _terminate(self._client, number, answer.run_id)
            raise NoWorkflowError(number)


async def end_shadow(client: Client, number: str) -> bool:
    """End what stands under an application's name if it is a shadow; return whether it is one.

    Raises:
        RPCError: Temporal cannot be reached, or knows nothing under this name.
    """
    known = await client.get_workflow_handle(workflow_id(number)).describe()
    if known.workflow_type != SHADOW:
        return False
    if known.status is WorkflowExecutionStatus.RUNNING:
        await _terminate(client, number, known.run_id)
    return True


async def _terminate(client: Client, number: str, run: str) -> None:
    """Terminate a shadow. Where that fails, it ends by itself before anybody comes again."""
    shadow = client.get_workflow_handle(workflow_id(number), run_id=run)
    try:
        await shadow.terminate("the workflow of this application is lost")
    except RPCError as error:
        _log.warning("a shadow is left to end by itself", error=error.status.name)
