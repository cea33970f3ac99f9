"""A whole stack with simulated people: investors who hand in, windows that work by verdict."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.contracts.vocabulary import Service
from services.demonstration import investor
from services.demonstration.caller import Caller
from services.demonstration.officers import Verdict, Window, favourable, open_windows
from services.runtime import calendar_files, catalogue_files, clock
from services.runtime.clock import WorkingClock
from services.runtime.embedded.ports import Ports
from services.runtime.embedded.service import ServiceSpec
from services.runtime.embedded.stack import Stack

SECONDS = 1.5
"""A working day."""
LOOK_S = 0.1
CALENDAR = Path("deploy/calendar")
Progress = dict[str, Any]
Task = dict[str, Any]


def silent(_: Task) -> None:
    """Leave everything alone."""


def refusal(reason: str) -> dict[str, Any]:
    return {"outcome": "refused", "reasons": [reason], "remedies": ["六十日内可申请行政复议"]}


def any_ports(data: Path) -> None:
    """Give a folder ports of its own: two stacks that start together must not choose the same."""
    data.mkdir(parents=True, exist_ok=True)
    ports = Ports(data / "ports.json")
    for name in (*Service, "temporal-ui", "viewer"):
        ports.take(name)


async def until(
    true: Callable[[], Awaitable[bool]], what: str, seconds: float = 60, look: float = LOOK_S
) -> None:
    """Poll until something is true. Fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(look)


@dataclass(kw_only=True)
class Town:
    """One stack and everybody who uses it."""

    stack: Stack
    scenario: str
    investor: Caller
    operator: Caller
    clock: WorkingClock
    windows: dict[str, Window] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    working: "asyncio.Future[Any] | None" = None

    def judge(self, task: Task) -> dict[str, Any] | None:
        """End a task as its application's verdict says; one that is not known yet waits."""
        return self.verdicts.get(task["application"], silent)(task)

    async def submit(self, verdict: Verdict = favourable, **changes: Any) -> str:
        """Hand in one application, whose tasks will end by the verdict; return its number."""
        receipt = await investor.submit(self.investor, self.scenario, **changes)
        number: str = receipt["number"]
        self.verdicts[number] = verdict
        return number

    async def progress(self, number: str) -> Progress:
        found: Progress = await self.investor.get(f"/v1/applications/{number}/progress")
        return found

    async def results(self, number: str) -> dict[str, dict[str, Any]]:
        """The results that are out, by item."""
        found = await self.investor.get(f"/v1/applications/{number}/results")
        return {one["item"]: one for one in found["items"]}

    async def operated(self, number: str) -> dict[str, Any]:
        """The application as an operator sees it."""
        found: dict[str, Any] = await self.operator.get(f"/v1/applications/{number}")
        return found

    async def until(
        self, number: str, true: Callable[[Progress], bool], what: str, seconds: float = 60
    ) -> Progress:
        """Watch an application until something is true of its progress."""
        found: Progress = {}

        async def there() -> bool:
            nonlocal found
            if self.working is not None and self.working.done():
                self.working.result()
            found = await self.progress(number)
            return true(found)

        await until(there, f"{number}: {what}", seconds)
        return found

    async def concluded(self, number: str, seconds: float = 60) -> Progress:
        """Wait for the end of an application."""
        return await self.until(
            number, lambda found: found["conclusion"] is not None, "its conclusion", seconds
        )

    async def queue(self, department: str, number: str, state: str) -> list[Task]:
        """What of an application is in a department's queue, in one state."""
        officer = self.windows[department].officer
        found: list[Task] = (await officer.get("/v1/tasks", state=state, q=number))["items"]
        return found


@asynccontextmanager
async def open_town(data: Path, catalogue: Path, scenario: str) -> AsyncIterator[Town]:
    """Start a stack on a county's catalogue and open every window."""
    any_ports(data)
    departments = {
        found.code for one in catalogue_files.load_all(catalogue) for found in one.departments
    }
    stack = Stack(
        data,
        services=[ServiceSpec.of(service) for service in Service],
        departments=sorted(departments),
        seconds_per_working_day=SECONDS,
        viewer=False,
        catalogue_folder=catalogue,
    )
    async with stack, AsyncExitStack() as people:
        assert stack.clock_file is not None
        town = Town(
            stack=stack,
            scenario=scenario,
            investor=await people.enter_async_context(
                Caller(stack.urls["intake"], stack.tokens("investor"))
            ),
            operator=await people.enter_async_context(
                Caller(stack.urls["orchestrator"], stack.tokens("operator"))
            ),
            clock=clock.read(stack.clock_file, calendar_files.load(CALENDAR)),
        )
        windows = await open_windows(
            people,
            stack.urls["departments"],
            stack.departments,
            tokens=stack.tokens,
            clock=town.clock,
            seed=7,
            verdict=town.judge,
        )
        town.windows = {window.department: window for window in windows}
        town.working = asyncio.gather(*(window.work() for window in windows))
        try:
            yield town
        finally:
            town.working.cancel()
            await asyncio.gather(town.working, return_exceptions=True)
