"""Longer limits that were proposed: one function for each named block of `sql/extending.sql`."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.contracts.vocabulary import Approver, Role, Unit
from services.departments.authority_store import Act
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "extending.sql"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposed:
    """A longer limit as it is proposed: so many days, by whom to be approved, and until when."""

    task: int
    department: str
    days: int
    unit: Unit
    approver: Approver
    reason: str
    authorisation: int | None
    budget: int
    due_at: datetime


async def propose(conn: Connection, found: Proposed, act: Act) -> tuple[int, int]:
    """Store a proposal about a task (locked by the caller); return its id, the task's version."""
    row = await QUERIES.propose(
        conn,
        task=found.task,
        department=found.department,
        days=found.days,
        unit=found.unit,
        approver=found.approver,
        reason=found.reason,
        authorisation=found.authorisation,
        actor=act.actor,
        role=act.role,
        at=act.at,
        budget=found.budget,
        due_at=found.due_at,
    )
    return row["id"], row["version"]


async def open_proposal_of(conn: Connection, task: int) -> int | None:
    """Return the proposal about a task (locked by the caller) that nobody has answered."""
    return cast("int | None", await QUERIES.open_proposal_of(conn, task=task))


async def read_proposal(conn: Connection, id_: int, department: str) -> Row | None:
    """Return one proposal of a department."""
    return cast("Row | None", await QUERIES.read_proposal(conn, id=id_, department=department))


async def answer(
    conn: Connection, id_: int, *, answer: str, document: str, actor: str, at: datetime
) -> int:
    """Answer a proposal whose task the caller has locked; return the task's version."""
    version: int = await QUERIES.answer(
        conn,
        id=id_,
        answer=answer,
        document=document,
        actor=actor,
        role=Role.DEPARTMENT_HEAD,
        at=at,
    )
    return version


async def list_proposals(
    conn: Connection,
    department: str,
    *,
    task: int | None,
    unanswered: bool,
    after: tuple[datetime, int] | None,
    rows: int,
) -> list[Row]:
    """Return up to `rows` proposals, soonest due first, after a place in that order."""
    after_at, after_id = after or (None, None)
    found = QUERIES.list_proposals(
        conn,
        department=department,
        task=task,
        unanswered=unanswered,
        after_at=after_at,
        after_id=after_id,
        page=rows,
    )
    return [row async for row in found]
