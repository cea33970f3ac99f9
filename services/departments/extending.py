"""A longer limit is proposed by one person and approved by another (行政许可法 42).

Whoever has the task proposes; the head of the department answers: for himself where the catalogue
names him, else with the document of the government or of whoever else has to approve. Approved, the
limit is extended in the same transaction, in the name of the one who answered.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.contracts.vocabulary import Approver, Role
from services.departments import clocks_store, handling
from services.departments import extending_store as store
from services.departments.above import Step
from services.departments.authority_store import Act
from services.departments.clocks import Clocks, ExtensionAsked
from services.departments.clocks_store import Actor
from services.departments.extending_store import Proposed
from services.departments.problems import (
    ANOTHER_PERSON,
    EXTENSION_ANSWERED,
    EXTENSION_PROPOSED,
    REPRESENTATIVE_REQUIRED,
)
from services.departments.scope import department_of
from services.departments.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import NOT_FOUND, Problem


class ApproverAnswer(StrEnum):
    """What the approver said."""

    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """It was proposed: the proposal's id, until when it is to be answered, the task's version."""

    id: int
    task: str
    approver: Approver
    due_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """It was answered; `extension`: the number of the extension that follows from it."""

    id: int
    task: str
    answer: ApproverAnswer
    extension: int | None
    answered_at: datetime
    version: int


async def propose(
    conn: Connection,
    *,
    clock: Clock,
    clocks: Clocks,
    step: Step,
    who: Principal,
    task: int,
    days: int,
    approver: Approver,
    reason: str,
    expected: Expected,
) -> Asked:
    """Propose a longer limit. It is to be answered within the step's budget, in the limit's time.

    Raises:
        Problem: 404; 403 own application, no authority; 409 ended, another part, held by another
            officer, limit over, proposed already; 412; 422 what the catalogue does not list.
    """
    row, timing, own = await clocks.locked(conn, who, task, expected)
    if own.authorisation is None and not who.has(Role.CHIEF_REPRESENTATIVE):
        raise Problem(REPRESENTATIVE_REQUIRED)
    at = clock.now()
    rule = clocks.lawful(row, timing, days, approver, at)
    if await store.open_proposal_of(conn, task) is not None:
        raise Problem(EXTENSION_PROPOSED)
    due_at = _due(step, timing, at)
    proposed = Proposed(
        task=task,
        department=row["department"],
        days=days,
        unit=rule.limit.unit,
        approver=approver,
        reason=reason,
        authorisation=own.authorisation,
        budget=step.budget,
        due_at=due_at,
    )
    role = own.role if own.authorisation is not None else Role.CHIEF_REPRESENTATIVE
    id_, version = await store.propose(conn, proposed, Act(actor=who.ref, role=role, at=at))
    facts = {
        "proposal": id_,
        "days": days,
        "approver": approver,
        "authorisation": own.authorisation,
        "due_at": due_at,
        "texts_sha256": hashlib.sha256(reason.encode()).hexdigest(),
    }
    await _leaf(conn, "extension.proposed", who, row, at, facts)
    return Asked(id=id_, task=row["task"], approver=approver, due_at=due_at, version=version)


def _due(step: Step, timing: Row, at: datetime) -> datetime:
    """Return when it is to be answered: what has run out cannot be extended any more."""
    calendar = step.calendar
    due_on = calendar.add_working_days(calendar.local_date(at), step.budget)
    last = timing["statutory_on"]
    return calendar.close_of(due_on if last is None else min(due_on, last))


async def answer(
    conn: Connection,
    *,
    clock: Clock,
    clocks: Clocks,
    who: Principal,
    id_: int,
    said: ApproverAnswer,
    document: str,
) -> Answered:
    """Answer what was proposed in one's department. Nobody answers his own proposal.

    Raises:
        Problem: 404; 403 own application, proposed by oneself; 409 the task has ended, answered,
            limit over; 422 the catalogue does not let it be extended so any more.
    """
    about = await store.read_proposal(conn, id_, department_of(who))
    if about is None:
        raise Problem(NOT_FOUND)
    if about["asked_by"] in who.refs:
        raise Problem(ANOTHER_PERSON)
    row = await handling.locked(conn, who, about["task_id"])
    if await store.open_proposal_of(conn, row["id"]) != id_:
        raise Problem(EXTENSION_ANSWERED)
    at = clock.now()
    version = await store.answer(conn, id_, answer=said, document=document, actor=who.ref, at=at)
    facts = {"proposal": id_, "answer": said, "document": document}
    await _leaf(conn, "extension.answered", who, row, at, facts)
    number = None
    if said is ApproverAnswer.APPROVED:
        timing = await clocks_store.clock_of(conn, row["id"])
        asked = ExtensionAsked(
            days=about["days"],
            approver=Approver(about["approver"]),
            approval=document,
            reason=about["reason"],
        )
        by = Actor(ref=who.ref, role=Role.DEPARTMENT_HEAD, at=at)
        changed = await clocks.lengthen(conn, row, timing, asked, by, id_)
        number, version = changed.number, changed.version
    return Answered(
        id=id_, task=row["task"], answer=said, extension=number, answered_at=at, version=version
    )


async def _leaf(
    conn: Connection, name: str, who: Principal, row: Row, at: datetime, facts: dict[str, Any]
) -> None:
    facts |= {"task": row["task"], "department": row["department"]}
    await audit.leaf(conn, name, row["application"], who.ref, facts, at=at)
