"""Acceptance in intake's Postgres: one function for each named block of `sql/supplement.sql`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import orjson

from services.intake.store import Columns, Paper, Row, Shown
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "supplement.sql"))


async def project_acceptances(conn: Connection, columns: Columns) -> None:
    """Set where applications stand before they are accepted, or that they are."""
    await QUERIES.project_acceptances(conn, **columns)


async def project_examiners(conn: Connection, columns: Columns) -> None:
    """Set who looks, has looked, or was silent."""
    await QUERIES.project_examiners(conn, **columns)


async def add_notices(conn: Connection, columns: Columns) -> None:
    """Add the notices of what is missing."""
    await QUERIES.add_notices(conn, **columns)


async def add_receipt(
    conn: Connection, *, application: str, outcome: str, dated: date, at: datetime, told: Any
) -> None:
    """Add the dated receipt of an outcome; `told` is what stands on it."""
    await QUERIES.add_receipt(
        conn,
        application=application,
        outcome=outcome,
        dated=dated,
        at=at,
        told=orjson.dumps(told).decode(),
    )


async def promise_anew(conn: Connection, columns: Columns) -> None:
    """Set the days promised from the acceptance on."""
    await QUERIES.promise_anew(conn, **columns)


async def lock_acceptance(conn: Connection, application: str) -> Row | None:
    """Return where an application stands, and keep others from acting on it; None: on the spot."""
    row: Row | None = await QUERIES.lock_acceptance(conn, application=application)
    return row


async def handed_in(conn: Connection, application: str) -> frozenset[str]:
    """Return the materials that were handed in."""
    rows = QUERIES.handed_in(conn, application=application)
    return frozenset([row["material"] async for row in rows])


async def add_supplements(
    conn: Connection,
    *,
    application: str,
    round_: int,
    at: datetime,
    pieces: Sequence[tuple[str, str | None]],
    papers: Sequence[Paper],
) -> None:
    """Add what was handed in: subjects with the statement of each, and the papers among them."""
    await QUERIES.add_supplements(
        conn,
        application=application,
        round=round_,
        at=at,
        subjects=[subject for subject, _ in pieces],
        statements=[statement for _, statement in pieces],
    )
    if papers:
        await QUERIES.add_papers(
            conn,
            application=application,
            round=round_,
            at=at,
            materials=[one.material for one in papers],
            uploads=[one.upload for one in papers],
            references=[one.reference for one in papers],
        )


async def set_outstanding(conn: Connection, application: str, outstanding: Sequence[str]) -> None:
    """Set what the investor has not handed in of a notice."""
    await QUERIES.set_outstanding(conn, application=application, outstanding=list(outstanding))


async def get_acceptance(conn: Connection, application: str, owner: str) -> Shown | None:
    """Return what an owner may know of the acceptance of an application of his; or None."""
    row = await QUERIES.get_acceptance(conn, application=application, owner=owner)
    if row is None:
        return None
    opened = ("acceptance", "examiners", "notices", "supplements", "receipts", "materials")
    return {**row, **{name: orjson.loads(row[name]) if row[name] else None for name in opened}}


async def supplements_of(conn: Connection, application: str) -> list[Row]:
    """Return what was handed in after the submission, oldest first."""
    return [row async for row in QUERIES.supplements_of(conn, application=application)]
