"""A closed loop: a fixed number of applications under way, a warm-up, then a bounded measurement.

A driver is a process of its own. It says `measuring` and `measured` on its standard output, one
JSON object to a line, so that the bench reads everybody's CPU time at those two moments.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much to measure. The measurement ends after `count` applications or `seconds`."""

    concurrency: int
    warm_up: int
    count: int
    seconds: float


@dataclass(kw_only=True)
class Times:
    """Monotonic instants of one application."""

    begun: float
    visible: float = 0.0
    decided: float = 0.0
    ended: float = 0.0


One = Callable[[int], Awaitable[Times]]


@dataclass
class Course:
    """One measurement."""

    plan: Plan
    done: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0
    times: list[Times] = field(default_factory=list)

    async def run(self, one: One) -> None:
        """Keep `concurrency` applications under way until enough are measured."""
        numbers = itertools.count(1)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.plan.concurrency):
                group.create_task(self._keep(one, numbers))

    async def _keep(self, one: One, numbers: "itertools.count[int]") -> None:
        while not self.ended_at:
            self._note(await one(next(numbers)))

    def _note(self, times: Times) -> None:
        now = time.monotonic()
        self.done += 1
        if self.done < self.plan.warm_up or self.ended_at:
            return
        if not self.began_at:
            self.began_at = now
            say("measuring")
            return
        self.times.append(times)
        if len(self.times) >= self.plan.count or now - self.began_at >= self.plan.seconds:
            self.ended_at = now
            say("measured", **self.result())

    def result(self) -> dict[str, Any]:
        """Return the numbers of the measurement; latencies in milliseconds."""
        return {
            "applications": len(self.times),
            "seconds": round(self.ended_at - self.began_at, 3),
            "per_second": round(len(self.times) / (self.ended_at - self.began_at), 2),
            "under_load": latencies(self.times),
        }


async def one_by_one(one: One, count: int, first: int) -> dict[str, Any]:
    """Run applications one after another; return the latencies of an idle system."""
    found = [await one(first + number) for number in range(count)]
    return latencies(found[count // 8 :])


def latencies(times: list[Times]) -> dict[str, Any]:
    """Return p50 and p99 in milliseconds of both distances."""
    return {
        "visible": _quantiles([one.visible - one.begun for one in times if one.visible]),
        "result": _quantiles([one.ended - one.decided for one in times if one.decided]),
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        "p50": round(1000 * ordered[last // 2], 1),
        "p99": round(1000 * ordered[round(last * 0.99)], 1),
    }


def say(event: str, **more: Any) -> None:
    """Tell the bench something."""
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()
