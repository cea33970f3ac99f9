"""An independent look at what should have spoken, and did not.

A sweeper never decides anything. It raises an alarm, once for each task, when a task is found at
every look for longer than the grace; the grace is real time, because messages take real time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import structlog
from asyncpg import Record

from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.loops import Body, Pulse, pause

LOOKED_AT = 1_000
"""Tasks looked at in one turn: more than a handful is one alarm, not a thousand."""
Look: TypeAlias = Callable[[Connection, datetime, int], Awaitable[Sequence[Record]]]
"""Returns the silent tasks at an instant, so many at most: task, application, promised_at."""
_log = structlog.get_logger(__name__)


class Sweeper:
    """Remembers since when it has seen each silent task."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        *,
        alarm: str,
        look: Look,
        grace: float,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep everything.

        Args:
            pool: of the service's database.
            clock: business time.
            alarm: name of the alarm, in the log and in the heartbeat's detail.
            look: finds the silent tasks.
            grace: real seconds that a task may be silent.
            real: a real clock.
        """
        self._pool = pool
        self._clock = clock
        self._alarm = alarm
        self._look = look
        self._grace = grace
        self._real = real
        self._seen: dict[str, float] = {}
        self._told: set[str] = set()

    async def sweep(self) -> int:
        """Look once; return how many tasks have been silent for longer than the grace."""
        async with self._pool.acquire() as conn:
            rows = await self._look(conn, self._clock.now(), LOOKED_AT)
        now = self._real()
        self._seen = {row["task"]: self._seen.get(row["task"], now) for row in rows}
        silent = [row for row in rows if now - self._seen[row["task"]] > self._grace]
        for row in silent:
            if row["task"] not in self._told:
                _log.error(
                    self._alarm,
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
                pulse.detail = f"{self._alarm}={silent}" if silent else None
                await pause(stop, every)

        return turn_for_ever
