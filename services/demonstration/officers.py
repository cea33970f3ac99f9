"""Simulated officers: each department's window works through its own queue, on business time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, TypeAlias

from services.demonstration.caller import (
    CONFLICT,
    NOT_FOUND,
    PRECONDITION_FAILED,
    Caller,
    RefusedError,
)
from services.runtime.clock import Clock
from services.runtime.embedded.tokens import TokenSource

LOOK_EVERY_S = 0.3
OVERTAKEN = {PRECONDITION_FAILED, CONFLICT, NOT_FOUND}
"""The task was ended by somebody else in the meantime: a simulated officer shrugs."""

Verdict: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]
"""From a task to the body of its decision or opinion; None leaves the task alone (silence)."""

Examine: TypeAlias = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""From an examination to everything that is missing."""


def favourable(task: dict[str, Any]) -> dict[str, Any]:
    """Grant, or have no objection."""
    if task["part"] == "consult":
        return {"outcome": "no_objection"}
    body: dict[str, Any] = {"outcome": "granted"}
    if task["authority"] != "representative":
        body["decided_above"] = "上级机关已批准"
    return body


def complete(_examination: dict[str, Any]) -> list[dict[str, Any]]:
    """Find nothing missing."""
    return []


@dataclass(kw_only=True)
class Window:
    """One department's window: an officer who takes tasks up, a chief representative who decides.

    `share` is the range of the time between issue and promise after which a task is decided. With
    a `head`, what needs more than the representative goes up before it is decided. `examine` is
    what the officer says of papers before their acceptance; None: nobody asks him.
    """

    department: str
    officer: Caller
    chief: Caller
    clock: Clock
    random: Random
    verdict: Verdict = favourable
    share: tuple[float, float] = (0.1, 0.45)
    head: Caller | None = None
    examine: Examine | None = None
    done: int = 0

    def __post_init__(self) -> None:
        self._when: dict[int, datetime] = {}

    async def open(self) -> None:
        """Let both sign in and look at the queue once, so that nobody waits for them later."""
        for who in (self.officer, self.chief):
            await who.get("/v1/tasks", limit=1)

    async def work(self) -> None:
        """Work until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look at the queue once: take up what is new, end what is ripe."""
        if self.examine is not None:
            await self._examine(self.examine)
        after: dict[str, Any] = {}
        while True:
            page = await self.officer.get("/v1/tasks", state="open", limit=100, **after)
            for task in page["items"]:
                await self._handle(task)
            if not page.get("next"):
                return
            after = {"after": page["next"]}

    async def _examine(self, examine: Examine) -> None:
        """Say of every examination that is open what is missing."""
        page = await self.officer.get("/v1/examinations", state="open", limit=100)
        for one in page["items"]:
            whole = await self.officer.get(f"/v1/examinations/{one['id']}")
            path = f"/v1/examinations/{one['id']}/findings"
            try:
                await self.officer.post(path, {"findings": examine(whole)}, etag=_etag(one))
            except RefusedError as refused:
                if refused.status not in OVERTAKEN:
                    raise

    async def _handle(self, task: dict[str, Any]) -> None:
        try:
            if task["id"] not in self._when:
                self._when[task["id"]] = self._ripe_at(task)
                task = await self._claim(task)
            body = self.verdict(task)
            if body is not None and self.clock.now() >= self._when[task["id"]]:
                await self._end(task, body)
                self.done += 1
        except RefusedError as refused:
            if refused.status not in OVERTAKEN:
                raise

    def _ripe_at(self, task: dict[str, Any]) -> datetime:
        issued = datetime.fromisoformat(task["issued_at"])
        promised = datetime.fromisoformat(task["due"]["promised_at"])
        return issued + (promised - issued) * self.random.uniform(*self.share)

    async def _claim(self, task: dict[str, Any]) -> dict[str, Any]:
        if task["claimed_by"] is not None:
            return task
        path = f"/v1/tasks/{task['id']}/claim"
        answer = await self.officer.post(path, etag=_etag(task))
        return {**task, "version": answer.json()["version"]}

    async def _end(self, task: dict[str, Any], body: dict[str, Any]) -> None:
        opinion = task["part"] == "consult"
        who, act = (self.officer, "opinion") if opinion else (self.chief, "decision")
        if self.head is not None and body.get("decided_above") is not None:
            task, body = await self._send_up(self.head, task, body)
        await who.post(f"/v1/tasks/{task['id']}/{act}", body, etag=_etag(task))

    async def _send_up(
        self, head: Caller, task: dict[str, Any], body: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Let the head answer; return the task as it is then, and the decision as it came back."""
        asked = {"proposal": body["outcome"], "opinion": "初审同意，请审批"}
        path = f"/v1/tasks/{task['id']}/approval-above"
        raised = (await self.chief.post(path, asked, etag=_etag(task))).json()
        answer = {"answer": body["outcome"], "document": body["decided_above"]}
        answered = await head.post(f"/v1/approvals-above/{raised['id']}/answer", answer)
        rest = {name: value for name, value in body.items() if name != "decided_above"}
        return {**task, "version": answered.json()["version"]}, rest


def _etag(task: dict[str, Any]) -> str:
    return f'"{task["version"]}"'


async def open_windows(
    people: AsyncExitStack,
    url: str,
    departments: Sequence[str],
    *,
    tokens: Callable[[str], TokenSource],
    clock: Clock,
    seed: int,
    verdict: Verdict = favourable,
    heads: bool = False,
    examine: Examine | None = None,
) -> list[Window]:
    """Open a window for every department that works in our queues; nobody works yet.

    `heads`: the department's head is there too, and is asked where the law wants it. `examine`:
    what is said of papers, where the departments look before the acceptance.

    `url` is the departments' service, `tokens` gives a client's tokens by its id; the callers are
    closed with `people`.
    """
    random = Random(seed)  # noqa: S311 - simulated officers need no secrets
    found = []
    for code in departments:
        officer, chief = [
            await people.enter_async_context(Caller(url, tokens(f"{role}-{code}")))
            for role in ("officer", "chief")
        ]
        head = (
            await people.enter_async_context(Caller(url, tokens(f"head-{code}"))) if heads else None
        )
        found.append(
            Window(
                department=code,
                officer=officer,
                chief=chief,
                clock=clock,
                random=Random(random.random()),  # noqa: S311 - the same
                verdict=verdict,
                head=head,
                examine=examine,
            )
        )
    await asyncio.gather(*(window.open() for window in found))
    return found
