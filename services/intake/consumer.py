"""The investor's view: what the orchestrator tells of applications, as tables.

Events of one application arrive in the order of their numbers, and everything one event tells is
written in one transaction: results that were released together are seen together. A batch takes at
most seven statements, whatever its size.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from services.contracts.events import ApplicationProgressed, RectificationAsked, TaskProgress
from services.intake import (
    clocks,
    lapsing,
    lapsing_papers,
    later,
    letters_of_events,
    ratings,
    sessions,
    store,
    supplement_projection,
)
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Received


class UnknownApplicationError(LookupError):
    """Progress is told of an application that was never received here."""


class Projection:
    """Takes in what the orchestrator tells and asks."""

    def __init__(self, clock: Clock) -> None:
        """Keep the business clock."""
        self._clock = clock

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        """Write what events tell, then answer: a question may be about a notice of its batch.

        Raises:
            UnknownApplicationError, lapsing.LapseRefusedError: nothing is applied.
        """
        await letters_of_events.project(conn, received)  # knows what is about to change
        await project(conn, received)
        await lapsing.lapse(conn, self._clock, received)
        await lapsing_papers.lapse(conn, self._clock, received)


async def project(conn: Connection, received: Sequence[Received]) -> None:
    """Write what events tell. Raises UnknownApplicationError."""
    await ratings.project(conn, [one.event for one in received])
    events = [one.event for one in received if isinstance(one.event, ApplicationProgressed)]
    if not events:
        return
    found = await store.project_applications(conn, _applications(events))
    unknown = {event.application for event in events} - found
    if unknown:
        raise UnknownApplicationError(", ".join(sorted(unknown)))
    if rows := _tasks(events):
        await store.project_tasks(conn, _columns(_TASK, rows))
    if steps := _steps(events):
        await store.project_steps(conn, _columns(("applications", "steps", "states"), steps))
    if results := _results(events):
        await store.project_results(conn, _columns(_RESULT, results))
    if signals := _signals(events):
        await store.project_signals(conn, _columns(_SIGNAL, signals))
    if notices := _notices(events):
        await store.project_notices(conn, _columns(_NOTICE, notices))
    await clocks.project(conn, events)
    await sessions.project(conn, events)
    await supplement_projection.project(conn, events)
    await later.project(conn, events)


_APPLICATION = (
    "numbers",
    "statuses",
    "promised_ats",
    "provisionals",
    "conclusions",
    "concluded_ats",
    "used",
    "in_times",
)
_TASK = (
    "tasks",
    "applications",
    "steps",
    "items",
    "departments",
    "parts",
    "rounds",
    "states",
    "outcomes",
    "issued_ats",
    "decided_ats",
    "promised_ons",
    "promised_ats",
    "statutory_ons",
    "statutory_ats",
    "provisionals",
)
_RESULT = (
    "applications",
    "items",
    "departments",
    "outcomes",
    "numbers",
    "reasons",
    "remedies",
    "conditions",
    "decided_ats",
    "released_ats",
)
_SIGNAL = ("applications", "tasks", "signals", "ats", "lifted_ats")
_NOTICE = ("applications", "steps", "rounds", "items", "reasons", "untils", "asked_ats")


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _merged(old: Sequence[Any] | None, new: Sequence[Any]) -> Sequence[Any]:
    """Later values of one row; what the later event does not tell stays as it was."""
    if old is None:
        return new
    return [before if value is None else value for before, value in zip(old, new, strict=True)]


def _applications(events: Sequence[ApplicationProgressed]) -> dict[str, list[Any]]:
    rows: dict[str, Sequence[Any]] = {}
    for event in events:
        end = event.concluded
        told = (
            event.application,
            event.status,
            event.promised_at,
            event.provisional or None,
            end and end.conclusion,
            end and end.at,
            end and end.used_working_days,
            end and end.in_time,
        )
        rows[event.application] = _merged(rows.get(event.application), told)
    columns = _columns(_APPLICATION, list(rows.values()))
    columns["provisionals"] = [bool(value) for value in columns["provisionals"]]
    return columns


def _tasks(events: Sequence[ApplicationProgressed]) -> list[Sequence[Any]]:
    rows: dict[str, Sequence[Any]] = {}
    for event in events:
        for task in event.tasks:
            told = _task(event.application, task)
            rows[task.task] = _merged(rows.get(task.task), told)
    return list(rows.values())


def _task(application: str, task: TaskProgress) -> Sequence[Any]:
    due = task.due
    return (
        task.task,
        application,
        task.step,
        task.item,
        task.department,
        task.part,
        task.round,
        task.state,
        task.outcome,
        task.issued_at,
        task.decided_at,
        due and due.promised_on,
        due and due.promised_at,
        due and due.statutory_on,
        due and due.statutory_at,
        due and due.provisional,
    )


def _steps(events: Sequence[ApplicationProgressed]) -> list[Sequence[Any]]:
    rows = {
        (event.application, step.step): (event.application, step.step, step.state)
        for event in events
        for step in event.steps
    }
    return list(rows.values())


def _results(events: Sequence[ApplicationProgressed]) -> list[Sequence[Any]]:
    return [
        (
            event.application,
            result.item,
            result.department,
            result.outcome,
            result.number,
            _json(result.reasons),
            _json(result.remedies),
            _json(result.conditions),
            result.decided_at,
            result.released_at,
        )
        for event in events
        for result in event.results
    ]


def _signals(events: Sequence[ApplicationProgressed]) -> list[Sequence[Any]]:
    rows: dict[tuple[str, str, str], Sequence[Any]] = {}
    for event in events:
        for raised in event.signals:
            key = (event.application, raised.task or "", raised.signal)
            rows[key] = (*key, raised.at, None)
        for lifted in event.lifted:
            key = (event.application, lifted.task or "", lifted.signal)
            at = rows[key][3] if key in rows else lifted.at
            rows[key] = (*key, at, lifted.at)
    return list(rows.values())


def _notices(events: Sequence[ApplicationProgressed]) -> list[Sequence[Any]]:
    return [
        (
            event.application,
            asked.step,
            asked.round,
            _json(asked.items),
            _json(asked.reasons),
            asked.until,
            event.at,
        )
        for event in events
        for asked in notices_of(event)
    ]


def notices_of(event: ApplicationProgressed) -> tuple[RectificationAsked, ...]:
    """Return every notice that an event tells: steps may ask at the same moment."""
    first = () if event.rectification is None else (event.rectification,)
    return (*first, *event.further_rectifications)


def _json(texts: Sequence[str]) -> str:
    return orjson.dumps(texts).decode()
