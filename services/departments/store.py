"""The departments' Postgres: one function for each named block of `sql/queries.sql`.

Whatever reads or locks on behalf of a person takes the person's department: the row of another
department is not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from services.contracts.events import TaskCancelled, TaskIssued
from services.contracts.vocabulary import Outcome, Part, Role, TaskState
from services.runtime.db import Connection, load_queries

QUERIES = load_queries("services.departments")
Row = asyncpg.Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """Which tasks of one department's queue. `holder` is a keyed hash; None: no such filter."""

    department: str
    state: TaskState = TaskState.OPEN
    item: str | None = None
    part: Part | None = None
    holder: str | None = None
    unclaimed: bool = False
    special: bool = False
    due_before: datetime | None = None
    prefix: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How one task ends. `role` None: silence ended it.

    `authorisation` and `approval` (above) are what it rests on, by their ids.
    """

    id: int
    kind: str
    outcome: Outcome
    basis: str
    at: datetime
    state: TaskState
    number: str | None = None
    conditions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    decided_above: str | None = None
    role: Role | None = None
    authorisation: int | None = None
    approval: int | None = None


async def add_tasks(
    conn: Connection, issued: Sequence[TaskIssued], traceparents: Sequence[str | None]
) -> None:
    """Put tasks on their queues.

    Raises:
        asyncpg.UniqueViolationError: a task of this name is there already.
        asyncpg.CheckViolationError: a task's name is not what it is about.
    """
    rows = [_task_row(one, parent) for one, parent in zip(issued, traceparents, strict=True)]
    await QUERIES.add_tasks(conn, **_columns(_TASK_COLUMNS, rows))


_TASK_COLUMNS = (
    *("tasks", "applications", "project_codes", "steps", "items", "departments", "parts"),
    *("rounds", "authorities", "silences", "applicants", "issued_ats", "promised_ons"),
    *("promised_ats", "statutory_ons", "statutory_ats", "provisionals", "traceparents"),
    *("scenarios", "catalogue_versions", "facts", "materials", "participants"),
    *("groups", "leads", "expires_ats"),
)


def _task_row(one: TaskIssued, traceparent: str | None) -> tuple[Any, ...]:
    materials = [found.model_dump(exclude_none=True) for found in one.materials]
    return (
        *(one.task, one.application, one.project_code, one.step, one.item, one.department),
        *(one.part, one.round, one.authority, one.silence, ",".join(one.applicant_refs)),
        *(one.issued_at, one.due.promised_on, one.due.promised_at, one.due.statutory_on),
        *(one.due.statutory_at, one.due.provisional, traceparent),
        *(one.scenario, one.catalogue_version, _json(one.facts), _json(materials)),
        *(",".join(one.participants), one.group, one.lead, one.expires_at),
    )


async def lock_named(conn: Connection, tasks: Sequence[str]) -> dict[str, Row]:
    """Lock tasks until the transaction ends; return them by name."""
    rows = QUERIES.lock_named(conn, tasks=list(tasks))
    return {row["task"]: row async for row in rows}


async def cancel_tasks(conn: Connection, cancelled: Sequence[tuple[int, TaskCancelled]]) -> None:
    """Cancel open tasks, which the caller has locked."""
    await QUERIES.cancel_tasks(
        conn,
        ids=[id_ for id_, _ in cancelled],
        reasons=[event.reason for _, event in cancelled],
        ats=[event.cancelled_at for _, event in cancelled],
    )


async def lock_tasks(conn: Connection, ids: Sequence[int], department: str) -> dict[int, Row]:
    """Lock tasks of one department until the transaction ends; return them by id."""
    rows = QUERIES.lock_tasks(conn, ids=list(ids), department=department)
    return {row["id"]: row async for row in rows}


async def end_tasks(
    conn: Connection, endings: Sequence[Ending], actor: str | None
) -> dict[int, int]:
    """Record how tasks ended, which the caller has locked; return their versions by id.

    Raises:
        asyncpg.UniqueViolationError: a task has an outcome already.
        asyncpg.CheckViolationError: an outcome that the law does not know (see the table).
    """
    rows = QUERIES.end_tasks(
        conn,
        ids=[one.id for one in endings],
        kinds=[one.kind for one in endings],
        outcomes=[one.outcome for one in endings],
        numbers=[one.number for one in endings],
        conditions=[_json(one.conditions) for one in endings],
        reasons=[_json(one.reasons) for one in endings],
        remedies=[_json(one.remedies) for one in endings],
        aboves=[one.decided_above for one in endings],
        actor=actor,
        roles=[one.role for one in endings],
        bases=[one.basis for one in endings],
        ats=[one.at for one in endings],
        states=[one.state for one in endings],
        authorisations=[one.authorisation for one in endings],
        approvals=[one.approval for one in endings],
    )
    return {row["id"]: row["version"] async for row in rows}


async def set_holder(
    conn: Connection, id_: int, *, holder: str | None, actor: str, role: Role, at: datetime
) -> int:
    """Claim a task (locked by the caller) for `holder`, or release it; return its version."""
    version: int = await QUERIES.set_holder(
        conn,
        id=id_,
        holder=holder,
        at=at,
        kind="released" if holder is None else "claimed",
        actor=actor,
        role=role,
    )
    return version


async def add_note(
    conn: Connection, id_: int, *, actor: str, role: Role, note: str, at: datetime
) -> int:
    """Add a note to a task's history; return the act's id."""
    act: int = await QUERIES.add_note(conn, id=id_, actor=actor, role=role, note=note, at=at)
    return act


async def list_tasks(
    conn: Connection,
    filters: Filters,
    *,
    by_issue: bool,
    after: tuple[datetime, int] | None,
    rows: int,
) -> list[Row]:
    """Return up to `rows` tasks of a queue after a place in it, soonest due (or issued) first."""
    after_at, after_id = after or (None, None)
    query = QUERIES.queue_by_issue if by_issue else QUERIES.queue_by_due
    async with conn.transaction(readonly=True):
        await QUERIES.plan_anew(conn)
        found = query(
            conn,
            department=filters.department,
            state=filters.state,
            item=filters.item,
            part=filters.part,
            holder=filters.holder,
            unclaimed=filters.unclaimed,
            special=filters.special,
            due_before=filters.due_before,
            prefix=filters.prefix,
            prefix_end=_after_prefix(filters.prefix),
            after_at=after_at,
            after_id=after_id,
            page=rows,
        )
        return [row async for row in found]


def _after_prefix(prefix: str | None) -> str | None:
    """Return what sorts behind everything that starts with the prefix (byte by byte)."""
    return None if prefix is None else prefix + "\U0010ffff"


async def count_queue(
    conn: Connection, department: str, *, holder: str, now: datetime
) -> list[Row]:
    """Return what is open in a queue, by item and part."""
    rows = QUERIES.count_queue(conn, department=department, holder=holder, now=now)
    return [row async for row in rows]


async def read_task(conn: Connection, id_: int, department: str | None) -> Row | None:
    """Return one task with its dossier and outcome; `department` None: of any."""
    row: Row | None = await QUERIES.read_task(conn, id=id_, department=department)
    return row


async def acts_of(
    conn: Connection, id_: int, department: str | None, *, after: int, rows: int
) -> list[Row] | None:
    """Return up to `rows` acts on a task with ids above `after`; None: no such task."""
    found = QUERIES.acts_of(conn, id=id_, department=department, after=after, page=rows)
    acts = [row async for row in found]
    return [row for row in acts if row["id"] is not None] if acts else None


async def silent_tasks(
    conn: Connection, *, before: datetime, after: tuple[datetime, int] | None, rows: int
) -> list[Row]:
    """Return open tasks whose silence means something and whose time was over before `before`."""
    after_at, after_id = after or (None, None)
    found = QUERIES.silent_tasks(
        conn, before=before, after_at=after_at, after_id=after_id, page=rows
    )
    return [row async for row in found]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return rows as named columns, the shape that `unnest` takes."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
