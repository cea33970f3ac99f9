"""Timetables of joint sessions are reckoned beside the loop that answers everybody else.

At most so many at a time and for so many seconds each, and only for as long as whoever asked is
still there. What time has run out for is answered as far as it came, and says so (`proven`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from services.domain import sessions_solver
from services.domain.sessions import Round, Timetable
from services.runtime.web.problems import OVERLOADED, Problem

LOOK_S = 0.1
"""How often it is looked whether somebody still waits."""


class Timing:
    """One place of a process where timetables are reckoned."""

    def __init__(self, *, at_once: int, seconds: float) -> None:
        """Take threads for `at_once` timetables of at most `seconds` each."""
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="timetable")

    async def timetable(self, round_: Round, is_gone: Callable[[], Awaitable[bool]]) -> Timetable:
        """Return the best timetable found in time. Raises Problem 503 when no place comes free."""
        try:
            await asyncio.wait_for(self._places.acquire(), self._seconds)
        except TimeoutError:
            raise Problem(OVERLOADED, headers={"retry-after": "5"}) from None
        try:
            return await self._reckoned(round_, is_gone)
        finally:
            self._places.release()

    async def _reckoned(self, round_: Round, is_gone: Callable[[], Awaitable[bool]]) -> Timetable:
        end, over = time.monotonic() + self._seconds, Event()
        work = asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: sessions_solver.timetable(
                round_, stop=lambda: over.is_set() or time.monotonic() > end
            ),
        )
        try:
            while not (await asyncio.wait({work}, timeout=LOOK_S))[0]:
                if await is_gone():
                    over.set()
            return work.result()
        finally:
            over.set()

    def close(self) -> None:
        """Wait for no one: what is still reckoned ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
