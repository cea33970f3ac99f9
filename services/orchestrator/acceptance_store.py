"""Acceptance in the orchestrator's Postgres: one function for each block of `acceptance.sql`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    ExaminerState,
    RecordExamination,
    StrikeSilence,
)
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "acceptance.sql"))
Row = asyncpg.Record
CLOSED = "closed"
"""An examination that nobody wanted any more."""


async def ask_examinations(conn: Connection, asked: Sequence[tuple[str, AskExamination]]) -> None:
    """Add the examinations that departments were asked for."""
    rows = [
        (one.task, application, one.department, one.round, one.at, one.until)
        for application, one in asked
    ]
    names = ("tasks", "applications", "departments", "rounds", "asked_ats", "untils")
    await QUERIES.ask_examinations(conn, **_columns(names, rows))


async def end_examinations(
    conn: Connection, ended: Sequence[RecordExamination | CloseExamination]
) -> None:
    """Record how examinations ended."""
    names = ("tasks", "states", "findings", "ended_ats", "refs")
    await QUERIES.end_examinations(conn, **_columns(names, [_end(one) for one in ended]))


async def strike_silences(conn: Connection, struck: Sequence[StrikeSilence]) -> None:
    """Record answers in the place of silences: they had been given in time, and came late."""
    rows = [(*_end(one), one.arrived_at) for one in struck]
    names = ("tasks", "states", "findings", "ended_ats", "refs", "arrived_ats")
    await QUERIES.strike_silences(conn, **_columns(names, rows))


def _end(one: RecordExamination | CloseExamination | StrikeSilence) -> tuple[Any, ...]:
    if isinstance(one, CloseExamination):
        state = ExaminerState.SILENT.value if one.silent else CLOSED
        return (one.task, state, "[]", one.at, None)
    state = ExaminerState.INCOMPLETE if one.findings else ExaminerState.COMPLETE
    ref = UUID(one.ref) if one.ref else None
    return (one.task, state.value, orjson.dumps(one.findings).decode(), one.at, ref)


async def accept(conn: Connection, accepted: Sequence[tuple[str, Accept]]) -> None:
    """Record acceptances, and with them the days promised from then on."""
    rows = [
        (
            application,
            one.kind,
            one.on,
            one.received_on,
            ",".join(one.silent),
            one.promised_days,
            one.at,
            one.provisional,
        )
        for application, one in accepted
    ]
    names = (
        *("applications", "kinds", "accepted_ons", "received_ons", "silents", "promised_days"),
        *("ats", "provisionals"),
    )
    await QUERIES.accept(conn, **_columns(names, rows))


async def add_materials(conn: Connection, application: str, materials: str) -> None:
    """Add papers (a JSON list) to those that every later task of an application carries."""
    await QUERIES.add_materials(conn, application=application, materials=materials)


async def known_examinations(conn: Connection, tasks: Sequence[str]) -> set[str]:
    """Return those of the examinations that were asked for."""
    return {row["task"] async for row in QUERIES.known_examinations(conn, tasks=list(tasks))}


async def examinations_of(conn: Connection, application: str) -> list[Row]:
    """Return every examination of an application, in order."""
    return [row async for row in QUERIES.examinations_of(conn, application=application)]


async def acceptance_of(conn: Connection, application: str) -> Row | None:
    """Return how an application was accepted; None before, or when it was on the spot."""
    row: Row | None = await QUERIES.acceptance_of(conn, application=application)
    return row


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
