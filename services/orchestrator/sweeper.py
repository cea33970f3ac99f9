"""The independent look at deadlines: a promise that is over, and of which no timer has spoken.

Timers are Temporal's. This loop never decides anything: it compares them with Postgres and raises
an alarm, once for each task, when one is silent for longer than the grace (real time, since what it
allows for is the way of a message).
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from services.orchestrator.store import ReadStore
from services.runtime.clock import Clock
from services.runtime.db import Pool
from services.runtime.loops import Body, Pulse, pause

LOOKED_AT = 1_000
_log = structlog.get_logger(__name__)


class Sweeper:
    """Remembers since when it has seen each silent task."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        *,
        grace: float,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the pool, the business clock, the grace in real seconds and a real clock."""
        self._pool = pool
        self._clock = clock
        self._grace = grace
        self._real = real
        self._seen: dict[str, float] = {}
        self._told: set[str] = set()

    async def sweep(self) -> int:
        """Look once; return of how many tasks a timer has been silent for too long."""
        async with self._pool.acquire() as conn:
            rows = await ReadStore().overdue_without_signal(conn, self._clock.now(), LOOKED_AT)
        now = self._real()
        self._seen = {row["task"]: self._seen.get(row["task"], now) for row in rows}
        silent = [row for row in rows if now - self._seen[row["task"]] > self._grace]
        for row in silent:
            if row["task"] not in self._told:
                _log.error(
                    "timer_silent",
                    application=row["application"],
                    task=row["task"],
                    promised_at=row["promised_at"].isoformat(),
                )
        self._told = {row["task"] for row in silent}
        return len(silent)

    def body(self, every: float) -> Body:
        """Return the loop: a look every so many seconds, alarms in the heartbeat's detail."""

        async def turn_for_ever(pulse: Pulse, stop: asyncio.Event) -> None:
            while not stop.is_set():
                silent = await self.sweep()
                pulse.progress()
                pulse.detail = f"timer_silent={silent}" if silent else None
                await pause(stop, every)

        return turn_for_ever
