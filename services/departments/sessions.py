"""Convening joint sessions: times are proposed, one is chosen, the members are invited.

The lead department of a merged step convenes. The members are the departments that have something
open in the step; each comes with as many officers as the law asks, inside its own clock. What an
invitation needs is the row itself: members read it in their list.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.contracts.sessions import AppointmentOffer, AppointmentSettled, SessionTold
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import Part, Service, SessionState
from services.departments import sessions_offers, sessions_store
from services.departments.scope import acting_role, department_of, forbid_own
from services.departments.sessions_offers import latest, member_clock
from services.departments.sessions_problems import (
    LEAD_REQUIRED,
    NOT_JOINT,
    PLACEMENT,
    SESSION_EXISTS,
    SESSION_STATE,
    faults,
)
from services.departments.store import Row
from services.domain.sessions import (
    Interval,
    Member,
    Officer,
    Round,
    Wanted,
    breaches,
    officers_needed,
)
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import current_traceparent
from services.runtime.web.etag import Expected
from services.runtime.web.problems import NOT_FOUND, Problem

LOAD_DAYS = timedelta(days=30)
"""Sessions of so many days past, and all to come, are an officer's load."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A session that is wanted for a merged step. `travel` is one way."""

    application: str
    step: str
    length: timedelta
    travel: timedelta
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Convening:
    """A session as the lead department wants it."""

    application: str
    step: str
    place: str
    starts_at: datetime
    ends_at: datetime
    travel: timedelta
    attendees: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a session is about: the open tasks of a merged step and the procedure they follow."""

    tasks: Sequence[Row]
    group: str
    lead: str
    procedure: str

    @property
    def departments(self) -> tuple[str, ...]:
        """The members, sorted."""
        return tuple(sorted({row["department"] for row in self.tasks}))

    @property
    def strangers(self) -> frozenset[str]:
        """Whoever has to do with the application, and so cannot be sent (keyed hashes)."""
        return frozenset(ref for row in self.tasks for ref in row["applicant_refs"])

    def needed(self, department: str) -> int:
        """Return how many officers a department sends."""
        parts = [Part(row["part"]) for row in self.tasks if row["department"] == department]
        return officers_needed(self.procedure, parts)

    def until(self, department: str, earliest_end: datetime) -> datetime | None:
        """Return the end of a department's clock: the shortest of its tasks'."""
        return member_clock(self.tasks, department, earliest_end)


async def about(
    conn: Connection, shelf: Shelf, who: Principal, application: str, step: str
) -> About:
    """Return what a session of a step is about, for its lead department.

    Raises:
        Problem: 404 when the principal's department has nothing open there, 403 when it does not
            lead or somebody would convene on his own application, 409 when the step is not joint.
    """
    own = department_of(who)
    tasks = await sessions_store.step_tasks(conn, application, step)
    mine = next((row for row in tasks if row["department"] == own), None)
    if mine is None:
        raise Problem(NOT_FOUND)
    for row in tasks:
        forbid_own(row["applicant_refs"], who)
    groups = shelf.version(mine["catalogue_version"]).group_by_code
    group = groups.get(mine["step_group"])
    if group is None:
        raise Problem(NOT_JOINT)
    if mine["lead"] != own:
        raise Problem(LEAD_REQUIRED, extra={"lead": mine["lead"]})
    return About(tasks=tasks, group=group.code, lead=own, procedure=group.procedure)


async def round_of(
    conn: Connection,
    shelf: Shelf,
    who: Principal,
    asked: Sequence[Asked],
    *,
    now: datetime,
    notice: timedelta,
    at_once: bool = False,
) -> Round:
    """Return the sessions asked for as a round that can be solved. Raises what `about` raises.

    A clock that ends before a session with due notice (`notice`) could binds nobody any more: what
    is proposed then can be convened. `at_once`: time is taken from now on, not after the notice.
    """
    subjects = [await about(conn, shelf, who, one.application, one.step) for one in asked]
    until = latest(shelf.calendar, now)
    roster = await _roster(conn, {d for found in subjects for d in found.departments})
    wanted = [
        _wanted(
            one,
            found,
            roster,
            earliest=now if at_once else max(now + notice, one.not_before or now),
            latest=until,
            reached=now + notice + one.length,
        )
        for one, found in zip(asked, subjects, strict=True)
    ]
    refs = {ref for one in wanted for member in one.members for ref in member.officers}
    officers = await _officers(conn, refs, now, until)
    return Round(wanted=tuple(wanted), officers=officers, calendar=shelf.calendar)


async def _roster(conn: Connection, departments: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {department: [] for department in departments}
    for row in await sessions_store.roster_of(conn, departments):
        found[row["department"]].append(row["officer_ref"])
    return found


async def _officers(
    conn: Connection, refs: Collection[str], since: datetime, until: datetime
) -> dict[str, Officer]:
    busy: dict[str, list[Interval]] = {ref: [] for ref in refs}
    for row in await sessions_store.taken(conn, refs, since, until):
        busy[row["officer_ref"]].append(Interval(start=row["starts_at"], end=row["ends_at"]))
    loads = await sessions_store.loads(conn, refs, since - LOAD_DAYS)
    return {
        ref: Officer(ref=ref, busy=tuple(found), load=loads.get(ref, 0))
        for ref, found in busy.items()
    }


def _wanted(
    one: Asked,
    found: About,
    roster: Mapping[str, Sequence[str]],
    *,
    earliest: datetime,
    latest: datetime,
    reached: datetime,
) -> Wanted:
    return Wanted(
        key=f"{one.application}/{one.step}",
        length=one.length,
        travel=one.travel,
        earliest=earliest,
        latest=latest,
        members=tuple(
            Member(
                department=department,
                needed=found.needed(department),
                officers=tuple(ref for ref in roster[department] if ref not in found.strangers),
                until=found.until(department, reached),
            )
            for department in found.departments
        ),
    )


async def convene(
    conn: Connection,
    *,
    clock: Clock,
    shelf: Shelf,
    who: Principal,
    session: Convening,
    notice: timedelta,
) -> int:
    """Convene a session and invite its members; return its id. Runs in the caller's transaction.

    The officers sent are locked while it is looked up whether they are free: nobody can be sent to
    two places at once.

    Raises:
        Problem: what `about` raises; 422 when time or attendees do not keep the rules; 409 when
            the step has a session that is not over.
    """
    now = clock.now()
    found = await about(conn, shelf, who, session.application, session.step)
    asked = Asked(
        application=session.application,
        step=session.step,
        length=session.ends_at - session.starts_at,
        travel=session.travel,
    )
    sent = [ref for refs in session.attendees.values() for ref in refs]
    await sessions_store.lock_officers(conn, sent)
    round_ = await round_of(conn, shelf, who, [asked], now=now, notice=notice, at_once=True)
    [wanted] = round_.wanted
    time = Interval(start=session.starts_at, end=session.ends_at)
    wrong = breaches(round_, wanted, time, session.attendees)
    if wrong:
        raise Problem(PLACEMENT, errors=faults(wrong))
    convened = _convened(session, found, wanted)
    role = acting_role(who)
    try:
        id_ = await sessions_store.convene(conn, convened, actor=who.ref, role=role, at=now)
    except asyncpg.UniqueViolationError as error:
        raise Problem(SESSION_EXISTS) from error
    await sessions_store.note_tasks(conn, id_, f"{id_} convened", actor=who.ref, role=role, at=now)
    facts = {
        "step": session.step,
        "procedure": found.procedure,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "tasks": [row["task"] for row in found.tasks],
        "attendees": {department: sorted(refs) for department, refs in session.attendees.items()},
    }
    await leaf(conn, "session.convened", who, session.application, id_, now, **facts)
    row = await locked(conn, who, id_)
    offer = await sessions_offers.make(conn, shelf.calendar, row, now)
    await tell(conn, row, SessionState.CONVENED, now, offer=offer)
    return id_


def _convened(session: Convening, found: About, wanted: Wanted) -> sessions_store.Convened:
    return sessions_store.Convened(
        application=session.application,
        step=session.step,
        group=found.group,
        procedure=found.procedure,
        lead=found.lead,
        place=session.place,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        travel=session.travel,
        tasks=[row["id"] for row in found.tasks],
        needed={member.department: member.needed for member in wanted.members},
        until={member.department: member.until for member in wanted.members},
        attendees=session.attendees,
    )


async def cancel(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    session: int,
    reason: str,
    expected: Expected,
) -> int:
    """Call a session off, before its record is written; return its version.

    The officers are free again and another session can be convened.

    Raises:
        Problem: 404, 403 not the lead department, 409 recorded or cancelled already, 412.
    """
    row = await lead_locked(conn, who, session, "convened", "held")
    expected.check(row["version"])
    at, role = clock.now(), acting_role(who)
    version = await sessions_store.set_state(
        conn, session, "cancelled", at=at, actor=who.ref, reason=reason
    )
    await sessions_store.note_tasks(
        conn, session, f"{session} cancelled", actor=who.ref, role=role, at=at
    )
    await leaf(conn, "session.cancelled", who, row["application"], session, at)
    await tell(conn, row, SessionState.CANCELLED, at)
    return version


async def lead_locked(conn: Connection, who: Principal, session: int, *states: str) -> Row:
    """Return a session that the principal's department leads, locked, in one of the states.

    Raises Problem 404, 403 not the lead department or own application, 409 another state.
    """
    row = await locked(conn, who, session)
    if row["lead"] != who.department:
        raise Problem(LEAD_REQUIRED, extra={"lead": row["lead"]})
    check_state(row, *states)
    return row


async def locked(conn: Connection, who: Principal, session: int) -> Row:
    """Return a session of the principal's department, locked. Raises Problem 404, 403 own."""
    row = await sessions_store.lock_session(conn, session, department_of(who))
    if row is None:
        raise Problem(NOT_FOUND)
    forbid_own(row["applicant_refs"], who)
    return row


