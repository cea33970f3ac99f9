"""Letters in intake's Postgres: one function for each named block of `sql/letters.sql`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.intake.store import Row
from services.runtime.db import Connection, beside, load

__all__ = ["Row"]
QUERIES = load(beside(__file__, "letters.sql"))


async def add_letters(conn: Connection, **columns: list[Any]) -> None:
    """Write letters; those that are there already stay as they are."""
    await QUERIES.add_letters(conn, **columns)


async def letters_of(
    conn: Connection, *, owner: str, before: tuple[datetime, int], unread: bool, limit: int
) -> list[Row]:
    """Return one's letters, newest first, below a key."""
    rows = QUERIES.letters_of(
        conn, owner=owner, before_at=before[0], before_id=before[1], unread=unread, limit=limit
    )
    return [row async for row in rows]


async def count_unread(conn: Connection, owner: str) -> int:
    """Return how many letters were not opened."""
    return int(await QUERIES.count_unread(conn, owner=owner))


async def mark_read(conn: Connection, owner: str, letter: int, at: datetime) -> Row | None:
    """Note that a letter was opened; return its application and kind, or None: not the owner's."""
    row: Row | None = await QUERIES.mark_read(conn, owner=owner, id=letter, at=at)
    return row


async def mark_all_read(conn: Connection, owner: str, up_to: int, at: datetime) -> None:
    """Note that all letters up to one were seen."""
    await QUERIES.mark_all_read(conn, owner=owner, up_to=up_to, at=at)


async def claim(
    conn: Connection, channels: Sequence[str], since: datetime, lease: datetime, limit: int
) -> list[Row]:
    """Take letters to send, for a while."""
    await QUERIES.queue_letters(conn, channels=list(channels), since=since)
    rows = QUERIES.claim_letters(
        conn, channels=list(channels), since=since, lease=lease, limit=limit
    )
    return [row async for row in rows]


async def end_sending(conn: Connection, letter: int, channel: str) -> None:
    """Note that a letter needs no more sending by a channel."""
    await QUERIES.end_sending(conn, letter=letter, channel=channel)


async def send_again(conn: Connection, letter: int, channel: str, at: datetime) -> None:
    """Note when to try again."""
    await QUERIES.send_again(conn, letter=letter, channel=channel, at=at)
