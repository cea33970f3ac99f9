"""The independent look at silence: a task that should have been asked to lapse, and was not."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from asyncpg import Record

from services.departments import store
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.sweeper import Sweeper


def lapse_sweeper(
    pool: Pool, clock: Clock, *, grace: float, real: Callable[[], float] = time.monotonic
) -> Sweeper:
    """Return the sweeper of the departments' service: see runtime/sweeper.py."""
    return Sweeper(pool, clock, alarm="lapse_not_asked", look=_look, grace=grace, real=real)


async def _look(conn: Connection, now: datetime, rows: int) -> Sequence[Record]:
    return await store.silent_tasks(conn, before=now, after=None, rows=rows)
