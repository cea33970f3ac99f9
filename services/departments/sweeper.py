"""The independent look at silence: a task that should have been asked to lapse, and was not.

It never decides anything. It raises an alarm, once for each task, when the question has not come
for longer than the grace; the grace is real time, because messages take real time.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from services.departments import store
from services.runtime.clock import Clock
from services.runtime.db import Pool
from services.runtime.loops import Body, Pulse, pause

LOOKED_AT = 1_000
"""Late tasks looked at in one turn: more than a handful is one alarm, not a thousand."""
_log = structlog.get_logger(__name__)


class Sweeper:
    """Remembers since when it has seen each late task."""

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
        self._seen: dict[int, float] = {}
        self._told: set[int] = set()

    async def sweep(self) -> int:
        """Look once; return how many tasks have been late for longer than the grace."""
        async with self._pool.acquire() as conn:
            rows = await store.silent_tasks(
                conn, before=self._clock.now(), after=None, rows=LOOKED_AT
            )
        now = self._real()
        self._seen = {row["id"]: self._seen.get(row["id"], now) for row in rows}
        late = [row for row in rows if now - self._seen[row["id"]] > self._grace]
        for row in late:
            if row["id"] not in self._told:
                _log.error(
                    "lapse_not_asked",
                    application=row["application"],
                    task=row["task"],
                    promised_at=row["promised_at"].isoformat(),
                )
        self._told = {row["id"] for row in late}
        return len(late)

    def body(self, every: float) -> Body:
        """Return the loop: a look every so many seconds, alarms in the heartbeat's detail."""

        async def turn_for_ever(pulse: Pulse, stop: asyncio.Event) -> None:
            while not stop.is_set():
                late = await self.sweep()
                pulse.progress()
                pulse.detail = f"lapse_not_asked={late}" if late else None
                await pause(stop, every)

        return turn_for_ever
