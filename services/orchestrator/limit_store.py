"""The orchestrator's Postgres, limits beside those of tasks: one function for each named block."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.orchestrator.clock_store import Row, columns
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "limits.sql"))


async def set_limits(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record limits as they are now: what they count, from when, what stops them, their end."""
    names = (
        *("applications", "kinds", "tasks", "start_ons", "days", "units", "articles", "ledgers"),
        *("calendars", "due_ons", "due_ats", "provisionals"),
    )
    await QUERIES.set_limits(conn, **columns(names, rows))


async def end_limits(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record that limits have ended: application, kind, task, when, whether in time."""
    names = ("applications", "kinds", "tasks", "ended_ats", "in_times")
    await QUERIES.end_limits(conn, **columns(names, rows))


async def move_limits(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record moves: application, turn, place, kind, task, why, ref, at, before, after."""
    names = (
        *("applications", "turns", "places", "kinds", "tasks", "whys", "refs", "ats"),
        *("befores", "afters"),
    )
    await QUERIES.move_limits(conn, **columns(names, rows))


async def move_examinations(conn: Connection, untils: Mapping[str, datetime]) -> None:
    """Record until when the open examinations of applications may be answered."""
    await QUERIES.move_examinations(conn, applications=list(untils), untils=list(untils.values()))


async def limits_of(conn: Connection, application: str) -> list[Row]:
    """Return the limits of an application, running or ended."""
    return [row async for row in QUERIES.limits_of(conn, application=application)]


async def licence_of(conn: Connection, application: str, item: str) -> Row | None:
    """Return when a licence was decided and delivered, and by when it had to be; or None."""
    row: Row | None = await QUERIES.licence_of(conn, application=application, item=item)
    return row


async def add_own_acts(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep what own software said: task, act, number, kind, from, until, cap (value, unit)."""
    names = (
        *("tasks", "acts", "numbers", "kinds", "from_ons", "until_ons", "cap_values"),
        "cap_units",
    )
    await QUERIES.add_own_acts(conn, **columns(names, rows))


async def end_own_pauses(conn: Connection, rows: Sequence[tuple[str, int, date]]) -> None:
    """Keep that pauses ended on a day: task, number, day."""
    await QUERIES.end_own_pauses(conn, **columns(("tasks", "numbers", "ended_ons"), rows))


async def own_acts(conn: Connection, tasks: Sequence[str]) -> list[Row]:
    """Return what own software said of the items of tasks, over all rounds."""
    return [row async for row in QUERIES.own_acts(conn, tasks=list(tasks))]


async def spoken_of(conn: Connection, tasks: Sequence[str]) -> dict[str, Row]:
    """Return for each task when it was issued and when a deadline has spoken of it last."""
    rows = QUERIES.spoken_of(conn, tasks=list(tasks))
    return {row["task"]: row async for row in rows}


async def lock_joint(conn: Connection, application: str) -> date | None:
    """Return the last day of a joint case that runs, and lock it; None when none runs."""
    day: date | None = await QUERIES.lock_joint(conn, application=application)
    return day


async def joint_so_far(conn: Connection, application: str, act: str) -> Row:
    """Return how often `act` was done to a joint case (`times`), and whether it `waits`."""
    row: Row = await QUERIES.joint_so_far(conn, application=application, act=act)
    return row
