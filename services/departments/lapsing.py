"""Lapse arbitration: a consulted unit kept silent (超时默许) - or had spoken in time.

The task's row is locked and its outcome is unique, so a decision and a lapse exclude each other by
the instant of their commit, not by the arrival of any message. A lapse that loses is silent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.contracts.events import TaskLapsed, TaskLapseDue
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import Outcome, Service, Silence, TaskState
from services.departments import store
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
        LapseRefusedError: silence of a task means nothing, or its promise was not over.
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
            lapsing.append((one, _ending(row["id"], at)))
        else:
            _log.info("lapse_lost", task=one.event.task, state=row["state"])
    if lapsing:
        await store.end_tasks(conn, [ending for _, ending in lapsing], None)
        await outbox.add(conn, Service.DEPARTMENTS, [_told(*pair) for pair in lapsing])
        await audit.leaves(conn, [_leaf(*pair) for pair in lapsing])
    return frozenset(one.event.task for one, _ in lapsing)


def _check(event: TaskLapseDue, row: Row) -> None:
    if row["silence"] != Silence.NO_OBJECTION:
        message = f"{event.task}: its silence means nothing"
        raise LapseRefusedError(message)
    if event.due_at < row["promised_at"]:
        message = f"{event.task}: its promise lasts longer"
        raise LapseRefusedError(message)


def _ending(id_: int, at: datetime) -> Ending:
    return Ending(
        id=id_,
        kind="lapse",
        outcome=Outcome.DEEMED_NO_OBJECTION,
        basis="silence",
        at=at,
        state=TaskState.LAPSED,
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
        facts={"task": one.event.task, "due_at": one.event.due_at},
    )
