"""What the applicant answers about a session: departments decide, and say what became of it.

The time asked for must still be inside every clock, with a day's notice, and everybody named still
free: between offer and answer others were convened. Else the session stays as it is, and there is a
new offer. A session that has begun stays as it is whatever was answered.
"""

from collections.abc import Sequence
from datetime import datetime

import orjson
import structlog

from services.contracts.sessions import AppointmentAnswered, AppointmentSettled, AppointmentSlot
from services.contracts.vocabulary import AppointmentOutcome, Role, SessionState
from services.departments import appointments_store as store
from services.departments import sessions_offers, sessions_store
from services.departments.sessions import tell
from services.departments.store import Row
from services.domain.appointments import still_possible
from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.sessions import Interval
from services.runtime import audit
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Received

OVER = frozenset({SessionState.HELD, SessionState.RECORDED})
_log = structlog.get_logger(__name__)


class UnknownOfferError(LookupError):
    """An answer is about a session or an offer that there was not."""


async def take_in(
    conn: Connection, clock: Clock, calendar: WorkingCalendar, received: Sequence[Received]
) -> None:
    """Settle the answers among messages, in the order they came. Raises UnknownOfferError."""
    for one in received:
        if isinstance(one.event, AppointmentAnswered):
            await _settle(conn, calendar, one.event, clock.now())


async def _settle(
    conn: Connection, calendar: WorkingCalendar, said: AppointmentAnswered, now: datetime
) -> None:
    session = await _locked(conn, said)
    offer = await store.offer_of(conn, said.session, said.offer)
    if offer is None:
        message = f"session {said.session} of {said.department}: no offer {said.offer}"
        raise UnknownOfferError(message)
    outcome = await _outcome(conn, calendar, session, offer, said, now)
    if not await store.add_answer(conn, said, outcome, at=now):
        _log.info("answered before", session=said.session, offer=said.offer)
        return
    if outcome is AppointmentOutcome.MOVED and said.slot is not None:
        await store.move_session(conn, said.session, _time(said.slot))
        session = await _locked(conn, said)
    else:
        await store.touch_session(conn, said.session)
    await _record(conn, said, outcome, now)
    await tell(
        conn,
        session,
        SessionState(session["state"]),
        now,
        await _absent(conn, session),
        offer=await sessions_offers.make(conn, calendar, session, now)
        if outcome is AppointmentOutcome.GONE
        else None,
        settled=AppointmentSettled(offer=said.offer, outcome=outcome),
    )


async def _locked(conn: Connection, said: AppointmentAnswered) -> Row:
    row = await sessions_store.lock_session(conn, said.session, said.department)
    if row is None or (row["application"], row["lead"]) != (said.application, said.department):
        message = f"{said.department} has convened no session {said.session} for the application"
        raise UnknownOfferError(message)
    return row


async def _outcome(
    conn: Connection,
    calendar: WorkingCalendar,
    session: Row,
    offer: Row,
    said: AppointmentAnswered,
    now: datetime,
) -> AppointmentOutcome:
    offered = [AppointmentSlot.model_validate(one) for one in orjson.loads(offer["slots"])]
    # However early he answered: who is on site is not sent away, nor is what they attest moved.
    begun = session["state"] != SessionState.CONVENED or now >= session["starts_at"]
    if begun or said.answered_at >= offer["until"]:
        return AppointmentOutcome.VOID
    if said.slot is None:
        return AppointmentOutcome.CONFIRMED
    if said.slot not in offered:
        return AppointmentOutcome.VOID
    seats = await sessions_store.seats_taken(conn, session["id"])
    await sessions_store.lock_officers(conn, [ref for refs in seats.values() for ref in refs])
    round_, wanted = await sessions_offers.round_of(conn, calendar, session, now)
    possible = still_possible(round_, wanted, _time(said.slot), now)
    return AppointmentOutcome.MOVED if possible else AppointmentOutcome.GONE


def _time(slot: AppointmentSlot) -> Interval:
    return Interval(start=slot.starts_at, end=slot.ends_at)


async def _absent(conn: Connection, session: Row) -> list[str]:
    """Who was absent from a session that is over already: what is told replaces what was."""
    if session["state"] not in OVER:
        return []
    whole = await sessions_store.read_session(conn, session["id"], None)
    members = [] if whole is None else whole.members
    return [one["department"] for one in members if not one["present"]]


async def _record(
    conn: Connection, said: AppointmentAnswered, outcome: AppointmentOutcome, now: datetime
) -> None:
    """Write it into the history of every member's tasks, and into the log of acts."""
    slot = said.slot
    time = "" if slot is None else f": {slot.starts_at.astimezone(ZONE):%Y-%m-%d %H:%M}"
    note = f"{said.session} {outcome}{time}"
    await sessions_store.note_tasks(
        conn, said.session, note, actor=said.answered_by, role=Role.INVESTOR, at=now
    )
    facts = {
        "session": said.session,
        "department": said.department,
        "offer": said.offer,
        "starts_at": None if slot is None else slot.starts_at,
        "outcome": outcome,
    }
    await audit.leaf(conn, "session.answered", said.application, said.answered_by, facts, at=now)
