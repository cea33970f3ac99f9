"""The lives whose histories are kept, and how they are recorded.

Record anew only for a new life: `python -m tests.replay.lives NAME`. A history that is there is
never recorded again - it stands for an application that is in flight somewhere.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from services.contracts.vocabulary import Outcome
from services.domain.case import (
    AskLapse,
    AskRectification,
    Decided,
    Held,
    Lapsed,
    RaiseSignal,
    Rectified,
    Resumed,
    Withdrawn,
)
from services.domain.route import Route
from tests.unit.routes import START, consult, decide, route, step, task
from tests.workflow.conftest import Run, running, test_server

HISTORIES = Path(__file__).with_name("histories")
HOUR = timedelta(hours=1)


async def _until(env: WorkflowEnvironment, run: Run, kind: type) -> None:
    while not any(isinstance(command, kind) for command in run.shell.commands):
        await env.sleep(HOUR)


async def granted(env: WorkflowEnvironment, run: Run) -> None:
    """Twenty departments at once, then one that waits for two of them."""
    for n in range(20):
        await run.say(
            Decided(at=START + HOUR, task=task(f"I{n}", f"d{n}"), outcome=Outcome.GRANTED, ref="r")
        )
    await run.say(Decided(at=START + 2 * HOUR, task=task("Z", "z"), outcome=Outcome.GRANTED))


async def silent(env: WorkflowEnvironment, run: Run) -> None:
    """A merged step: an objection put right, a unit that keeps silent, a hold."""
    await run.say(Decided(at=START + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED))
    await run.say(Held(at=START + HOUR), Resumed(at=START + 2 * HOUR))
    await run.say(Decided(at=START + HOUR, task=task("B", "y"), outcome=Outcome.REFUSED, ref="n"))
    await _until(env, run, AskLapse)
    at = run.shell.commands[-1].at
    await run.say(Lapsed(at=at, task=task("A", "w")))
    await _until(env, run, AskRectification)
    await run.say(Rectified(at=at + HOUR, step="joint", round=1))
    await run.say(Decided(at=at + 2 * HOUR, task=task("B", "y", 2), outcome=Outcome.GRANTED))


async def late_then_withdrawn(env: WorkflowEnvironment, run: Run) -> None:
    """Every deadline passes; the investor gives up."""
    while sum(isinstance(c, RaiseSignal) for c in run.shell.commands) < 4:
        await env.sleep(HOUR)
    await run.say(Withdrawn(at=run.shell.commands[-1].at))


async def begun_ahead(env: WorkflowEnvironment, run: Run) -> None:
    """The first turn is carried out before; a deadline speaks; two departments decide."""
    await _until(env, run, RaiseSignal)
    at = run.shell.commands[-1].at
    await run.say(Decided(at=at + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED, ref="r"))
    await run.say(Decided(at=at + HOUR, task=task("B", "y"), outcome=Outcome.GRANTED, ref="s"))


async def woken_by_a_message(env: WorkflowEnvironment, run: Run) -> None:
    """It sleeps from its first turn on; everybody decides before the first deadline."""
    at = START + HOUR
    await run.say(
        Decided(at=at, task=task("A", "x"), outcome=Outcome.GRANTED, ref="r"), asleep=True
    )
    await run.say(Decided(at=at, task=task("B", "y"), outcome=Outcome.GRANTED, ref="s"))


AHEAD = frozenset({"begun-ahead"})
ASLEEP = frozenset({"woken-by-a-message", "woken-by-its-instant"})
LIVES: dict[str, tuple[Route, Callable[[WorkflowEnvironment, Run], Awaitable[None]]]] = {
    "granted": (
        route(
            *(step(decide(f"I{n}", f"d{n}")) for n in range(20)), step(decide("Z", "z", "I3", "I7"))
        ),
        granted,
    ),
    "silent": (
        route(step(decide("A", "x"), decide("B", "y"), consult("A", "w"), code="joint", rounds=1)),
        silent,
    ),
    "begun-ahead": (
        route(step(decide("A", "x", promised=4)), step(decide("B", "y", "A"))),
        begun_ahead,
    ),
    "woken-by-a-message": (
        route(step(decide("A", "x", promised=4)), step(decide("B", "y", "A"))),
        woken_by_a_message,
    ),
    "woken-by-its-instant": (
        route(step(decide("A", "x", promised=4)), step(decide("B", "y", "A"))),
        begun_ahead,
    ),
    "late-then-withdrawn": (
        route(step(decide("A", "x", promised=2)), promised_days=3),
        late_then_withdrawn,
    ),
}


async def record(name: str) -> None:
    """Live one life on the time-skipping server and keep its history."""
    of, live = LIVES[name]
    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=test_server()
        ) as env,
        running(env, of, START, ahead=name in AHEAD, asleep=name in ASLEEP) as run,
    ):
        await live(env, run)
        await run.handle.result()
        history = await run.handle.fetch_history()
    (HISTORIES / f"{name}.json").write_text(history.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
