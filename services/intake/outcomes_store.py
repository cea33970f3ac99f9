"""Written answers before an application in intake's Postgres (`sql/outcomes.sql`)."""

from typing import Any

import orjson

from services.intake.store import Row, Shown
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "outcomes.sql"))


async def take_number(conn: Connection) -> int:
    """Return the next number of an answer."""
    found: int = await QUERIES.take_number(conn)
    return found


async def add_inquiry(conn: Connection, **columns: Any) -> Row:
    """Add an answer, by the names in outcomes.sql."""
    row: Row = await QUERIES.add_inquiry(conn, **columns)
    return row


async def get_inquiry(conn: Connection, number: str, owner: str) -> Shown | None:
    """Return this owner's answer with its document (None: not made yet); or None."""
    row = await QUERIES.get_inquiry(conn, number=number, owner=owner)
    if row is None:
        return None
    made = row["document"]
    return {**row, "document": None if made is None else orjson.loads(made)}


async def add_document(conn: Connection, **columns: Any) -> Row | None:
    """Add an answer's document; None when it is there already."""
    row: Row | None = await QUERIES.add_document(conn, **columns)
    return row


async def document_hash(conn: Connection, inquiry: str) -> str:
    """Return the SHA-256 of the document that was made of an answer."""
    found: str = await QUERIES.document_hash(conn, inquiry=inquiry)
    return found


async def find_document(conn: Connection, number: str, code: str) -> Shown | None:
    """Return the document with this number and code; or None."""
    row = await QUERIES.find_document(conn, number=number, code=code)
    return None if row is None else {**row, "notes": orjson.loads(row["notes"])}
