"""A workflow that was changed without care; it imports no more than the sandbox takes."""

import asyncio
from typing import Any

from temporalio import workflow

from services.orchestrator.workflow import WORKFLOW, ApplicationWorkflow


@workflow.defn(name=WORKFLOW)
class ShellThatSleepsFirst(ApplicationWorkflow):
    """The same workflow with one more command in front: what a careless change looks like."""

    @workflow.init
    def __init__(self, start: dict[str, Any]) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: dict[str, Any]) -> str:
        await asyncio.sleep(1)
        return await super().run(start)
