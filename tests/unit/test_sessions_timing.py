"""Timetables are reckoned beside the loop, few at a time, in a bounded time, while one waits."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from services.departments.sessions_timing import Timing
from services.domain.sessions import Member, Officer, Round, Wanted
from services.runtime.web.problems import OVERLOADED, Problem
from tests.unit.builders import CALENDAR

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def endless() -> Round:
    """So many sessions for the same three officers that no search comes to an end."""
    people = {f"{n:016x}": Officer(ref=f"{n:016x}") for n in range(3)}
    return Round(
        wanted=tuple(
            Wanted(
                key=f"{n:02d}",
                length=timedelta(hours=3),
                travel=timedelta(),
                earliest=NOW,
                latest=NOW + timedelta(days=11),
                members=(
                    Member(
                        department="fire",
                        needed=2,
                        officers=tuple(people),
                        until=NOW + timedelta(days=11),
                    ),
                ),
            )
            for n in range(14)
        ),
        officers=people,
        calendar=CALENDAR,
    )


async def here() -> bool:
    return False


async def gone() -> bool:
    return True


async def test_the_loop_answers_others_while_a_timetable_is_reckoned() -> None:
    timing = Timing(at_once=1, seconds=1.0)
    work = asyncio.create_task(timing.timetable(endless(), here))
    longest, last = 0.0, time.monotonic()
    while not work.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert not work.result().proven
    assert longest < 0.5
    timing.close()


async def test_a_timetable_nobody_waits_for_is_given_up() -> None:
    timing = Timing(at_once=1, seconds=60.0)
    began = time.monotonic()
    found = await timing.timetable(endless(), gone)
    assert not found.proven
    assert time.monotonic() - began < 10
    timing.close()


async def test_when_every_place_is_taken_the_next_is_turned_away() -> None:
    timing = Timing(at_once=1, seconds=0.5)
    first = asyncio.create_task(timing.timetable(endless(), here))
    others = [asyncio.create_task(timing.timetable(endless(), here)) for _ in range(3)]
    await first
    answers = await asyncio.gather(*others, return_exceptions=True)
    turned_away = [one for one in answers if isinstance(one, Problem)]
    assert turned_away
    assert all(one.kind is OVERLOADED for one in turned_away)
    timing.close()


async def test_one_whose_request_ends_leaves_its_place() -> None:
    timing = Timing(at_once=1, seconds=60.0)
    work = asyncio.create_task(timing.timetable(endless(), here))
    await asyncio.sleep(0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    began = time.monotonic()
    await timing.timetable(endless(), gone)
    assert time.monotonic() - began < 10
    timing.close()
