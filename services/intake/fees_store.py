"""Bills, payments and refunds in intake's Postgres (`sql/fees.sql`)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from services.domain.fees import (
    Act,
    Bill,
    Line,
    Settlement,
    Standing,
    TransferKind,
    TransferState,
)
from services.intake.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "fees.sql"))
SAID = ("rate", "quantity", "amount", "remitted", "share", "reason", "document")
"""What acts say about a line; each kind some of it."""


async def lock_case(conn: Connection, number: str, owner: str | None) -> bool:
    """Keep others from acting on a bill; False: there is no such application (of this owner)."""
    return await QUERIES.lock_case(conn, number=number, owner=owner) is not None


async def get_case(conn: Connection, number: str, owner: str | None) -> Row | None:
    """Return what a bill is drawn up from, and the bill if it is drawn up; or None."""
    row: Row | None = await QUERIES.get_case(conn, number=number, owner=owner)
    return row


def bill_of(row: Row) -> Bill | None:
    """Return the bill of a case if it is drawn up."""
    if row["lines"] is None:
        return None
    return Bill(
        accepted_on=row["accepted_on"],
        catalogue_version=row["catalogue_version"],
        lines=tuple(Line.model_validate(one) for one in orjson.loads(row["lines"])),
    )


async def acts_of(conn: Connection, number: str) -> list[Act]:
    """Return the acts about a bill's lines, in the order of recording."""
    columns = ("line", "kind", "amount", "remitted", "share", "reason", "document")
    rows = QUERIES.acts_of(conn, number=number)
    return [Act(**{name: row[name] for name in columns}) async for row in rows]


async def transfers_of(conn: Connection, number: str) -> list[Row]:
    """Return the payments and refunds of an application, oldest first."""
    return [row async for row in QUERIES.transfers_of(conn, number=number)]


async def settlements_of(conn: Connection, number: str) -> list[Settlement]:
    """Return which lines are being paid, paid, or paid back."""
    return [Settlement(**dict(row)) async for row in QUERIES.settlements_of(conn, number=number)]


async def draw_up(conn: Connection, number: str, bill: Bill, at: datetime) -> None:
    """Make a bill final."""
    lines = orjson.dumps([one.model_dump(mode="json") for one in bill.lines])
    await QUERIES.draw_up(
        conn,
        number=number,
        accepted_on=bill.accepted_on,
        catalogue_version=bill.catalogue_version,
        lines=lines.decode(),
        at=at,
    )


async def add_act(conn: Connection, **columns: Any) -> None:
    """Record an act about a line, by the names in fees.sql."""
    await QUERIES.add_act(conn, **columns)


async def add_transfer(
    conn: Connection,
    *,
    transfer: UUID,
    number: str,
    kind: TransferKind,
    lines: Sequence[Standing],
    at: datetime,
    by: str,
    **columns: Any,
) -> None:
    """Begin a payment or a refund of lines, and hold them for it."""
    amounts = [one.payable for one in lines]
    await QUERIES.add_transfer(
        conn,
        id=transfer,
        number=number,
        kind=kind,
        lines=[one.line.standard for one in lines],
        amounts=amounts,
        amount=sum(amounts, start=Decimal(0)),
        at=at,
        by=by,
        **{"refund_of": None, "reason": None, "document": None, **columns},
    )


async def ask_transfer(conn: Connection, transfer: UUID, adapter: str) -> Row | None:
    """Return a transfer that this adapter has yet to settle; or None."""
    row: Row | None = await QUERIES.ask_transfer(conn, id=transfer, adapter=adapter)
    return row


async def list_begun(conn: Connection, adapter: str, limit: int) -> list[UUID]:
    """Return transfers that this adapter has yet to settle, the longest unasked first."""
    return [row["id"] async for row in QUERIES.list_begun(conn, adapter=adapter, limit=limit)]


async def end_transfer(
    conn: Connection, transfer: UUID, state: TransferState, reference: str | None, at: datetime
) -> Row | None:
    """Record how a transfer ended; None when that is recorded already."""
    row: Row | None = await QUERIES.end_transfer(
        conn, id=transfer, state=state, reference=reference, at=at
    )
    return row


async def release(conn: Connection, transfer: UUID) -> None:
    """Give the lines of a transfer that failed free."""
    await QUERIES.release(conn, transfer=transfer)


async def note_transfer(
    conn: Connection, transfer: UUID, *, reference: str | None, pay_at: str | None
) -> None:
    """Note what the payment system says of a transfer that is under way."""
    await QUERIES.note_transfer(conn, id=transfer, reference=reference, pay_at=pay_at)
