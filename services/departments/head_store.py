"""What the head of a department sees of it: one function for each block of `sql/head.sql`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.departments.store import Row
from services.departments.workbench_store import MOST
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "head.sql"))
LOOKED_AT = 10_000
"""So many tasks of each state are looked at for a share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """How many tasks fell due in a time, and how many of them ended within their promise."""

    due: int
    kept: int


async def load_of_people(conn: Connection, department: str, *, now: datetime) -> list[Row]:
    """Return what officers have in hand, whoever has most first."""
    return [row async for row in QUERIES.load_of_people(conn, department=department, now=now)]


async def load_of_items(
    conn: Connection, department: str, items: Sequence[str], *, now: datetime
) -> list[Row]:
    """Return what is open of each item, each counted up to `MOST`; most late first."""
    found = QUERIES.load_of_items(
        conn, department=department, items=list(items), now=now, most=MOST
    )
    return [row async for row in found]


async def kept(conn: Connection, department: str, *, since: datetime, now: datetime) -> Kept:
    """Return how the promises were kept that fell due between two instants."""
    row = await QUERIES.kept(conn, department=department, since=since, now=now, most=LOOKED_AT)
    return Kept(**dict(row))
