"""The departments' Postgres, clocks: one function for each named block of `sql/clocks.sql`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.contracts.events import TaskRedated
from services.contracts.vocabulary import Approver, PauseKind, Role, Unit
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "clocks.sql"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Whoever acts (keyed hash), in which role, when, and on which authorisation."""

    ref: str
    role: Role
    at: datetime
    authorisation: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPause:
    """A pause as it is stored; `cap` is what the law leaves for it: days and their unit."""

    number: int
    kind: PauseKind
    from_on: date
    until_on: date
    cap: tuple[int, Unit] | None
    notice: str
    article: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NewExtension:
    """An extension as it is stored; `proposal`: what its approver answered."""

    number: int
    days: int
    unit: Unit
    approver: Approver
    approval: str
    article: str
    reason: str
    proposal: int | None = None


async def clock_of(conn: Connection, task: int) -> Row:
    """Return what bears on the clock of a task that is there."""
    row: Row = await QUERIES.clock_of(conn, id=task)
    return row


async def pauses_of(conn: Connection, task: int, department: str | None) -> list[Row]:
    """Return a task's pauses, first to last; `department` None: of any."""
    return [row async for row in QUERIES.pauses_of(conn, id=task, department=department)]


async def item_pauses(conn: Connection, task: int) -> list[Row]:
    """Return the pauses of a task's item in every round, each as far as it lasts or has lasted."""
    return [row async for row in QUERIES.item_pauses(conn, id=task)]


async def extensions_of(conn: Connection, task: int, department: str | None) -> list[Row]:
    """Return a task's extensions, first to last; `department` None: of any."""
    return [row async for row in QUERIES.extensions_of(conn, id=task, department=department)]


async def add_pause(conn: Connection, task: int, pause: NewPause, by: Actor) -> int:
    """Pause a task (locked by the caller); return its version."""
    version: int = await QUERIES.add_pause(
        conn,
        id=task,
        number=pause.number,
        kind=pause.kind,
        from_on=pause.from_on,
        until_on=pause.until_on,
        cap_value=pause.cap and pause.cap[0],
        cap_unit=pause.cap and pause.cap[1],
        notice=pause.notice,
        article=pause.article,
        reason=pause.reason,
        actor=by.ref,
        role=by.role,
        at=by.at,
        authorisation=by.authorisation,
    )
    return version


async def end_pause(conn: Connection, task: int, number: int, ended_on: date, by: Actor) -> int:
    """End a task's pause (locked by the caller); return the task's version."""
    version: int = await QUERIES.end_pause(
        conn,
        id=task,
        number=number,
        ended_on=ended_on,
        actor=by.ref,
        role=by.role,
        at=by.at,
        authorisation=by.authorisation,
    )
    return version


async def add_extension(conn: Connection, task: int, extension: NewExtension, by: Actor) -> int:
    """Extend a task's limit (locked by the caller); return its version."""
    version: int = await QUERIES.add_extension(
        conn,
        id=task,
        number=extension.number,
        days=extension.days,
        unit=extension.unit,
        approver=extension.approver,
        approval=extension.approval,
        article=extension.article,
        reason=extension.reason,
        actor=by.ref,
        role=by.role,
        at=by.at,
        proposal=extension.proposal,
    )
    return version


async def redate_tasks(conn: Connection, moved: Sequence[tuple[int, TaskRedated]]) -> None:
    """Move the dates of open tasks, which the caller has locked."""
    await QUERIES.redate_tasks(
        conn,
        ids=[id_ for id_, _ in moved],
        whys=[event.why for _, event in moved],
        ats=[event.redated_at for _, event in moved],
        promised_ons=[event.due.promised_on for _, event in moved],
        promised_ats=[event.due.promised_at for _, event in moved],
        statutory_ons=[event.due.statutory_on for _, event in moved],
        statutory_ats=[event.due.statutory_at for _, event in moved],
        provisionals=[event.due.provisional for _, event in moved],
    )
