"""The look at silent timers: an alarm when one does not speak, and only then."""

from datetime import datetime, timedelta

import pytest_asyncio
import structlog

from services.contracts.vocabulary import Service
from services.domain.case import ClockReached
from services.orchestrator.sweeper import timer_sweeper
from services.runtime.loops import Loop, Loops
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import LICENCE, Kit, Story, task

GRACE = 60.0
PROMISED = datetime.fromisoformat("2026-03-03T09:00:00+00:00")
"""The close of business on the day that the licence is promised for."""


class RealTime:
    """Real seconds, in a test's hands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


async def overdue(kit: Kit) -> Story:
    """An application whose first promise has just passed, and nobody has said so."""
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    kit.clock.move_to(PROMISED + timedelta(minutes=1))
    return story


async def test_a_timer_may_be_late_by_the_grace(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    await overdue(kit)
    assert await sweeper.sweep() == 0
    real.now += GRACE
    assert await sweeper.sweep() == 0
    real.now += 1
    assert await sweeper.sweep() == 1


async def test_nothing_is_overdue_before_its_promise(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    kit.clock.move_to(PROMISED)
    for _ in range(3):
        assert await sweeper.sweep() == 0
        real.now += 2 * GRACE


async def test_a_silent_timer_is_told_once(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    story = await overdue(kit)
    await sweeper.sweep()
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            real.now += 2 * GRACE
            assert await sweeper.sweep() == 1
    assert [(one["event"], one["task"], one["log_level"]) for one in said] == [
        ("timer_silent", task(story.case.route.application, LICENCE), "error")
    ]


async def test_the_alarm_ends_when_the_timer_speaks(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    story = await overdue(kit)
    await sweeper.sweep()
    real.now += 2 * GRACE
    assert await sweeper.sweep() == 1
    await kit.writer.carry_out(story.next(ClockReached(at=PROMISED + timedelta(seconds=1))))
    assert await sweeper.sweep() == 0


async def test_a_decided_task_is_no_concern(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    story = await overdue(kit)
    await sweeper.sweep()
    await kit.writer.carry_out(story.next(story.decide(LICENCE)))
    real.now += 2 * GRACE
    assert await sweeper.sweep() == 0


async def test_the_alarm_stands_in_the_heartbeat(kit: Kit) -> None:
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=0.0)
    await overdue(kit)
    loop = Loop(name="sweeper", body=sweeper.body(0.05))
    async with Loops([loop], service="test", pool=None) as loops:

        async def told() -> bool:
            return loops.pulses["sweeper"].detail == "timer_silent=1"

        await until(told, "the alarm", seconds=10)


async def test_a_limit_beside_those_of_tasks_has_its_alarm_too(kit: Kit) -> None:
    real = RealTime()
    sweeper = timer_sweeper(kit.pool, kit.clock, grace=GRACE, real=real)
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    await kit.pool.execute("UPDATE task SET promised_at = promised_at + interval '9 years'")
    over = story.case.limits["joint"].due_at
    kit.clock.move_to(over)
    await sweeper.sweep()
    real.now += 2 * GRACE
    assert await sweeper.sweep() == 0
    kit.clock.move_to(over + timedelta(minutes=1))
    await sweeper.sweep()
    real.now += 2 * GRACE
    assert await sweeper.sweep() == 1
    await kit.writer.carry_out(story.next(ClockReached(at=over + timedelta(minutes=1))))
    await sweeper.sweep()
    real.now += 2 * GRACE
    assert await sweeper.sweep() == 0
