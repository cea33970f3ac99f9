"""Workflows that do what must not be done: read a clock, roll dice, open a file."""

from pathlib import Path
from uuid import uuid4

from temporalio import workflow

from services.domain import calendar


@workflow.defn(name="clocked")
class Clocked:
    """Does what its argument says."""

    @workflow.run
    async def run(self, what: str) -> str:
        """Return what was found, if anything was."""
        match what:
            case "domain's date":
                return str(calendar.date.today())
            case "domain's datetime":
                return str(calendar.datetime.now(calendar.UTC))
            case "dice":
                return str(uuid4())
            case "file":
                return Path(__file__).read_text()  # noqa: ASYNC240  what must be refused
            case _:
                return str(calendar.date(2026, 3, 2))
