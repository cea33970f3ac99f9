"""Claiming, releasing and noting: what officers do about a task before it ends.

Each runs in the caller's transaction: effect, history and audit leaf together.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.contracts.vocabulary import Role, TaskState
from services.departments import store
from services.departments.authority import absent_holders, forbid_held
from services.departments.problems import TASK_ENDED
from services.departments.scope import acting_role, department_of, forbid_own
from services.departments.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import NOT_FOUND, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Who has a task in hand (keyed hash), and since when."""

    id: int
    task: str
    version: int
    claimed_by: str | None
    claimed_at: datetime | None


class Hold(Protocol):
    """`claim` or `release`."""

    async def __call__(
        self, conn: Connection, *, clock: Clock, who: Principal, task: int, expected: Expected
    ) -> Holding:
        """Act in the caller's transaction."""
        ...


async def claim(
    conn: Connection, *, clock: Clock, who: Principal, task: int, expected: Expected
) -> Holding:
    """Take a task in hand, also out of an absent officer's. Claiming one's own changes nothing.

    Raises:
        Problem: 404, 403 own application, 409 ended or held by another officer, 412.
    """
    row = await locked(conn, who, task)
    if row["claimed_by"] == who.ref:
        return holding(row, row["version"], who.ref, row["claimed_at"])
    now = clock.now()
    forbid_held(row, who, await absent_holders(conn, who, row["department"], [row], now))
    expected.check(row["version"])
    return await _set_holder(conn, clock, who, row, who.ref)


async def release(
    conn: Connection, *, clock: Clock, who: Principal, task: int, expected: Expected
) -> Holding:
    """Give a task back to the queue: one's own, or an absent officer's by the chief representative.

    Releasing what nobody holds changes nothing.

    Raises:
        Problem: 404, 403 own application, 409 ended or held by another officer, 412.
    """
    row = await locked(conn, who, task)
    if row["claimed_by"] is None:
        return holding(row, row["version"], None, None)
    if not who.has(Role.CHIEF_REPRESENTATIVE):
        forbid_held(row, who)
    expected.check(row["version"])
    return await _set_holder(conn, clock, who, row, None)


async def note(
    conn: Connection, *, clock: Clock, who: Principal, task: int, text: str
) -> tuple[int, datetime]:
    """Add a note to a task's history, also after its end; return the act's id and instant.

    Raises:
        Problem: 404, 403 own application.
    """
    row = await locked(conn, who, task, ended=True)
    at, role = clock.now(), acting_role(who)
    act = await store.add_note(conn, task, actor=who.ref, role=role, note=text, at=at)
    await _leaf(conn, "task.noted", who, row, at, note=act)
    return act, at


async def locked(conn: Connection, who: Principal, task: int, *, ended: bool = False) -> Row:
    """Return a task of the principal's department, locked; `ended`: it need not be open."""
    row = (await store.lock_tasks(conn, [task], department_of(who))).get(task)
    if row is None:
        raise Problem(NOT_FOUND)
    forbid_own(row["applicant_refs"], who)
    if row["state"] != TaskState.OPEN and not ended:
        raise Problem(TASK_ENDED, extra={"state": row["state"]})
    return row


async def _set_holder(
    conn: Connection, clock: Clock, who: Principal, row: Row, holder: str | None
) -> Holding:
    at = clock.now()
    role = acting_role(who)
    if holder is None and row["claimed_by"] != who.ref:
        role = Role.CHIEF_REPRESENTATIVE
    version = await store.set_holder(
        conn, row["id"], holder=holder, actor=who.ref, role=role, at=at
    )
    act = "task.released" if holder is None else "task.claimed"
    await _leaf(conn, act, who, row, at)
    return holding(row, version, holder, None if holder is None else at)


async def _leaf(
    conn: Connection, act: str, who: Principal, row: Row, at: datetime, **facts: Any
) -> None:
    facts |= {"task": row["task"], "department": row["department"]}
    await audit.leaf(conn, act, row["application"], who.ref, facts, at=at)


def holding(row: Row, version: int, holder: str | None, claimed_at: datetime | None) -> Holding:
    """Return who has a task in hand now."""
    return Holding(
        id=row["id"],
        task=row["task"],
        version=version,
        claimed_by=holder,
        claimed_at=claimed_at,
    )
