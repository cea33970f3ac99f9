"""The investor confirms when departments come, or asks them to come at another time offered.

The lead department decides: between offer and answer the time may have been taken. Until it has
said so the session stands as it is.
"""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.sessions import AppointmentAnswered, AppointmentSlot
from services.contracts.vocabulary import SessionState
from services.intake import acts, sessions
from services.intake.appointments_problems import (
    ALREADY_ANSWERED,
    NOT_OFFERED,
    NOTHING_TO_ANSWER,
    REPLACED,
    TERM_PASSED,
)
from services.intake.models import EXAMPLE_NUMBER, Given
from services.intake.parts import Parts
from services.intake.store import Row
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import NOT_FOUND, Problem

ANSWERED = "appointment.answered"


class AppointmentGiven(Given):
    """The answer to an offer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"offer": 1, "starts_at": "2026-03-06T01:00:00Z"}, {"offer": 1}]
        }
    )

    offer: int = Field(ge=1, le=2**31 - 1, description="Number of the offer that is answered.")
    starts_at: AwareDatetime | None = Field(
        default=None,
        description="Start of one of the times offered; absent: the time is confirmed as it is.",
    )


class AppointmentTaken(BaseModel):
    """The answer was received; the lead department says what becomes of it."""

    number: str = Field(examples=[EXAMPLE_NUMBER])
    lead: str
    session: int
    offer: int
    starts_at: datetime | None = Field(description="The time asked for; absent: confirmed.")
    received_at: datetime


async def answer(
    parts: Parts,
    who: Principal,
    asked: Asked,
    number: str,
    lead: str,
    session: int,
    given: AppointmentGiven,
) -> Response:
    """Take in an answer.

    Raises Problem 404 for another's application or no such session, 409 when the application is
    over, there is nothing to answer, the term has passed, it was answered, or the offer was
    replaced, 422 for a time that is not offered.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        now = parts.clock.now()
        row = await acts.locked(conn, number, who)
        found = await _open(conn, number, lead, session, given.offer, now)
        time = _chosen(parts, found, given, now)
        await sessions.QUERIES.add_answer(
            conn,
            number=number,
            lead=lead,
            session=session,
            offer=given.offer,
            starts=None if time is None else time.starts_at,
            ends=None if time is None else time.ends_at,
            by=who.ref,
            at=now,
        )
        event = AppointmentAnswered(
            application=number,
            step=found["step"],
            department=lead,
            session=session,
            offer=given.offer,
            slot=time,
            answered_by=who.ref,
            answered_at=now,
        )
        await acts.tell(conn, who, row, event, ANSWERED, now)
        receipt = AppointmentTaken(
            number=number,
            lead=lead,
            session=session,
            offer=given.offer,
            starts_at=None if time is None else time.starts_at,
            received_at=now,
        )
        return slot.keep(acts.taken(number, receipt.model_dump_json()))


async def _open(
    conn: Connection, number: str, lead: str, session: int, offer: int, now: datetime
) -> Row:
    """Return a session (locked) whose offer can be answered."""
    about = {"number": number, "lead": lead, "session": session}
    row: Row | None = await sessions.QUERIES.lock_session(conn, **about)
    if row is None:
        raise Problem(NOT_FOUND)
    if row["state"] != SessionState.CONVENED:
        raise Problem(NOTHING_TO_ANSWER, extra={"state": row["state"]})
    if await sessions.QUERIES.was_answered(conn, **about, offer=offer):
        raise Problem(ALREADY_ANSWERED)
    if row["offer"] is None:
        raise Problem(NOTHING_TO_ANSWER, extra={"state": row["state"]})
    if row["offer"] != offer:
        raise Problem(REPLACED, extra={"offer": row["offer"]})
    if now >= row["offer_until"]:
        raise Problem(TERM_PASSED, extra={"until": row["offer_until"]})
    return row


def _chosen(
    parts: Parts, row: Row, given: AppointmentGiven, now: datetime
) -> AppointmentSlot | None:
    if given.starts_at is None:
        return None
    offered = sessions.choices(row, parts.shelf.calendar, now)
    found = next((one for one in offered if one.starts_at == given.starts_at), None)
    if found is None:
        raise Problem(NOT_OFFERED)
    return found
