"""The orchestrator's Postgres, clocks: one function for each named block of `sql/clocks.sql`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.domain.calendar import WorkingCalendar
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "clocks.sql"))
Row = asyncpg.Record


class UnknownCalendarError(LookupError):
    """A case is reckoned by a calendar that was never kept here."""


async def change_ledgers(conn: Connection, ledgers: Mapping[str, str]) -> None:
    """Record the pauses and extensions of tasks, as JSON by task."""
    await QUERIES.change_ledgers(conn, tasks=list(ledgers), ledgers=list(ledgers.values()))


async def redate_tasks(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record new dates: task, promised (day, instant), statutory (day, instant), provisional."""
    names = (
        *("tasks", "promised_ons", "promised_ats", "statutory_ons", "statutory_ats"),
        "provisionals",
    )
    await QUERIES.redate_tasks(conn, **columns(names, rows))


async def add_date_changes(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record moves: application, turn, place, task, why, ref, at, four instants."""
    names = (
        *("applications", "turns", "places", "tasks", "whys", "refs", "ats"),
        *("promised_befores", "promised_afters", "statutory_befores", "statutory_afters"),
    )
    await QUERIES.add_date_changes(conn, **columns(names, rows))


async def change_wholes(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Record calendar, certainty and lateness of applications; None leaves as it is."""
    names = ("numbers", "calendars", "provisionals", "lates")
    await QUERIES.change_wholes(conn, **columns(names, rows))


async def date_changes_of(
    conn: Connection, application: str, after: tuple[int, int], at_most: int
) -> list[Row]:
    """Return moves of an application's dates behind a place (turn, number within it), in order."""
    rows = QUERIES.date_changes_of(
        conn, application=application, after_turn=after[0], after_place=after[1], at_most=at_most
    )
    return [row async for row in rows]


async def catalogues_of(conn: Connection, numbers: list[str]) -> dict[str, str]:
    """Return the catalogue versions that applications were received under."""
    rows = QUERIES.catalogues_of(conn, numbers=numbers)
    return {row["number"]: row["catalogue_version"] async for row in rows}


async def keep_calendar(conn: Connection, calendar: WorkingCalendar) -> None:
    """Keep a calendar for as long as there is an application that was reckoned by it."""
    content = msgspec.json.encode(calendar).decode()
    await QUERIES.keep_calendar(conn, version=calendar.version, content=content)


async def calendar_of(conn: Connection, version: str) -> WorkingCalendar:
    """Return a calendar. Raises UnknownCalendarError."""
    content = await QUERIES.calendar_of(conn, version=version)
    if content is None:
        raise UnknownCalendarError(version)
    return msgspec.json.decode(content, type=WorkingCalendar)


async def reproject(
    conn: Connection,
    version: str,
    type_: str,
    *,
    number: str | None,
    reason: str,
    actor_ref: str,
    at: datetime,
) -> int:
    """Ask running applications, or one, to be projected onto a calendar; return how many are."""
    asked: int = await QUERIES.reproject(
        conn, version=version, number=number, type=type_, reason=reason, actor_ref=actor_ref, at=at
    )
    return asked


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return rows as named columns, the shape that `unnest` takes."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
