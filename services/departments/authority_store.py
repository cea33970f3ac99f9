"""Authority in the departments' Postgres: one function for each block of `sql/authority.sql`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from services.contracts.vocabulary import Authority, Outcome, Role
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "authority.sql"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A written authorisation as it is given.

    `items` None: every item of the department; `valid_from` None: from the day it is given on.
    """

    department: str
    representative: str
    substitute: str | None
    items: tuple[str, ...] | None
    powers: tuple[str, ...]
    valid_from: date | None
    valid_until: date
    document: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """Whoever acts (keyed hash), in which role, and when."""

    actor: str
    role: Role
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """A task that goes up: to whom, with what proposal and opinion, on which authorisation."""

    task: int
    department: str
    level: Authority
    proposal: Outcome
    opinion: str
    authorisation: int | None
    budget: int
    due_on: date
    due_at: datetime


async def guard(conn: Connection, department: str, *, alone: bool = False) -> None:
    """Let nobody change who may act for a department until the transaction ends.

    `alone`: be the one who changes it, with no decision of the department under way.
    """
    query = QUERIES.guard_alone if alone else QUERIES.guard
    await query(conn, department=department)


async def rule(conn: Connection) -> str | None:
    """Return what a decision needs now; None: nobody has ever said."""
    found: str | None = await QUERIES.rule(conn)
    return found


async def set_rule(conn: Connection, name: str, since: datetime) -> None:
    """Say what a decision needs from now on."""
    await QUERIES.set_rule(conn, rule=name, since=since)


async def grant_authorisation(conn: Connection, grant: Grant, act: Act) -> int:
    """Record an authorisation; return its id.

    Raises:
        asyncpg.CheckViolationError: an authorisation that cannot be (see the table).
    """
    found: int = await QUERIES.grant_authorisation(
        conn,
        department=grant.department,
        representative=grant.representative,
        substitute=grant.substitute,
        items=None if grant.items is None else list(grant.items),
        powers=list(grant.powers),
        valid_from=grant.valid_from,
        valid_until=grant.valid_until,
        document=grant.document,
        actor=act.actor,
        role=act.role,
        at=act.at,
    )
    return found


async def read_authorisation(conn: Connection, id_: int, department: str) -> Row | None:
    """Return one authorisation of a department."""
    return cast("Row | None", await QUERIES.read_authorisation(conn, id=id_, department=department))


async def revoke_authorisation(
    conn: Connection, id_: int, *, actor: str, at: datetime, reason: str
) -> None:
    """Revoke an authorisation, once for ever."""
    await QUERIES.revoke_authorisation(conn, id=id_, actor=actor, at=at, reason=reason)


async def list_authorisations(
    conn: Connection,
    department: str,
    *,
    person: str | None,
    on_day: date | None,
    after: int,
    rows: int,
) -> list[Row]:
    """Return up to `rows` authorisations of a department with ids above `after`."""
    found = QUERIES.list_authorisations(
        conn, department=department, person=person, on_day=on_day, after=after, page=rows
    )
    return [row async for row in found]


async def authorisations_of(
    conn: Connection, person: str, department: str, *, at: datetime, on_day: date
) -> list[Row]:
    """Return what somebody may do for a department at an instant, on the day it lies in."""
    found = QUERIES.authorisations_of(
        conn, person=person, department=department, at=at, on_day=on_day
    )
    return [row async for row in found]


async def record_absence(
    conn: Connection,
    department: str,
    person: str,
    *,
    since: datetime,
    until: datetime | None,
    actor: str,
    at: datetime,
    substitute: str | None = None,
) -> int:
    """Record an absence; return its id."""
    found: int = await QUERIES.record_absence(
        conn,
        department=department,
        person=person,
        substitute=substitute,
        since=since,
        until=until,
        actor=actor,
        at=at,
    )
    return found


async def read_absence(conn: Connection, id_: int, department: str) -> Row | None:
    """Return one absence in a department."""
    return cast("Row | None", await QUERIES.read_absence(conn, id=id_, department=department))


async def end_absence(conn: Connection, id_: int, *, actor: str, at: datetime) -> None:
    """End an absence, once for ever."""
    await QUERIES.end_absence(conn, id=id_, actor=actor, at=at)


async def list_absences(
    conn: Connection,
    department: str,
    *,
    at: datetime,
    after: int,
    rows: int,
    person: str | None = None,
) -> list[Row]:
    """Return up to `rows` absences that are not over at an instant, with ids above `after`."""
    found = QUERIES.list_absences(
        conn, department=department, person=person, at=at, after=after, page=rows
    )
    return [row async for row in found]