def check_state(row: Row, *states: str) -> None:
    """Raise Problem 409 unless a session is in one of the states."""
    if row["state"] not in states:
        raise Problem(SESSION_STATE, extra={"state": row["state"]})


async def tell(
    conn: Connection,
    row: Row,
    state: SessionState,
    at: datetime,
    absent: Sequence[str] = (),
    *,
    offer: AppointmentOffer | None = None,
    settled: AppointmentSettled | None = None,
) -> None:
    """Tell the orchestrator, and through it the investor, what became of a session (locked)."""
    event = SessionTold(
        application=row["application"],
        step=row["step"],
        department=row["lead"],
        session=row["id"],
        state=state,
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        absent=tuple(absent),
        offer=offer,
        settled=settled,
        told_at=at,
    )
    told = Outgoing(
        topic=decisions_topic(row["lead"]),
        application=row["application"],
        event=event,
        at=at,
        consumers=DECISIONS.consumers,
        traceparent=row["traceparent"] or current_traceparent(),
    )
    await outbox.add(conn, Service.DEPARTMENTS, [told])


async def leaf(
    conn: Connection,
    act: str,
    who: Principal,
    application: str,
    session: int,
    at: datetime,
    **facts: Any,
) -> None:
    """Write the audit leaf of an act on a session."""
    facts |= {"session": session, "department": who.department, "role": acting_role(who)}
    await audit.leaf(conn, act, application, who.ref, facts, at=at)
