"""The independent look at deadlines: a promise that is over, and of which no timer has spoken.

Timers are Temporal's; this compares them with Postgres.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from asyncpg import Record

from services.orchestrator.store import ReadStore
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.sweeper import Sweeper


def timer_sweeper(
    pool: Pool, clock: Clock, *, grace: float, real: Callable[[], float] = time.monotonic
) -> Sweeper:
    """Return the orchestrator's sweeper: see runtime/sweeper.py."""
    return Sweeper(pool, clock, alarm="timer_silent", look=_look, grace=grace, real=real)


async def _look(conn: Connection, now: datetime, rows: int) -> Sequence[Record]:
    return await ReadStore().overdue_without_signal(conn, now, rows)
