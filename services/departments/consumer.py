"""What a department's queue does with a message, inside the transaction that records it.

Three statements put any number of tasks on their queues; lapses and cancellations of a batch take
a handful more, whatever their number.
"""

from collections.abc import Sequence

import structlog

from services.contracts.acceptance import ExaminationRedated
from services.contracts.events import (
    Event,
    ExaminationAsked,
    ExaminationClosed,
    TaskCancelled,
    TaskIssued,
    TaskLapseDue,
    TaskRedated,
)
from services.contracts.sessions import AppointmentAnswered
from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import TaskState
from services.departments import clocks, examination, lapsing, sessions_answers, store
from services.departments.lapsing import LapseAsked
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Received
from services.runtime.telemetry import current_traceparent

_log = structlog.get_logger(__name__)


class WrongQueueError(ValueError):
    """A message names a department that the topic it came on does not belong to."""


class UnknownTaskError(LookupError):
    """A message is about a task that was never issued here."""


class Tasks:
    """Takes in what the orchestrator asks the departments."""

    def __init__(self, clock: Clock, shelf: Shelf) -> None:
        """Keep the business clock, and the calendar."""
        self._clock, self._shelf = clock, shelf

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        """Apply messages: new tasks first, then moved dates, lapses, cancellations, answers.

        A task is issued before anything else is said about it, the dates of one that was asked to
        lapse are not moved any more, and a lapse is never asked for a task that was cancelled: in
        this order every task sees its messages as they were sent.

        Raises:
            WrongQueueError, UnknownTaskError, lapsing.LapseRefusedError,
                sessions_answers.UnknownOfferError: nothing is applied.
        """
        for one in received:
            _check_queue(one)
        await self._apply(conn, received)
        await sessions_answers.take_in(conn, self._clock, self._shelf.calendar, received)

    async def _apply(self, conn: Connection, received: Sequence[Received]) -> None:
        await examination.take_in(conn, received)
        await _issue(conn, received)
        asked = [
            LapseAsked(event=one.event, traceparent=_traceparent(one))
            for one in received
            if isinstance(one.event, TaskLapseDue)
        ]
        cancelled = [one.event for one in received if isinstance(one.event, TaskCancelled)]
        moved = [one.event for one in received if isinstance(one.event, TaskRedated)]
        others: list[TaskCancelled | TaskRedated] = [*cancelled, *moved]
        named = [*(one.event.task for one in asked), *(event.task for event in others)]
        if not named:
            return
        rows = await store.lock_named(conn, named)
        for name in named:
            if name not in rows:
                message = f"{name}: no such task"
                raise UnknownTaskError(message)
        if moved:
            await clocks.redate(conn, moved, rows)
            rows = await store.lock_named(conn, named)
        lapsed = await lapsing.lapse(conn, self._clock, asked, rows)
        await _cancel(conn, cancelled, rows, lapsed)


_FOR_QUEUES = (
    *(ExaminationAsked, ExaminationRedated, ExaminationClosed),
    *(TaskIssued, TaskCancelled, TaskLapseDue, TaskRedated),
    AppointmentAnswered,
)


def _check_queue(one: Received) -> None:
    event: Event = one.event
    if not isinstance(event, _FOR_QUEUES):
        message = f"{event.TYPE} is nothing for a queue"
        raise WrongQueueError(message)
    if one.topic != tasks_topic(event.department):
        message = f"{event.TYPE} for {event.department} came on {one.topic}"
        raise WrongQueueError(message)


def _traceparent(one: Received) -> str | None:
    return current_traceparent() or one.envelope.traceparent


async def _issue(conn: Connection, received: Sequence[Received]) -> None:
    issued = [(one, one.event) for one in received if isinstance(one.event, TaskIssued)]
    if issued:
        traceparents = [_traceparent(one) for one, _ in issued]
        await store.add_tasks(conn, [event for _, event in issued], traceparents)


async def _cancel(
    conn: Connection,
    cancelled: Sequence[TaskCancelled],
    rows: dict[str, store.Row],
    lapsed: frozenset[str],
) -> None:
    """Cancel what is still open; what was committed first stays and has been told already."""
    ending = {}
    for event in cancelled:
        row = rows[event.task]
        if row["state"] == TaskState.OPEN and event.task not in lapsed:
            ending[row["id"]] = event
        else:
            _log.info("cancelled_too_late", task=event.task, state=row["state"])
    if ending:
        await store.cancel_tasks(conn, sorted(ending.items()))
