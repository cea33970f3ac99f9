"""Documents, the public register and remedies in intake's Postgres (`sql/documents.sql`)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from services.domain.remedies import Remedy
from services.intake.store import Row, Shown
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "documents.sql"))


def _opened(row: Row, *columns: str) -> Shown:
    return {**row, **{column: orjson.loads(row[column]) for column in columns}}


def remedies(rows: Iterable[Row | Shown]) -> list[Remedy]:
    """Return what rows of `remedy` say of the decision."""
    return [
        Remedy(
            kind=one["kind"],
            filed_on=one["filed_on"],
            outcome=one["outcome"],
            ended_on=one["ended_on"],
        )
        for one in rows
    ]


async def get_case(conn: Connection, number: str, owner: str) -> Shown | None:
    """Return what documents of this owner's application can be about; or None."""
    row = await QUERIES.get_case(conn, number=number, owner=owner)
    return None if row is None else _opened(row, "receipts", "results", "documents")


async def add_document(conn: Connection, **columns: Any) -> Row | None:
    """Add a document, by the names in documents.sql; None when it is there already."""
    row: Row | None = await QUERIES.add_document(conn, **columns)
    return row


async def get_document(conn: Connection, application: str, name: str) -> Row | None:
    """Return a document, or None."""
    row: Row | None = await QUERIES.get_document(conn, application=application, name=name)
    return row


async def find_document(conn: Connection, number: str, code: str) -> Shown | None:
    """Return the document with this number and code, with its remedies; or None."""
    row = await QUERIES.find_document(conn, number=number, code=code)
    return None if row is None else _opened(row, "notes")


Key = tuple[datetime, str, str]
"""Instant of release, application and item: what the register is sorted by."""


async def list_grants(
    conn: Connection,
    *,
    before: Key,
    item: str | None,
    department: str | None,
    project: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[Shown]:
    """Return grants below a key, newest first, released in [since, until).

    In a transaction: the statement is planned for the filters that are given.
    """
    await QUERIES.plan_for_what_is_asked(conn)
    rows = QUERIES.list_grants(
        conn,
        released_at=before[0],
        application=before[1],
        item=before[2],
        of_item=item,
        department=department,
        project=project,
        since=since,
        until=until,
        limit=limit,
    )
    return [_opened(row, "notes") async for row in rows]


async def get_grant(conn: Connection, number: str) -> Shown | None:
    """Return the grant with this number; or None."""
    row = await QUERIES.get_grant(conn, number=number)
    return None if row is None else _opened(row, "notes")


async def lock_result(conn: Connection, application: str, item: str) -> Row | None:
    """Return a result and keep others from acting on it; or None."""
    row: Row | None = await QUERIES.lock_result(conn, application=application, item=item)
    return row


async def may_see_result(conn: Connection, application: str, item: str, owner: str | None) -> bool:
    """Whether there is such a decision, and it is this owner's (None: the supervision's eyes)."""
    found: bool = await QUERIES.may_see_result(
        conn, application=application, item=item, owner=owner
    )
    return found


async def remedies_of(conn: Connection, application: str, item: str) -> Sequence[Row]:
    """Return the remedies noted against a decision, in the order of filing."""
    return [row async for row in QUERIES.remedies_of(conn, application=application, item=item)]


async def add_remedy(
    conn: Connection,
    *,
    remedy: UUID,
    application: str,
    item: str,
    kind: str,
    authority: str,
    reference: str,
    filed_on: date,
    at: datetime,
    by: str,
) -> Row | None:
    """Note a remedy; None when it is noted already."""
    row: Row | None = await QUERIES.add_remedy(
        conn,
        id=remedy,
        application=application,
        item=item,
        kind=kind,
        authority=authority,
        reference=reference,
        filed_on=filed_on,
        at=at,
        by=by,
    )
    return row


async def get_remedy(conn: Connection, remedy: UUID, application: str, item: str) -> Row | None:
    """Return a remedy of a decision and keep others from ending it; or None."""
    row: Row | None = await QUERIES.get_remedy(conn, id=remedy, application=application, item=item)
    return row


async def end_remedy(
    conn: Connection, *, remedy: UUID, outcome: str, ended_on: date, at: datetime, by: str
) -> Row | None:
    """Record how a remedy ended; None when it had ended before."""
    row: Row | None = await QUERIES.end_remedy(
        conn, id=remedy, outcome=outcome, ended_on=ended_on, at=at, by=by
    )
    return row
