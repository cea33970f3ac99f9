"""What the departments' work has taken so far, for the simulation.

From an officer's claim to the decision, in working hours. What was decided without a claim says
nothing of the work, only of the wait before it.
"""

from typing import Any

import asyncpg

from services.departments.store import QUERIES
from services.domain.calendar import WorkingCalendar
from services.domain.simulation_times import HOUR_S, Times, WorkingTime, measured

LOOKED_AT = 100_000
ENOUGH = 5
"""So many tasks of one part are needed to say how long it takes."""


async def work_of(dsn: str, calendar: WorkingCalendar) -> dict[str, Times]:
    """Return the working hours of parts (`item/department`), and of departments over all parts.

    Only those with enough tasks to tell. Raises OSError when the database cannot be read.
    """
    try:
        connection = await asyncpg.connect(dsn)
    except asyncpg.PostgresError as error:
        raise ConnectionRefusedError(type(error).__name__) from error
    try:
        rows = [row async for row in QUERIES.work_done(connection, at_most=LOOKED_AT)]
    finally:
        await connection.close()
    return hours_of(rows, calendar)


def hours_of(rows: list[Any], calendar: WorkingCalendar) -> dict[str, Times]:
    """Return the distributions that rows (item, department, claimed_at, ended_at) amount to."""
    if not rows:
        return {}
    first = calendar.local_date(min(row["claimed_at"] for row in rows))
    line = WorkingTime(calendar, first)
    found: dict[str, list[float]] = {}
    for row in rows:
        seconds = line.place_of(row["ended_at"]) - line.place_of(row["claimed_at"])
        for name in (f"{row['item']}/{row['department']}", row["department"]):
            found.setdefault(name, []).append(seconds / HOUR_S)
    return {name: measured(hours) for name, hours in found.items() if len(hours) >= ENOUGH}
