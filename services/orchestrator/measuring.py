"""Reckons, once, what ended tasks have taken and what ended applications have saved.

Nothing of a task that is over changes any more, so its days are reckoned by the calendar its
application was reckoned by, beside the work and not in it, and kept with the task: with all others
when its application is over, or before, when somebody asks for the figures of a period.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec
import structlog

from services.domain.calendar import WorkingCalendar
from services.domain.limits import EMPTY, Ledger, day_of_act
from services.domain.performance import handled_on, saved_days
from services.orchestrator.reprojection import Calendars
from services.orchestrator.store import Row
from services.runtime.db import Pool, beside, load
from services.runtime.loops import Body, Pulse, pause

QUERIES = load(beside(__file__, "figures.sql"))
TASKS_AT_ONCE = 2_000
APPLICATIONS_AT_ONCE = 200
WRITING = 0x6C69616E4D454153
"""Advisory lock: two processes that measure the same must not wait for each other's rows."""
SOON_S = 0.2
_MILLI = Decimal("0.001")
_log = structlog.get_logger(__name__)


class Measurer:
    """Measures what has not been measured."""

    def __init__(self, pool: Pool, calendars: Calendars) -> None:
        self._pool = pool
        self._calendars = calendars

    async def measure(self, since: datetime, until: datetime) -> None:
        """Measure the applications that are over, and the tasks that ended in [since, until)."""
        while await self._applications() == APPLICATIONS_AT_ONCE:
            pass
        while await self._tasks(since, until) == TASKS_AT_ONCE:
            pass

    def body(self, seconds: float) -> Body:
        """Return the loop: some applications, and more soon or after so many seconds."""

        async def turn_for_ever(pulse: Pulse, stop: asyncio.Event) -> None:
            while not stop.is_set():
                found = 0
                try:
                    found = await self._applications()
                    pulse.progress()
                except Exception as error:
                    pulse.failed(error)
                    _log.warning("measuring put off", error=type(error).__name__)
                await pause(stop, SOON_S if found == APPLICATIONS_AT_ONCE else seconds)

        return turn_for_ever

    async def _tasks(self, since: datetime, until: datetime) -> int:
        """Measure tasks whose applications may go on: what these save is not known yet."""
        async with self._pool.acquire() as conn:
            found = QUERIES.unmeasured_tasks(conn, since=since, until=until, at_most=TASKS_AT_ONCE)
            rows = [row async for row in found]
        if rows:
            calendars = await self._known(rows)
            taken = await asyncio.to_thread(_taken, rows, calendars, whole=False)
            await self._keep(taken, {})
        return len(rows)

    async def _applications(self) -> int:
        async with self._pool.acquire() as conn:
            found = QUERIES.unmeasured_applications(conn, at_most=APPLICATIONS_AT_ONCE)
            rows = [row async for row in found]
        saved = {row["application"]: Decimal() for row in rows}
        if rows:
            calendars = await self._known(rows)
            tasks = [row for row in rows if row["task"] is not None]
            taken = await asyncio.to_thread(_taken, tasks, calendars, whole=True)
            for one in taken:
                saved[one.application] += one.saved or 0
            await self._keep(taken, saved)
        return len(saved)

    async def _keep(self, taken: Sequence["_Taken"], saved: Mapping[str, Decimal]) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await QUERIES.lock_measuring(conn, key=WRITING)
            await QUERIES.measure_tasks(
                conn,
                tasks=[one.task for one in taken],
                used=[one.used for one in taken],
                promised=[one.promised for one in taken],
                statutory=[one.statutory for one in taken],
                saved=[one.saved for one in taken],
            )
            await QUERIES.measure_applications(
                conn, numbers=list(saved), saved=list(saved.values())
            )

    async def _known(self, rows: Sequence[Row]) -> dict[str, WorkingCalendar]:
        versions = {row["calendar_version"] for row in rows}
        return {version: await self._calendars.of(version) for version in versions}


class _Taken(NamedTuple):
    """What one task took, was promised and given, and saved (None: not known yet)."""

    application: str
    task: str
    used: int
    promised: int
    statutory: int | None
    saved: Decimal | None


def _taken(
    rows: Sequence[Row], calendars: Mapping[str, WorkingCalendar], *, whole: bool
) -> list[_Taken]:
    """Reckon tasks, sorted by application; `whole`: they are all of each application."""
    found = []
    for _, group in groupby(rows, key=itemgetter("application")):
        tasks = list(group)
        days = [_Days(row, calendars[row["calendar_version"]]) for row in tasks]
        handled = [one.handled for one in days]
        shares = saved_days(handled) if whole else [None] * len(tasks)
        found += [
            _Taken(
                application=row["application"],
                task=row["task"],
                used=len(one.handled),
                promised=one.until(row["promised_on"]),
                statutory=one.until(row["statutory_on"]) if row["statutory_on"] else None,
                saved=None if share is None else Decimal(share).quantize(_MILLI),
            )
            for row, one, share in zip(tasks, days, shares, strict=True)
        ]
    return found


class _Days:
    """The working days of one task."""

    def __init__(self, row: Row, calendar: WorkingCalendar) -> None:
        ledger = msgspec.json.decode(row["ledger"], type=Ledger) if row["ledger"] else EMPTY
        self._calendar, self._pauses = calendar, ledger.pauses
        self._start = calendar.local_date(row["issued_at"])
        # What ends after the close of business ends on the next working day.
        end = calendar.next_working_day(day_of_act(row["ended_at"], calendar))
        self.handled = handled_on(self._start, end, calendar, self._pauses)

    def until(self, day: date) -> int:
        """Return how many there are up to a day."""
        if not self._pauses:
            return self._calendar.working_days_between(self._start, day)
        return len(handled_on(self._start, day, self._calendar, self._pauses))
