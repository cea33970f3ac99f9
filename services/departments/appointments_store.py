"""The departments' Postgres, appointments: a function for each block of `appointments.sql`."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from services.contracts.sessions import AppointmentAnswered
from services.contracts.vocabulary import AppointmentOutcome
from services.departments.store import Row
from services.domain.sessions import Interval
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "appointments.sql"))


async def add_offer(
    conn: Connection, session: int, until: datetime, slots: Sequence[Interval], *, at: datetime
) -> int:
    """Make the next offer about a session; return its number."""
    plain = [{"starts_at": one.start, "ends_at": one.end} for one in slots]
    number: int = await QUERIES.add_offer(
        conn, session=session, until=until, slots=orjson.dumps(plain).decode(), at=at
    )
    return number


async def offer_of(conn: Connection, session: int, number: int) -> Row | None:
    """Return an offer; None: there was none of that number."""
    row: Row | None = await QUERIES.offer_of(conn, session=session, number=number)
    return row


async def add_answer(
    conn: Connection, said: AppointmentAnswered, outcome: AppointmentOutcome, *, at: datetime
) -> bool:
    """Store an answer with what became of it; return whether it is the offer's first."""
    found = await QUERIES.add_answer(
        conn,
        session=said.session,
        offer=said.offer,
        starts=None if said.slot is None else said.slot.starts_at,
        ends=None if said.slot is None else said.slot.ends_at,
        actor=said.answered_by,
        answered=said.answered_at,
        outcome=outcome,
        at=at,
    )
    return found is not None


async def move_session(conn: Connection, session: int, time: Interval) -> None:
    """Hold a session (locked by the caller) at another time."""
    await QUERIES.move_session(conn, id=session, starts=time.start, ends=time.end)


async def touch_session(conn: Connection, session: int) -> None:
    """Count a session (locked by the caller) as changed."""
    await QUERIES.touch_session(conn, id=session)


async def offers_of(conn: Connection, session: int) -> list[Row]:
    """Return the offers about a session with their answers, the last first."""
    return [row async for row in QUERIES.offers_of(conn, session=session)]
