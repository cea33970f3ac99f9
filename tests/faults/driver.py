"""Simulated people under fault: they repeat what failed, under the same key, until it is answered.

An error does not mean that nothing was done, so every act keeps its Idempotency-Key through all its
tries; an officer's act that is refused because the task has ended was done by an earlier try.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from services.contracts.vocabulary import Service
from services.runtime.embedded.ports import Ports
from services.runtime.embedded.service import ServiceSpec
from services.runtime.embedded.stack import Stack
from services.runtime.embedded.tokens import TokenSource

AGAIN_S = 0.1
LOOK_S = 0.15
REFUSED_FROM = 400
SERVER_ERROR = 500
BUSY = {409, 429}
COMPANY = "91350100M000100Y43"
Task = dict[str, Any]
Verdict = Callable[[Task], dict[str, Any] | None]
"""From a task to how it ends; None leaves it alone."""


def favourable(task: Task) -> dict[str, Any]:
    """Grant, or have no objection."""
    if task["part"] == "consult":
        return {"outcome": "no_objection"}
    above = {} if task["authority"] == "representative" else {"decided_above": "上级机关已批准"}
    return {"outcome": "granted", **above}


def refused(_: Task) -> dict[str, Any]:
    """Refuse, with reasons and remedies."""
    return {"outcome": "refused", "reasons": ["不符合标准"], "remedies": ["可申请行政复议"]}


def objection(_: Task) -> dict[str, Any]:
    """Object, with reasons."""
    return {"outcome": "objection", "reasons": ["须补充说明"]}


RESTAURANT = Path(__file__).parents[1] / "fixtures" / "restaurant"
SCENARIO = "restaurant"
DEPARTMENTS = ("market-supervision", "fire-rescue", "city-appearance", "food-health")
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
IMPATIENT = {
    "LIANSHEN_KAFKA__RESEND_AFTER": "1",
    "LIANSHEN_KAFKA__RESEND_CAP": "4",
    "LIANSHEN_KAFKA__CHECK_EVERY": "0.5",
    "LIANSHEN_AUDIT__SEAL_SECONDS": "1",
}


def restaurant(
    data: Path,
    *,
    seconds_per_working_day: float = 2.0,
    environment: Mapping[str, str] | None = None,
    only: Mapping[Service, Mapping[str, str]] | None = None,
) -> Stack:
    """Return a whole stack on the small catalogue, its messages impatient; nothing is started.

    Args:
        data: its folder, which exists.
        seconds_per_working_day: of the business clock; it begins on a Monday in March 2026.
        environment: more variables for all services.
        only: more variables for single services.
    """
    ports = Ports(data / "ports.json")
    for part in (*Service, "temporal-ui"):
        ports.take(part)  # none of those that people type: another stack may want them just now
    apache = os.environ.get("LIANSHEN_TEST_BROKER") == "apache"
    return Stack(
        data,
        services=[_spec(service, (only or {}).get(service, {})) for service in Service],
        departments=DEPARTMENTS,
        seconds_per_working_day=seconds_per_working_day,
        broker="apache" if apache else "embedded",
        viewer=False,
        environment=IMPATIENT | dict(environment or {}),
        catalogue_folder=RESTAURANT,
        first_instant=MONDAY,
    )


def _spec(service: Service, variables: Mapping[str, str]) -> ServiceSpec:
    """Return a service with variables of its own."""
    plain = ServiceSpec.of(service)
    program = shutil.which("env")
    assert program is not None
    set_first = (program, *(f"{name}={value}" for name, value in variables.items()))
    command = (*set_first, *plain.command) if variables else plain.command
    return ServiceSpec(name=plain.name, command=command, migrate=plain.migrate)


class RefusedError(AssertionError):
    """A service refused what it should have taken."""


class Person:
    """One person at one service."""

    def __init__(self, url: str, tokens: TokenSource) -> None:
        self._tokens = tokens
        self.http = httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False)
        self.repeated = 0

    async def get(self, path: str, **query: Any) -> Any:
        return (await self._ask("GET", path, params=query)).json()

    async def post(self, path: str, body: Any = None, *, version: int | None = None) -> Any:
        headers = {"Idempotency-Key": str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return (await self._ask("POST", path, json=body, headers=headers)).json()

    async def _ask(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        headers = rest.pop("headers", {})
        while True:
            try:
                signed = headers | await self._tokens.headers()
                answer = await self.http.request(method, path, headers=signed, **rest)
            except httpx2.TransportError:  # done or not done: ask again
                answer = None
            if answer is not None and answer.status_code < REFUSED_FROM:
                return answer
            if answer is not None and not _worth_repeating(answer):
                raise RefusedError(f"{method} {path}: {answer.status_code} {answer.text}")
            self.repeated += 1
            await asyncio.sleep(AGAIN_S)


def _worth_repeating(answer: httpx2.Response) -> bool:
    if answer.status_code == 409:
        return "in-flight" in answer.text or "in_flight" in answer.text
    return answer.status_code in BUSY or answer.status_code >= SERVER_ERROR


@dataclass
class County:
    """Everybody who uses a stack: one investor, and a window for each department."""

    stack: Stack
    scenario: str
    investor: Person
    windows: dict[str, Person]
    numbers: list[str] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    _form: dict[str, Any] | None = None

    async def form(self) -> dict[str, Any]:
        """Return a complete application of the scenario's example."""
        if self._form is None:
            asked = await self.investor.get(f"/v1/catalogue/scenarios/{self.scenario}")
            question = {"scenario": self.scenario, "answers": asked["example"]}
            plan = await self.investor.post("/v1/plans", question)
            self._form = question | {
                "project": {"name": "故障演练", "address": "演练路 1 号"},
                "applicant": {
                    "name": "演练公司",
                    "kind": "company",
                    "id_number": COMPANY,
                    "phone": "0000-5550100",
                },
                "materials": [
                    {"material": one["id"], "reference": "演练"}
                    for one in plan["materials"]
                    if one["asked"]
                ],
            }
        return self._form

    async def submit(self, count: int = 1) -> list[str]:
        """Hand in applications at once; return their numbers."""
        form = await self.form()
        receipts = await asyncio.gather(
            *(self.investor.post("/v1/applications", form) for _ in range(count))
        )
        found = [receipt["number"] for receipt in receipts]
        self.numbers += found
        return found

    async def open_tasks(self, department: str) -> list[Task]:
        """Return a department's open tasks, soonest due first (a hundred at most)."""
        page = await self.windows[department].get("/v1/tasks", state="open", limit=100)
        found: list[Task] = page["items"]
        return found

    async def look(self, department: str, verdict: Verdict) -> int:
        """Let one department end what the verdict ends; return how many tasks it had open."""
        tasks = await self.open_tasks(department)
        entries = [
            {"id": task["id"], **body} for task in tasks if (body := verdict(task)) is not None
        ]
        if entries:
            window = self.windows[department]
            answer = await window.post("/v1/tasks/decisions", {"entries": entries})
            self.refusals += [one["problem"] for one in answer["results"] if one.get("problem")]
        return len(tasks)

    @asynccontextmanager
    async def at_work(self, verdict: Verdict = favourable) -> AsyncIterator[None]:
        """Let every department work in the background."""

        async def work(department: str) -> None:
            while True:
                await self.look(department, verdict)
                await asyncio.sleep(LOOK_S)

        tasks = [asyncio.create_task(work(department)) for department in self.windows]
        try:
            yield
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def concluded(self, numbers: Iterable[str]) -> dict[str, str]:
        """Return how applications were concluded, of those that were."""
        wanted, found = set(numbers), {}
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = await self.investor.get("/v1/applications", **query)
            for one in page["items"]:
                if one["number"] in wanted and one["conclusion"] is not None:
                    found[one["number"]] = one["conclusion"]
            if not page.get("next"):
                return found
            query["after"] = page["next"]

    async def all_concluded(self, numbers: Iterable[str], seconds: float) -> dict[str, str]:
        """Wait until all are concluded, or the time is over; return those that are."""
        wanted = list(numbers)
        deadline = time.monotonic() + seconds
        while len(found := await self.concluded(wanted)) < len(wanted):
            if time.monotonic() > deadline:
                return found
            await asyncio.sleep(LOOK_S)
        return found


@asynccontextmanager
async def county(stack: Stack, scenario: str) -> AsyncIterator[County]:
    """Open the windows of a stack."""
    urls = stack.urls
    investor = Person(urls["intake"], stack.tokens("investor"))
    windows = {
        code: Person(urls["departments"], stack.tokens(f"chief-{code}"))
        for code in stack.departments
    }
    try:
        yield County(stack=stack, scenario=scenario, investor=investor, windows=windows)
    finally:
        for person in (investor, *windows.values()):
            await person.http.aclose()


async def until(true: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Poll until something is true. Fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(LOOK_S)
