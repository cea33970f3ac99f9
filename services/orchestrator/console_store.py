"""The orchestrator's Postgres, for the console: one function for each block of `console.sql`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.orchestrator.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "console.sql"))


async def counts(conn: Connection, statuses: Sequence[str]) -> list[Row]:
    """Return how many applications have each of these statuses, and how many are late."""
    return [row async for row in QUERIES.counts(conn, statuses=list(statuses))]


async def in_hand(conn: Connection, now: datetime) -> list[Row]:
    """Return how many open tasks every department has, and how many are past their promise."""
    return [row async for row in QUERIES.in_hand(conn, now=now)]


async def queues(conn: Connection) -> list[Row]:
    """Return the messages that wait: topic, kind, number, sent again, age in seconds."""
    return [row async for row in QUERIES.queues(conn)]


async def cards_between(conn: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Return how many cards raised in [since, until) stand, by colour."""
    rows = QUERIES.cards_between(conn, since=since, until=until)
    return {row["colour"]: row["number"] async for row in rows}


async def clock_here(conn: Connection) -> datetime:
    """Return the database's own time, which heartbeats are measured against."""
    found: datetime = await QUERIES.clock_here(conn)
    return found


async def holders(conn: Connection, numbers: list[str]) -> dict[str, list[Row]]:
    """Return which departments hold each of these applications, the next date first."""
    found: dict[str, list[Row]] = {}
    async for row in QUERIES.holders(conn, numbers=numbers):
        found.setdefault(row["application"], []).append(row)
    return found


async def revision_of(conn: Connection, number: str) -> str | None:
    """Return what changes with everything that is shown of an application; None: there is none."""
    found: str | None = await QUERIES.revision_of(conn, number=number)
    return found


async def underway_of(conn: Connection, application: str) -> list[Row]:
    """Return the messages of an application that are not receipted yet, by topic."""
    return [row async for row in QUERIES.underway_of(conn, application=application)]


async def letters_of(conn: Connection, application: str) -> list[Row]:
    """Return the open dead letters of an application."""
    return [row async for row in QUERIES.letters_of(conn, application=application)]


async def said_by(conn: Connection, events: Sequence[UUID]) -> dict[str, Row]:
    """Return who said each of these messages, by its id."""
    rows = QUERIES.said_by(conn, event_ids=list(events))
    return {str(row["event_id"]): row async for row in rows}


async def resend(conn: Connection, **act: Any) -> int:
    """Let everything of an application that is not receipted be sent now; return how many."""
    found: int = await QUERIES.resend(conn, **act)
    return found
