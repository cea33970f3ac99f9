"""What the applicant is offered about a session on site: to confirm its time, or another one.

The officers who were named come at the other time, too: an offer is made of times at which all of
them are free, inside every member's clock. A clock that the present time keeps is kept by each.
"""

from collections.abc import Sequence
from datetime import datetime

from services.contracts.sessions import AppointmentOffer, AppointmentSlot
from services.departments import appointments_store as store
from services.departments import sessions_store
from services.departments.store import Row
from services.domain.appointments import answer_until, slots
from services.domain.calendar import WorkingCalendar
from services.domain.sessions import (
    ON_SITE,
    Interval,
    Member,
    Officer,
    Round,
    Wanted,
    clock_of,
    shortest,
)
from services.runtime.db import Connection

HORIZON = 20
"""Working days ahead that are looked at when no member's clock ends before."""


def latest(calendar: WorkingCalendar, now: datetime) -> datetime:
    """Return the instant until which times are looked for."""
    return calendar.close_of(calendar.add_working_days(calendar.local_date(now), HORIZON))


def member_clock(tasks: Sequence[Row], department: str, earliest_end: datetime) -> datetime | None:
    """Return the end of a department's clock: the shortest of its open tasks'."""
    return shortest(
        clock_of(row["promised_at"], row["statutory_at"], earliest_end)
        for row in tasks
        if row["department"] == department
    )


async def make(
    conn: Connection, calendar: WorkingCalendar, session: Row, now: datetime
) -> AppointmentOffer | None:
    """Store the next offer about a session (locked); None: nobody is asked, or it is too late."""
    until = answer_until(calendar, session["starts_at"])
    if session["procedure"] not in ON_SITE or until <= now:
        return None
    round_, wanted = await round_of(conn, calendar, session, now)
    current = Interval(start=session["starts_at"], end=session["ends_at"])
    found = slots(round_, wanted, current, now)
    number = await store.add_offer(conn, session["id"], until, found, at=now)
    return AppointmentOffer(
        number=number,
        until=until,
        slots=tuple(AppointmentSlot(starts_at=one.start, ends_at=one.end) for one in found),
    )


async def round_of(
    conn: Connection, calendar: WorkingCalendar, session: Row, now: datetime
) -> tuple[Round, Wanted]:
    """Return a session as it is to be timed anew: all who were named come, nobody else.

    What they do in this session itself does not keep them from it. A member that has nothing open
    any more has no clock.
    """
    seats = await sessions_store.seats_taken(conn, session["id"])
    tasks = await sessions_store.step_tasks(conn, session["application"], session["step"])
    horizon = latest(calendar, now)
    wanted = Wanted(
        key=f"{session['application']}/{session['step']}",
        length=session["ends_at"] - session["starts_at"],
        travel=session["travel"],
        earliest=now,
        latest=horizon,
        members=tuple(
            Member(
                department=department,
                needed=len(refs),
                officers=refs,
                until=_until(tasks, department, session["ends_at"], horizon),
            )
            for department, refs in sorted(seats.items())
        ),
    )
    officers = [ref for refs in seats.values() for ref in refs]
    taken = await sessions_store.taken(conn, officers, now, horizon, beside=session["id"])
    busy: dict[str, list[Interval]] = {ref: [] for ref in officers}
    for row in taken:
        busy[row["officer_ref"]].append(Interval(start=row["starts_at"], end=row["ends_at"]))
    known = {ref: Officer(ref=ref, busy=tuple(found)) for ref, found in busy.items()}
    return Round(wanted=(wanted,), officers=known, calendar=calendar), wanted


def _until(
    tasks: Sequence[Row], department: str, ends_at: datetime, horizon: datetime
) -> datetime | None:
    if not any(row["department"] == department for row in tasks):
        return horizon
    return member_clock(tasks, department, ends_at)
