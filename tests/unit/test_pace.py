"""How loops let work gather: batches, and applications that more is being said about."""

import asyncio
import time

import pytest

from services.orchestrator.settling import Settling
from services.runtime.loops import Pace

PACE_S = 0.15


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def busy(clock: Hand) -> Pace:
    pace = Pace(PACE_S, now=clock)
    pace.start(["a", "b"])
    return pace


def test_the_first_batch_starts_at_once() -> None:
    assert Pace(PACE_S, now=Hand()).wait == 0


def test_a_busy_loop_starts_one_batch_a_pace() -> None:
    clock = Hand()
    pace = busy(clock)
    assert pace.wait == pytest.approx(PACE_S)
    clock.at += PACE_S - 0.01
    assert pace.wait == pytest.approx(0.01)
    clock.at += 0.011
    assert pace.wait == 0


def test_one_application_alone_waits_for_a_tenth_of_it_at_most() -> None:
    clock = Hand()
    pace = Pace(PACE_S, now=clock)
    for _ in range(12):
        pace.start(["a"])
        assert not pace.busy
        assert pace.wait == pytest.approx(PACE_S * Pace.ALONE)
        clock.at += PACE_S * Pace.ALONE + 0.001
        assert pace.wait == 0


def test_a_loop_is_busy_for_a_while_after_it_served_several_at_once() -> None:
    clock = Hand()
    pace = busy(clock)
    for application in "abc":
        clock.at += Pace.BUSY_S / 4
        pace.start([application])
        assert pace.wait == pytest.approx(PACE_S)
    clock.at += Pace.BUSY_S / 4
    pace.start(["d"])
    assert pace.wait == pytest.approx(PACE_S * Pace.ALONE)


def test_without_a_pace_nothing_waits() -> None:
    clock = Hand()
    pace = Pace(0, now=clock)
    pace.start(range(100))
    assert pace.wait == 0


async def test_a_stop_ends_the_gathering() -> None:
    pace, stop = Pace(60), asyncio.Event()
    pace.start(["a", "b"])
    asyncio.get_running_loop().call_later(0.05, stop.set)
    begun = time.monotonic()
    await pace.gather(stop)
    assert time.monotonic() - begun < 5


def test_an_application_settles_when_nothing_more_is_said() -> None:
    clock = Hand()
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=clock)
    assert settling.unready({"a": 1, "b": 3}) == {"a", "b"}
    clock.at += 0.1
    assert settling.unready({"a": 2, "b": 3}) == {"a", "b"}, "more came about a"
    clock.at += 0.15
    assert settling.unready({"a": 2, "b": 3}) == {"a"}
    clock.at += 0.1
    assert settling.unready({"a": 2}) == set()


def test_an_application_that_is_spoken_about_for_ever_is_not_held_for_ever() -> None:
    clock = Hand()
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=clock)
    held = []
    for count in range(1, 14):
        held.append("a" in settling.unready({"a": count}))
        clock.at += 0.125
    assert held == [True] * 8 + [False] * 5


def test_who_was_delivered_begins_anew() -> None:
    clock = Hand()
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=clock)
    settling.unready({"a": 1})
    clock.at += 5
    settling.unready({})
    assert settling.unready({"a": 1}) == {"a"}


def test_departments_that_decide_within_a_while_decide_together() -> None:
    clock = Hand()
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=clock)
    assert settling.new(["a"]) == ["a"]
    said = {"deciding": ["a"], "open_tasks": {"a": 3}}
    assert settling.unready({"a": 1}, **said) == {"a"}
    assert settling.new(["a"]) == [], "how many are open is asked once"
    clock.at += 0.4
    assert settling.unready({"a": 1}, deciding=["a"]) == {"a"}
    assert settling.unready({"a": 2}, deciding=["a"]) == {"a"}
    clock.at += 0.4
    assert settling.unready({"a": 2}, deciding=["a"]) == {"a"}
    clock.at += 0.15
    assert settling.unready({"a": 2}, deciding=["a"]) == set()


def test_when_all_have_decided_nothing_is_waited_for() -> None:
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=Hand())
    assert settling.unready({"a": 2}, deciding=["a"], open_tasks={"a": 3}) == {"a"}
    assert settling.unready({"a": 3}, deciding=["a"]) == set()


def test_whoever_says_something_else_is_not_kept_waiting_for_decisions() -> None:
    clock = Hand()
    settling = Settling(quiet=0.2, together=0.5, longest=1.0, now=clock)
    assert settling.unready({"a": 1}, deciding=["a"], open_tasks={"a": 3}) == {"a"}
    clock.at += 0.25
    assert settling.unready({"a": 1}, deciding=["a"]) == {"a"}
    assert settling.unready({"a": 1}) == set(), "he withdrew, say"
