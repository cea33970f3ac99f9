"""The departments' Postgres, joint sessions: one function for each block of `sql/sessions.sql`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from services.contracts.vocabulary import Role
from services.departments import appointments_store
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "sessions.sql"))
LED_LOOKED_AT = 1000
"""Tasks of merged steps that a department leads, among which it is looked what to convene."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convened:
    """A session as it is convened. `until` is a member's clock; None: it is over."""

    application: str
    step: str
    group: str
    procedure: str
    lead: str
    place: str
    starts_at: datetime
    ends_at: datetime
    travel: timedelta
    tasks: Sequence[int]
    needed: Mapping[str, int]
    until: Mapping[str, datetime | None]
    attendees: Mapping[str, Sequence[str]]


async def list_officer(
    conn: Connection, officer: str, department: str, *, actor: str, at: datetime
) -> datetime | None:
    """Put somebody on a roster; return since when he is on it. None: he is on another's."""
    since: datetime | None = await QUERIES.list_officer(
        conn, officer=officer, department=department, actor=actor, at=at
    )
    return since


async def strike_officer(conn: Connection, officer: str, department: str, *, at: datetime) -> bool:
    """Take somebody off a roster; return whether he was on it."""
    found = await QUERIES.strike_officer(conn, officer=officer, department=department, at=at)
    return found is not None


async def roster_of(conn: Connection, departments: Collection[str]) -> list[Row]:
    """Return who can be sent by these departments."""
    rows = QUERIES.roster_of(conn, departments=list(departments))
    return [row async for row in rows]


async def lock_officers(conn: Connection, officers: Collection[str]) -> dict[str, str]:
    """Lock officers of the rosters until the transaction ends; return their departments."""
    rows = QUERIES.lock_officers(conn, officers=list(officers))
    return {row["officer_ref"]: row["department"] async for row in rows}


async def taken(
    conn: Connection,
    officers: Collection[str],
    since: datetime,
    until: datetime,
    *,
    beside: int | None = None,
) -> list[Row]:
    """Return when officers are not free; `beside` is a session that does not count."""
    rows = QUERIES.taken(conn, officers=list(officers), since=since, until=until, beside=beside)
    return [row async for row in rows]


async def loads(conn: Connection, officers: Collection[str], since: datetime) -> dict[str, int]:
    """Return to how many sessions officers are sent; whoever is sent to none is missing."""
    rows = QUERIES.loads(conn, officers=list(officers), since=since)
    return {row["officer_ref"]: row["sessions"] async for row in rows}


async def add_engagement(
    conn: Connection,
    officer: str,
    department: str,
    *,
    kind: str,
    starts: datetime,
    ends: datetime,
    actor: str,
    at: datetime,
) -> int | None:
    """Note when somebody is not free; return its id. None: he is not on the roster."""
    found: int | None = await QUERIES.add_engagement(
        conn,
        officer=officer,
        department=department,
        kind=kind,
        starts=starts,
        ends=ends,
        actor=actor,
        at=at,
    )
    return found


async def withdraw_engagement(
    conn: Connection, id_: int, officer: str, department: str, *, at: datetime
) -> bool:
    """Make somebody free again; return whether there was such an engagement."""
    found = await QUERIES.withdraw_engagement(
        conn, id=id_, officer=officer, department=department, at=at
    )
    return found is not None


async def step_tasks(conn: Connection, application: str, step: str) -> list[Row]:
    """Return the open tasks of a step, of every department."""
    rows = QUERIES.step_tasks(conn, application=application, step=step)
    return [row async for row in rows]


async def convene(conn: Connection, one: Convened, *, actor: str, role: Role, at: datetime) -> int:
    """Store a session with its tasks, members and seats; return its id.

    Raises:
        asyncpg.UniqueViolationError: the step has a session that is not over.
    """
    id_: int = await QUERIES.add_session(
        conn,
        application=one.application,
        step=one.step,
        group_code=one.group,
        procedure=one.procedure,
        lead=one.lead,
        place=one.place,
        starts=one.starts_at,
        ends=one.ends_at,
        travel=one.travel,
        actor=actor,
        role=role,
        at=at,
    )
    await QUERIES.add_session_tasks(conn, session=id_, tasks=list(one.tasks))
    await QUERIES.add_members(
        conn,
        session=id_,
        departments=list(one.needed),
        needed=list(one.needed.values()),
        untils=[one.until[department] for department in one.needed],
    )
    sent = [(ref, department) for department, refs in one.attendees.items() for ref in refs]
    await QUERIES.add_seats(
        conn,
        session=id_,
        officers=[ref for ref, _ in sent],
        departments=[department for _, department in sent],
        actor=actor,
        at=at,
    )
    return id_