async def stood_in_for(
    conn: Connection, person: str, department: str, *, at: datetime, on_day: date
) -> list[Row]:
    """Return whose substitute somebody is at an instant, on the day it lies in."""
    found = QUERIES.stood_in_for(conn, person=person, department=department, at=at, on_day=on_day)
    return [row async for row in found]


async def absent(
    conn: Connection, people: Sequence[str], department: str, *, at: datetime
) -> frozenset[str]:
    """Return which of these people are absent at an instant."""
    found = QUERIES.absent(conn, people=list(people), department=department, at=at)
    return frozenset([row["person_ref"] async for row in found])


async def ask_above(conn: Connection, raised: Raised, act: Act) -> tuple[int, int]:
    """Send a task (locked by the caller) up; return the approval's id and the task's version."""
    row = await QUERIES.ask_above(
        conn,
        task=raised.task,
        department=raised.department,
        level=raised.level,
        proposal=raised.proposal,
        opinion=raised.opinion,
        authorisation=raised.authorisation,
        actor=act.actor,
        role=act.role,
        at=act.at,
        budget=raised.budget,
        due_on=raised.due_on,
        due_at=raised.due_at,
    )
    return row["id"], row["version"]


async def answer_above(
    conn: Connection, id_: int, *, answer: Outcome, document: str, act: Act
) -> int:
    """Answer what went up, whose task the caller has locked; return the task's version."""
    version: int = await QUERIES.answer_above(
        conn,
        id=id_,
        answer=answer,
        document=document,
        actor=act.actor,
        role=act.role,
        at=act.at,
    )
    return version


async def aboves(conn: Connection, ids: Sequence[int]) -> dict[int, Row]:
    """Return what went up, by the id of the approval."""
    found = QUERIES.aboves(conn, ids=list(ids))
    return {row["id"]: row async for row in found}


async def task_of_above(conn: Connection, id_: int, department: str) -> Row | None:
    """Return the task that an approval is about, and who asked."""
    return cast("Row | None", await QUERIES.task_of_above(conn, id=id_, department=department))


async def list_aboves(
    conn: Connection,
    department: str,
    *,
    task: int | None,
    unanswered: bool,
    overdue_at: datetime | None,
    after: tuple[datetime, int] | None,
    rows: int,
) -> list[Row]:
    """Return up to `rows` of what went up, soonest due first, after a place in that order."""
    after_at, after_id = after or (None, None)
    found = QUERIES.list_aboves(
        conn,
        department=department,
        task=task,
        unanswered=unanswered,
        overdue_at=overdue_at,
        after_at=after_at,
        after_id=after_id,
        page=rows,
    )
    return [row async for row in found]


async def record_visit(
    conn: Connection,
    task: int,
    department: str,
    *,
    visited_on: date,
    officers: Sequence[str],
    findings: str,
    act: Act,
) -> tuple[int, int]:
    """Record a visit about a task (locked by the caller); return its id, and the task's version."""
    row = await QUERIES.record_visit(
        conn,
        task=task,
        department=department,
        visited_on=visited_on,
        officers=list(officers),
        findings=findings,
        actor=act.actor,
        role=act.role,
        at=act.at,
    )
    return row["id"], row["version"]


async def task_of_visit(conn: Connection, id_: int, department: str) -> Row | None:
    """Return the task that a visit is about, and the officers it names."""
    return cast("Row | None", await QUERIES.task_of_visit(conn, id=id_, department=department))


async def sign_visit(conn: Connection, id_: int, task: int, act: Act) -> int:
    """Sign a record, whose task the caller has locked; return how many have signed it."""
    signed: int = await QUERIES.sign_visit(
        conn, id=id_, task=task, actor=act.actor, role=act.role, at=act.at
    )
    return signed


async def signatures(conn: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return how many officers have signed each record."""
    return {row["visit_id"]: row["signed"] async for row in QUERIES.signatures(conn, ids=list(ids))}


async def visits_of(
    conn: Connection, task: int, department: str | None, *, after: int, rows: int
) -> list[Row] | None:
    """Return up to `rows` records of a task with ids above `after`; None: no such task."""
    query = QUERIES.visits_of(conn, id=task, department=department, after=after, page=rows)
    found = [row async for row in query]
    return [row for row in found if row["id"] is not None] if found else None


async def reassign(conn: Connection, task: int, *, holder: str, reason: str, act: Act) -> int:
    """Give a task (locked by the caller) into somebody's hands; return its version."""
    version: int = await QUERIES.reassign(
        conn, id=task, holder=holder, reason=reason, actor=act.actor, role=act.role, at=act.at
    )
    return version


async def handle_specially(conn: Connection, task: int, *, reason: str, act: Act) -> int:
    """Put a task (locked by the caller) before the others; return its version."""
    version: int = await QUERIES.handle_specially(
        conn, id=task, reason=reason, actor=act.actor, role=act.role, at=act.at
    )
    return version
