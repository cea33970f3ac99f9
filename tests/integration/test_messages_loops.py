"""Loops: watched, stopped in order, and the end of the process when they hang."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from services.contracts.vocabulary import Service
from services.runtime import heartbeats
from services.runtime.loops import EXIT_CODE, Loop, Loops, Pulse, every, pause
from services.runtime.shutdown import in_order
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until

ROOT = Path(__file__).parents[2]


class GivenUp:
    """Stands in for the end of the process."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1

    async def happened(self) -> bool:
        return self.times > 0


async def turning(pulse: Pulse, stop: asyncio.Event) -> None:
    while not stop.is_set():
        pulse.progress()
        await pause(stop, 0.05)


async def in_vain(pulse: Pulse, stop: asyncio.Event) -> None:
    while not stop.is_set():
        pulse.failed(ValueError())
        await pause(stop, 0.05)


async def hanging(pulse: Pulse, stop: asyncio.Event) -> None:
    await stop.wait()


@pytest.mark.parametrize(("body", "ends"), [(turning, False), (in_vain, True), (hanging, True)])
async def test_a_loop_without_progress_ends_its_process(body: object, *, ends: bool) -> None:
    given_up = GivenUp()
    given: Any = body
    loop = Loop(name="loop", body=given, hung_after=1.5, stalled_after=2.5)
    async with Loops([loop], service="test", pool=None, give_up=given_up):
        if ends:
            await until(given_up.happened, "the process ends", seconds=10)
        else:
            await asyncio.sleep(4)
    assert bool(given_up.times) is ends


def test_a_blocked_event_loop_ends_the_process() -> None:
    script = """
import asyncio, time
from services.runtime.loops import Loop, Loops
async def blocking(pulse, stop):
    pulse.progress()
    await asyncio.sleep(0.1)
    time.sleep(60)
async def main():
    async with Loops([Loop(name="l", body=blocking, hung_after=1)], service="t", pool=None):
        await asyncio.sleep(60)
asyncio.run(main())
"""
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == EXIT_CODE
    assert "without progress" in ended.stdout + ended.stderr
    assert time.monotonic() - started < 30


async def test_loops_stop_in_the_order_given() -> None:
    stopped: list[str] = []

    def named(name: str) -> Loop:
        async def body(pulse: Pulse, stop: asyncio.Event) -> None:
            await turning(pulse, stop)
            await asyncio.sleep(0.05)
            stopped.append(name)

        return Loop(name=name, body=body)

    async with Loops([named("a"), named("b"), named("c")], service="test", pool=None):
        await asyncio.sleep(0.1)
    assert stopped == ["a", "b", "c"]


@pytest.mark.parametrize("stray", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_loop_that_ends_by_an_error_of_its_own_is_started_again(
    stray: type[BaseException],
) -> None:
    """The Kafka client lets cancellations of its inner tasks escape when a connection breaks."""
    turns = 0

    async def body(pulse: Pulse, stop: asyncio.Event) -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise stray
        await turning(pulse, stop)

    async def again() -> bool:
        return turns > 1

    async with Loops([Loop(name="loop", body=body)], service="test", pool=None) as loops:
        await until(again, "the second start")
        assert loops.pulses["loop"].detail is None


async def test_heartbeats_are_written_and_show_the_error(open_service_pool: OpenPool) -> None:
    pool = await open_service_pool(Service.INTAKE)

    async def work() -> None:
        raise ZeroDivisionError

    async def written() -> bool:
        async with pool.acquire() as conn:
            return any(beat.detail for _, beat in await heartbeats.read(conn))

    loops = [Loop(name="good", body=turning), Loop(name="bad", body=every(0.1, work))]
    async with Loops(loops, service="intake", pool=pool):
        await until(written, "the heartbeats are there", seconds=15)
    async with pool.acquire() as conn:
        found = {beat.loop: beat for _, beat in await heartbeats.read(conn)}
    assert found["intake.bad"].detail == "ZeroDivisionError"
    assert found["intake.good"].detail is None
    assert found["intake.good"].progress_at > found["intake.bad"].progress_at
    async with pool.acquire() as conn:
        assert (await heartbeats.backlog(conn)).pending == 0


async def test_steps_are_taken_in_order_even_if_one_fails_and_one_is_late() -> None:
    taken: list[str] = []

    async def fails() -> None:
        taken.append("fails")
        raise asyncio.CancelledError

    async def late() -> None:
        taken.append("late")
        await asyncio.sleep(60)

    async def last() -> None:
        taken.append("last")

    steps = [("fails", fails), ("late", late), ("last", last)]
    assert not await in_order(steps, seconds=0.3)
    assert taken == ["fails", "late", "last"]
