"""Lapse arbitration: a consulted unit kept silent (超时默许) - or had spoken in time.

So it is with a renewal: the permit expired undecided and is renewed (行政许可法 50) - or is not.
The task's row is locked and its outcome is unique, so a decision and a lapse exclude each other by
the instant of their commit, not by the arrival of any message. A lapse that loses is silent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.contracts.events import TaskLapsed, TaskLapseDue
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import DEEMED, Service, Silence, TaskState
from services.departments import store
from services.departments.deciding import result_number
from services.departments.store import Ending, Row
from services.runtime import audit, outbox
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing

_log = structlog.get_logger(__name__)


class LapseRefusedError(ValueError):
    """A lapse was asked for a task that may not lapse, or before its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LapseAsked:
    """The orchestrator's question, with the span it is part of."""

    event: TaskLapseDue
    traceparent: str | None


async def lapse(
    conn: Connection, clock: Clock, asked: Sequence[LapseAsked], rows: Mapping[str, Row]
) -> frozenset[str]:
    """Let tasks lapse that nobody has decided; return their names.

    `rows` are the tasks as `store.lock_named` returned them, locked. Four statements.

    Raises:
        LapseRefusedError: silence of a task means nothing, or its time was not over.
    """
    questions = {one.event.task: one for one in asked}
    for one in questions.values():
        _check(one.event, rows[one.event.task])
    now = clock.now()
    lapsing: list[tuple[LapseAsked, Ending]] = []
    for one in questions.values():
        row = rows[one.event.task]
        if row["state"] == TaskState.OPEN:
            at = max(now, one.event.due_at)
            lapsing.append((one, _ending(row, at)))
        else:
            _log.info("lapse_lost", task=one.event.task, state=row["state"])
    if lapsing:
        await store.end_tasks(conn, [ending for _, ending in lapsing], None)
        await outbox.add(conn, Service.DEPARTMENTS, [_told(*pair) for pair in lapsing])
        await audit.leaves(conn, [_leaf(*pair) for pair in lapsing])
    return frozenset(one.event.task for one, _ in lapsing)


def _check(event: TaskLapseDue, row: Row) -> None:
    silence = Silence(row["silence"])
    if silence is Silence.NONE:
        message = f"{event.task}: its silence means nothing"
        raise LapseRefusedError(message)
    renews = silence is Silence.RENEWED
    if event.due_at < (row["expires_at"] if renews else row["promised_at"]):
        lasts = "the permit it renews is valid" if renews else "its promise lasts"
        message = f"{event.task}: {lasts} longer"
        raise LapseRefusedError(message)


def _ending(row: Row, at: datetime) -> Ending:
    silence = Silence(row["silence"])
    return Ending(
        id=row["id"],
        kind="lapse",
        outcome=DEEMED[silence],
        basis="silence",
        at=at,
        state=TaskState.LAPSED,
        number=result_number(row) if silence is Silence.RENEWED else None,
    )


def _told(one: LapseAsked, ending: Ending) -> Outgoing:
    event = one.event
    return Outgoing(
        topic=decisions_topic(event.department),
        application=event.application,
        event=TaskLapsed(
            application=event.application,
            task=event.task,
            department=event.department,
            lapsed_at=ending.at,
            result_number=ending.number,
        ),
        at=ending.at,
        consumers=DECISIONS.consumers,
        traceparent=one.traceparent,
    )


def _leaf(one: LapseAsked, ending: Ending) -> audit.Leaf:
    return audit.Leaf(
        at=ending.at,
        act="task.lapsed",
        application=one.event.application,
        facts={"task": one.event.task, "due_at": one.event.due_at} | _renewed(ending),
    )


def _renewed(ending: Ending) -> dict[str, str]:
    """What is recorded beside: only a renewal has a document, and its outcome is said."""
    if ending.number is None:
        return {}
    return {"outcome": ending.outcome, "result_number": ending.number}
