"""Examinations in Postgres: one function for each named block of `sql/examination.sql`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from services.contracts.acceptance import ExaminationRedated
from services.contracts.events import ExaminationAsked, ExaminationClosed
from services.departments.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "examination.sql"))


async def add_examinations(
    conn: Connection, asked: Sequence[ExaminationAsked], traceparents: Sequence[str | None]
) -> None:
    """Put examinations on their queues.

    Raises:
        asyncpg.UniqueViolationError: one of this name is there already.
    """
    rows = [_row(one, parent) for one, parent in zip(asked, traceparents, strict=True)]
    await QUERIES.add_examinations(conn, **_columns(_ASKED, rows))


_ASKED = (
    *("tasks", "applications", "project_codes", "departments", "rounds", "items", "applicants"),
    *("subjects", "scenarios", "catalogue_versions", "facts", "materials", "asked_ats", "untils"),
    "traceparents",
)


def _row(one: ExaminationAsked, traceparent: str | None) -> tuple[Any, ...]:
    materials = [found.model_dump(exclude_none=True) for found in one.materials]
    return (
        *(one.task, one.application, one.project_code, one.department, one.round),
        *(",".join(one.items), ",".join(one.applicant_refs), ",".join(one.subjects)),
        *(one.scenario, one.catalogue_version, _json(one.facts), _json(materials)),
        *(one.asked_at, one.until, traceparent),
    )


async def redate_examinations(
    conn: Connection, moved: Sequence[ExaminationRedated]
) -> dict[str, bool]:
    """Move the time of open examinations; return which are known, and whether each was open.

    Of one that was moved twice in a batch the last move counts.
    """
    last = list({one.task: one for one in moved}.values())
    rows = QUERIES.redate_examinations(
        conn,
        tasks=[one.task for one in last],
        untils=[one.until for one in last],
        whys=[one.why for one in last],
        ats=[one.redated_at for one in last],
    )
    return {row["task"]: row["is_open"] async for row in rows}


async def close_examinations(
    conn: Connection, closed: Sequence[ExaminationClosed]
) -> dict[str, bool]:
    """Close examinations that nobody has answered; return which are known, and whether it did."""
    rows = QUERIES.close_examinations(
        conn,
        tasks=[one.task for one in closed],
        states=["silent" if one.silent else "closed" for one in closed],
        ats=[one.closed_at for one in closed],
    )
    return {row["task"]: row["closed"] async for row in rows}


async def lock_examination(conn: Connection, id_: int, department: str) -> Row | None:
    """Lock one examination of a department until the transaction ends."""
    row: Row | None = await QUERIES.lock_examination(conn, id=id_, department=department)
    return row


async def end_examination(
    conn: Connection, id_: int, *, findings: str, actor: str, role: str, at: datetime
) -> int:
    """Record what was found; return the new version.

    Raises:
        asyncpg.UniqueViolationError: it was answered before.
    """
    version: int = await QUERIES.end_examination(
        conn, id=id_, findings=findings, actor=actor, role=role, at=at
    )
    return version


async def list_examinations(
    conn: Connection,
    department: str,
    *,
    state: str,
    after: tuple[datetime, int] | None,
    rows: int,
) -> list[Row]:
    """Return up to `rows` examinations of a queue after a place in it, soonest due first."""
    after_at, after_id = after or (None, None)
    found = QUERIES.list_examinations(
        conn, department=department, state=state, after_at=after_at, after_id=after_id, page=rows
    )
    return [row async for row in found]


async def read_examination(conn: Connection, id_: int, department: str | None) -> Row | None:
    """Return one examination with what was found; `department` None: of any."""
    row: Row | None = await QUERIES.read_examination(conn, id=id_, department=department)
    return row


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