async def note_tasks(
    conn: Connection, session: int, note: str, *, actor: str, role: Role, at: datetime
) -> None:
    """Write into the history of every task of a session."""
    await QUERIES.note_tasks(conn, session=session, actor=actor, role=role, note=note, at=at)


async def lock_session(conn: Connection, id_: int, department: str) -> Row | None:
    """Lock a session that a department leads or is a member of; None: there is none."""
    row: Row | None = await QUERIES.lock_session(conn, id=id_, department=department)
    return row


async def replace_seat(
    conn: Connection,
    session: int,
    officer: str,
    instead_of: str,
    department: str,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Send somebody to a session instead of another."""
    await QUERIES.replace_seat(
        conn,
        session=session,
        officer=officer,
        instead_of=instead_of,
        department=department,
        actor=actor,
        at=at,
    )


async def attest(
    conn: Connection,
    session: int,
    department: str,
    officers: Sequence[str],
    *,
    actor: str,
    role: Role,
    at: datetime,
) -> None:
    """Record who of a department is there, as one of its own says."""
    await QUERIES.attest(
        conn,
        session=session,
        department=department,
        officers=list(officers),
        actor=actor,
        role=role,
        at=at,
    )


async def set_state(
    conn: Connection,
    session: int,
    state: str,
    *,
    at: datetime,
    actor: str | None = None,
    reason: str | None = None,
) -> int:
    """Move a session (locked by the caller) on; return its version."""
    version: int = await QUERIES.set_state(
        conn, id=session, state=state, at=at, actor=actor, reason=reason
    )
    return version


async def add_record(
    conn: Connection,
    session: int,
    *,
    minutes: str,
    findings: Mapping[str, str],
    sha256: str,
    actor: str,
    role: Role,
    at: datetime,
) -> int:
    """Store the shared record; return the session's version."""
    await QUERIES.add_record(
        conn,
        session=session,
        minutes=minutes,
        findings=orjson.dumps(findings).decode(),
        sha256=sha256,
        actor=actor,
        role=role,
        at=at,
    )
    return await set_state(conn, session, "recorded", at=at)


async def lock_session_tasks(conn: Connection, session: int) -> list[Row]:
    """Lock the tasks of a session until the transaction ends."""
    rows = QUERIES.lock_session_tasks(conn, session=session)
    return [row async for row in rows]


async def add_signature(
    conn: Connection,
    session: int,
    department: str,
    *,
    sha256: str,
    tasks: Sequence[int],
    actor: str,
    at: datetime,
) -> None:
    """Store that a department signed the record, and the tasks that it ended so.

    Raises:
        asyncpg.UniqueViolationError: it has signed already.
    """
    await QUERIES.add_signature(
        conn,
        session=session,
        department=department,
        sha256=sha256,
        tasks=list(tasks),
        actor=actor,
        at=at,
    )


async def list_sessions(
    conn: Connection,
    department: str,
    *,
    state: str | None,
    since: datetime | None,
    after: tuple[datetime, int] | None,
    rows: int,
) -> list[Row]:
    """Return up to `rows` sessions of a department after a place in the list, in time's order."""
    after_at, after_id = after or (None, None)
    found = QUERIES.list_sessions(
        conn,
        department=department,
        state=state,
        since=since,
        after_at=after_at,
        after_id=after_id,
        page=rows,
    )
    return [row async for row in found]


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A session with everything that belongs to it."""

    row: Row
    members: Sequence[Row]
    seats: Sequence[Row]
    tasks: Sequence[Row]
    offers: Sequence[Row]


async def seats_taken(conn: Connection, session: int) -> dict[str, tuple[str, ...]]:
    """Return who is sent to a session now, by department."""
    found: dict[str, tuple[str, ...]] = {}
    async for row in QUERIES.seats_of(conn, session=session):
        if row["released_at"] is None:
            found[row["department"]] = (*found.get(row["department"], ()), row["officer_ref"])
    return found


async def read_session(conn: Connection, id_: int, department: str | None) -> Whole | None:
    """Return a session; `department` None: of any. None: there is none."""
    row: Row | None = await QUERIES.read_session(conn, id=id_, department=department)
    if row is None:
        return None
    return Whole(
        row=row,
        members=[found async for found in QUERIES.members_of(conn, session=id_)],
        seats=[found async for found in QUERIES.seats_of(conn, session=id_)],
        tasks=[found async for found in QUERIES.tasks_of(conn, session=id_)],
        offers=await appointments_store.offers_of(conn, id_),
    )


async def to_convene(conn: Connection, department: str) -> list[Row]:
    """Return the merged steps that a department leads and has convened nothing for."""
    rows = QUERIES.to_convene(conn, department=department, newest=LED_LOOKED_AT)
    return [row async for row in rows]
