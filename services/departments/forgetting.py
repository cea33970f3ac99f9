"""What the workbench has noted of people is forgotten a year after they were last here."""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from services.departments import workbench_store as store
from services.runtime.clock import Clock
from services.runtime.db import Pool

KEPT = timedelta(days=365)
DAY_S = 86_400.0
TURN_S = 30.0
"""A loop shows that it is alive so often; it looks once a day."""


class Forgetting:
    """Deletes names of colleagues and saved views of those who do not come any more."""

    def __init__(
        self, pool: Pool, clock: Clock, *, real: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep where they stand; `real`: seconds, for the pause between two looks."""
        self._pool, self._clock, self._real = pool, clock, real
        self._looked = -math.inf

    async def turn(self) -> int:
        """Look, if that was a day ago; return how many were deleted."""
        now = self._real()
        if now - self._looked < DAY_S:
            return 0
        async with self._pool.acquire() as conn:
            found = await store.forget_people(conn, self._clock.now() - KEPT)
        self._looked = now
        return found
