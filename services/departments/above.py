"""报批: what needs more than the representative has goes up, as a step with its own clock.

The representative sends the task up with a proposal and the opinion of the first review. The head
of the department answers: for himself, or with the document of the government or the higher
authority. The decision is then recorded as it came back; until then nobody can decide.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.contracts.limits import TaskSentUp
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import OUTCOMES_OF, Authority, Outcome, Part, Role, Service
from services.departments import authority, handling
from services.departments import authority_store as store
from services.departments.authority import Grounds
from services.departments.authority_store import Act, Raised
from services.departments.problems import (
    ABOVE_ANSWERED,
    ABOVE_ASKED,
    ABOVE_NEEDLESS,
    ANOTHER_PERSON,
    WRONG_PART,
)
from services.departments.scope import department_of
from services.departments.store import Row
from services.domain.calendar import WorkingCalendar
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span
from services.runtime.web.etag import Expected
from services.runtime.web.problems import NOT_FOUND, Problem

DECISIVE = OUTCOMES_OF[Part.DECIDE]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What went up: the approval's id, to whom, until when, and the task's new version."""

    id: int
    task: str
    level: Authority
    due_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came back, and the task's new version."""

    id: int
    task: str
    answer: Outcome
    answered_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How long the step takes: working days, and the calendar they are counted in."""

    budget: int
    calendar: WorkingCalendar


async def ask(
    conn: Connection,
    *,
    clock: Clock,
    step: Step,
    who: Principal,
    task: int,
    proposal: Outcome,
    opinion: str,
    expected: Expected,
) -> Asked:
    """Send a task up. It is due after the step's budget, and never later than the task's promise.

    Raises:
        Problem: 404; 403 own application, no authority; 409 ended, a consultation, not needed,
            there already, or not signed; 412.
    """
    row = await handling.locked(conn, who, task)
    if row["part"] != Part.DECIDE:
        raise Problem(WRONG_PART, extra={"part": row["part"]})
    at = clock.now()
    found = await authority.mandate(conn, who, row["department"], [row], at)
    grounds = authority.grounds(row, who, found)
    if not grounds.is_above:
        raise Problem(ABOVE_NEEDLESS)
    if row["above_id"] is not None:
        raise Problem(ABOVE_ASKED)
    expected.check(row["version"])
    authority.forbid_unsigned(row, found)
    raised = _raised(row, grounds, proposal, opinion, step, at)
    act = Act(actor=who.ref, role=grounds.role, at=at)
    id_, version = await store.ask_above(conn, raised, act)
    facts = {
        "approval_above": id_,
        "level": raised.level,
        "proposal": proposal,
        "authorisation": raised.authorisation,
        "due_at": raised.due_at,
        "texts_sha256": _digest(opinion),
    }
    await _leaf(conn, "above.asked", who, row, at, facts)
    if raised.level is Authority.HIGHER_LEVEL:
        await _end_first_review(conn, row, raised, act)
    return Asked(
        id=id_, task=row["task"], level=raised.level, due_at=raised.due_at, version=version
    )


async def _end_first_review(conn: Connection, row: Row, raised: Raised, act: Act) -> None:
    """Tell the orchestrator: what goes to a higher authority was reviewed first (行政许可法 43)."""
    department, request = row["department"], current_traceparent()
    told = TaskSentUp(
        application=row["application"],
        task=row["task"],
        department=department,
        level=raised.level,
        actor_ref=act.actor,
        actor_role=act.role,
        sent_at=act.at,
    )
    with span(
        SpanName.CLOCK,
        traceparent=row["traceparent"] or request,
        links=[request],
        attributes={Attribute.APPLICATION: row["application"], Attribute.DEPARTMENT: department},
    ):
        outgoing = Outgoing(
            topic=decisions_topic(department),
            application=row["application"],
            event=told,
            at=act.at,
            consumers=DECISIONS.consumers,
            traceparent=current_traceparent(),
        )
        await outbox.add(conn, Service.DEPARTMENTS, [outgoing])


def _raised(
    row: Row, grounds: Grounds, proposal: Outcome, opinion: str, step: Step, at: datetime
) -> Raised:
    calendar = step.calendar
    due_on = calendar.add_working_days(calendar.local_date(at), step.budget)
    due_at = calendar.close_of(due_on)
    if due_at > row["promised_at"]:
        due_on, due_at = row["promised_on"], row["promised_at"]
    return Raised(
        task=row["id"],
        department=row["department"],
        level=Authority(grounds.basis),
        proposal=proposal,
        opinion=opinion,
        authorisation=grounds.authorisation,
        budget=step.budget,
        due_on=due_on,
        due_at=due_at,
    )


async def answer(
    conn: Connection, *, clock: Clock, who: Principal, id_: int, outcome: Outcome, document: str
) -> Answered:
    """Answer what went up in one's department. Nobody answers his own question.

    Raises:
        Problem: 404; 403 own application, asked by oneself; 409 the task has ended, answered.
    """
    about = await store.task_of_above(conn, id_, department_of(who))
    if about is None:
        raise Problem(NOT_FOUND)
    if about["asked_by"] in who.refs:
        raise Problem(ANOTHER_PERSON)
    row = await handling.locked(conn, who, about["task_id"])
    if (await store.aboves(conn, [id_]))[id_]["answer"] is not None:
        raise Problem(ABOVE_ANSWERED)
    at = clock.now()
    act = Act(actor=who.ref, role=Role.DEPARTMENT_HEAD, at=at)
    version = await store.answer_above(conn, id_, answer=outcome, document=document, act=act)
    facts = {"approval_above": id_, "answer": outcome, "texts_sha256": _digest(document)}
    await _leaf(conn, "above.answered", who, row, at, facts)
    return Answered(id=id_, task=row["task"], answer=outcome, answered_at=at, version=version)


def _digest(text: str) -> str:
    """Return the proof of a text: what is written by hand may name a person."""
    return hashlib.sha256(text.encode()).hexdigest()


async def _leaf(
    conn: Connection, name: str, who: Principal, row: Row, at: datetime, facts: dict[str, Any]
) -> None:
    facts |= {"task": row["task"], "department": row["department"]}
    await audit.leaf(conn, name, row["application"], who.ref, facts, at=at)
