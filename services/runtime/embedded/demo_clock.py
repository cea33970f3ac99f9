"""The clock of a demo: one file that every process reads, kept going by the supervisor."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from services.domain.calendar import ZONE, WorkingCalendar
from services.runtime import calendar_files, clock
from services.runtime.embedded.errors import StackError

TOUCH_EVERY_S = 1.0


class DemoClock:
    """Stands still until `run`, and again from `stop` on; a restart goes on where it stood."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._task: asyncio.Task[None] | None = None

    def prepare(
        self, seconds_per_working_day: float, calendar_folder: Path, first: datetime | None
    ) -> None:
        """Put the clock in place; `first` (default: the next opening) is where a new one begins.

        Raises:
            StackError: the calendar cannot be used.
            ClockError: the clock's file cannot.
        """
        try:
            calendar = calendar_files.load(calendar_folder)
        except calendar_files.CalendarError as error:
            raise StackError(f"The calendar cannot be used: {error}") from error
        begin = first or _opening_from(calendar, datetime.now(UTC))
        clock.start_or_resume(self._file, seconds_per_working_day, begin, calendar)
        clock.stop(self._file)

    def run(self) -> None:
        """Let the clock go on where it stood, and keep it going while this process lives."""
        clock.touch(self._file)
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Let it stand still; may be called twice."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        try:
            clock.stop(self._file)
        except (OSError, clock.ClockError) as error:  # it stops by itself when its lease ends
            self._say(str(error))

    async def _keep(self) -> None:
        said = ""
        while True:
            await asyncio.sleep(TOUCH_EVERY_S)
            try:
                clock.touch(self._file)
                said = ""
            except (OSError, clock.ClockError) as error:
                if said != (said := f"The clock stands still: {error}"):
                    self._say(said)


def _opening_from(calendar: WorkingCalendar, now: datetime) -> datetime:
    """Return the opening of business on the first working day from today on."""
    return calendar.opening_of(calendar.next_working_day(now.astimezone(ZONE).date()))
