"""Dead letters as an operator sees them: list, apply again, give up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.runtime.db import Connection, Pool, beside, load
from services.runtime.decoding import RefusedError, decode
from services.runtime.inbox import Inbox
from services.runtime.letters import explain
from services.runtime.messages import Raw
from services.runtime.streams import Stream

NEWEST = 2**63 - 1
MAX_PAGE = 100
_queries = load(beside(__file__))


class LetterNotFoundError(LookupError):
    """There is no such dead letter, or somebody has decided about it already."""


class ReplayFailedError(Exception):
    """The dead letter still cannot be applied; it stays open with the new reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterView:
    """A dead letter as an operator sees it: everything but the message itself."""

    id: int
    event_id: UUID | None
    topic: str
    partition: int | None
    offset: int | None
    source: str | None
    application: str | None
    seq: int | None
    type: str | None
    error_class: str
    error_message: str
    attempts: int
    state: str
    at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    reason: str | None


async def page(
    conn: Connection, *, state: str = "open", before: int = NEWEST, size: int = MAX_PAGE
) -> list[LetterView]:
    """Return up to `size` letters in a state (open, replayed, discarded), newest first."""
    rows = _queries.list_letters(conn, state=state, before=before, page=min(size, MAX_PAGE))
    return [LetterView(**dict(row)) async for row in rows]


async def get(conn: Connection, letter: int) -> LetterView | None:
    """Return one letter, whatever has become of it; None: there is none."""
    row = await _queries.get_letter(conn, letter=letter)
    return None if row is None else LetterView(**dict(row))


async def replay(
    pool: Pool, inbox: Inbox, letter: int, *, actor_ref: str, reason: str | None = None
) -> None:
    """Apply a letter again, with everything that was parked behind it, in one transaction.

    Raises:
        LetterNotFoundError: there is none, or it is not open.
        ReplayFailedError: it still cannot be applied; it stays open with the new reason.
    """
    async with pool.acquire() as conn, conn.transaction():
        row = await _open_letter(conn, letter)
        failure = await _apply_again(conn, inbox, _raw(row), letter)
        if failure is None:
            await _queries.resolve_letter(
                conn, letter=letter, state="replayed", actor=actor_ref, reason=reason
            )
    if failure is not None:
        raise ReplayFailedError(failure)


async def discard(
    pool: Pool, inbox: Inbox, letter: int, *, actor_ref: str, reason: str | None = None
) -> None:
    """Give a letter up; its stream goes on without it, in one transaction.

    Raises:
        LetterNotFoundError: there is none, or it is not open.
    """
    async with pool.acquire() as conn, conn.transaction():
        row = await _open_letter(conn, letter)
        if row["event_id"] is not None:
            held = await _queries.discard_event(conn, event_id=row["event_id"])
            if held is not None:
                stream = Stream(held["application"], held["topic"], held["source"])
                await inbox.resume(conn, stream)
        await _queries.resolve_letter(
            conn, letter=letter, state="discarded", actor=actor_ref, reason=reason
        )


async def _apply_again(conn: Connection, inbox: Inbox, raw: Raw, letter: int) -> str | None:
    """Return why the letter still cannot be applied, None if it was.

    What was applied and could not be handed on is handed on again, once the letter is closed.
    """
    if await _is_applied(conn, letter):
        return None
    try:
        received = decode(raw)
    except RefusedError as refusal:
        name, reason = type(refusal).__name__, explain(refusal)
        await _queries.note_attempt(conn, letter=letter, error_class=name, error_message=reason)
        return f"{name}: {reason}"
    await _queries.dig_up(conn, event_id=received.event_id)
    await inbox.replay(conn, raw)
    if await _queries.state_of(conn, event_id=received.event_id) != "dead":
        return None
    row = await _queries.lock_letter(conn, letter=letter)
    return f"{row['error_class']}: {row['error_message']}"


async def _is_applied(conn: Connection, letter: int) -> bool:
    row = await _queries.lock_letter(conn, letter=letter)
    event = row["event_id"]
    return event is not None and await _queries.state_of(conn, event_id=event) == "applied"


async def _open_letter(conn: Connection, letter: int) -> Any:
    row = await _queries.lock_letter(conn, letter=letter)
    if row is None or row["state"] != "open":
        raise LetterNotFoundError(letter)
    return row


def _raw(row: Any) -> Raw:
    return Raw(
        topic=row["topic"],
        value=row["raw"],
        key=row["key"],
        partition=row["partition"],
        offset=row["offset"],
    )
