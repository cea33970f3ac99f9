"""What a task's page shows, and its checklist: one function for each block of `sql/case.sql`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from services.departments.authority_store import Act
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "case.sql"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What was found of one condition. `met` None: not looked at yet."""

    subject: str
    met: bool | None
    remark: str


async def read_case(conn: Connection, id_: int, department: str | None) -> Row | None:
    """Return everything about one task, not locked; `department` None: of any."""
    return cast("Row | None", await QUERIES.read_case(conn, id=id_, department=department))


async def said_by_others(conn: Connection, row: Row) -> list[Row]:
    """Return the tasks of a task's application that are not its own: what has ended first."""
    found = QUERIES.said_by_others(
        conn, application=row["application"], item=row["item"], department=row["department"]
    )
    return [one async for one in found]


async def round_before(conn: Connection, row: Row) -> Row | None:
    """Return the round before a task's own: its papers and its outcome."""
    found = await QUERIES.round_before(
        conn,
        application=row["application"],
        item=row["item"],
        department=row["department"],
        round=row["round"],
    )
    return cast("Row | None", found)


async def pauses_of_step(conn: Connection, application: str, step: str) -> list[Row]:
    """Return the pauses of everybody who signs a step, each as far as it lasts or has lasted."""
    return [row async for row in QUERIES.pauses_of_step(conn, application=application, step=step)]


async def checklist_of(conn: Connection, task: int) -> dict[str, Row]:
    """Return what was found of a task's conditions, by subject."""
    return {row["subject"]: row async for row in QUERIES.checklist_of(conn, task=task)}


async def keep_checklist(conn: Connection, task: int, marks: Sequence[Mark], act: Act) -> int:
    """Keep what was found (task locked by the caller); return the task's new version."""
    version: int = await QUERIES.keep_checklist(
        conn,
        task=task,
        subjects=[one.subject for one in marks],
        mets=[one.met for one in marks],
        remarks=[one.remark for one in marks],
        actor=act.actor,
        role=act.role,
        at=act.at,
    )
    return version


async def version_of(conn: Connection, id_: int) -> int:
    """Return the version that a task, which is there, has now."""
    found: int = await QUERIES.version_of(conn, id=id_)
    return found
