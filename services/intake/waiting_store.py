"""What may wait for investors: one function for each named block of `sql/waiting.sql`."""

from collections.abc import Sequence
from datetime import datetime

from services.intake.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "waiting.sql"))


async def may_wait(
    conn: Connection, owner: str, numbers: Sequence[str], now: datetime
) -> list[Row]:
    """Return what may wait for the owner of these applications.

    Columns: number, plan_digest, submitted_at, acceptance (state or None), accepted_on, answers,
    session, bill, materials (handed in).
    """
    rows = QUERIES.may_wait(conn, numbers=list(numbers), owner=owner, now=now)
    return [row async for row in rows]
