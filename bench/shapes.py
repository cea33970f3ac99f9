"""The two workflows the product is compared with. Imported by the sandbox: keep it small."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

ISSUE = "issue"
CARRY_OUT = "carry_out"
_LONG = timedelta(seconds=30)


@workflow.defn(name="naive")
class Naive:
    """What one writes first: an activity and a signal for every department."""

    def __init__(self) -> None:
        self._decided: dict[str, str] = {}

    @workflow.run
    async def run(self, application: str, departments: list[str]) -> dict[str, str]:
        """Return the outcomes when every department has decided."""
        await asyncio.gather(*(self._ask(application, code) for code in departments))
        return self._decided

    @workflow.signal
    def decide(self, department: str, outcome: str) -> None:
        """Take in the decision of one department."""
        self._decided[department] = outcome

    async def _ask(self, application: str, department: str) -> None:
        await workflow.execute_activity(
            ISSUE, args=[application, department], start_to_close_timeout=_LONG
        )
        await workflow.wait_condition(lambda: department in self._decided)


@workflow.defn(name="bare")
class Bare:
    """The cheapest shape known: one local activity for a step, one signal for its decisions."""

    def __init__(self) -> None:
        self._decided: dict[str, str] = {}

    @workflow.run
    async def run(self, application: str, departments: list[str]) -> dict[str, str]:
        """Return the outcomes when every department has decided."""
        await self._carry_out({"application": application, "issue": departments})
        await workflow.wait_condition(lambda: len(self._decided) == len(departments))
        await self._carry_out({"application": application, "results": self._decided})
        return self._decided

    @workflow.signal
    def deliver(self, decisions: dict[str, str]) -> None:
        """Take in all decisions of one poll."""
        self._decided |= decisions

    async def _carry_out(self, turn: dict[str, Any]) -> None:
        await workflow.execute_local_activity(CARRY_OUT, turn, start_to_close_timeout=_LONG)
