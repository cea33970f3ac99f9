"""Running workflows from Postgres: the way back when Temporal has lost what it knew.

The journal holds every event that was applied, turn by turn, with all that followed. Applied anew
by the same core they give the same state, and must give the same commands: what was told to people
stands, so a case whose commands would be others today is not started but named. A message that
Temporal had taken and no turn had applied is handed over once more; the core ignores what it knows.

Nothing is done to an application whose workflow is there, so it may be run at any time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from services.contracts.events import ApplicationSubmitted
from services.domain.approval import apply_all, begin
from services.domain.calendar import WorkingCalendar
from services.domain.case import AnyCommand, AnyEvent, Case
from services.domain.route import Route
from services.orchestrator import reprojection
from services.orchestrator.clock_store import UnknownCalendarError
from services.orchestrator.deliver import core_event
from services.orchestrator.reprojection import Calendars
from services.orchestrator.signalling import SHADOW, end_shadow
from services.orchestrator.starting import PROJECT_CODE, SCENARIO
from services.orchestrator.store import Row
from services.orchestrator.workflow import WORKFLOW, workflow_id
from services.orchestrator.workflows import TemporalAwayError
from services.runtime import audit
from services.runtime.clock import Clock
from services.runtime.db import Pool, beside, load

QUERIES = load(beside(__file__, "rebuild.sql"))
AT_ONCE = 16
ACT = "rebuilt"


class RebuildError(Exception):
    """An application's workflow cannot be made from what is stored; the message says why."""


@dataclass(kw_only=True)
class Rebuilt:
    """What was done: `started` anew, `there` already, messages handed over `again`, and why not.

    `waiting` have no turn yet: their submission is handed over, and that starts them.
    """

    started: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    again: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Rebuilder:
    """Makes the workflows that Temporal does not have."""

    def __init__(
        self, *, pool: Pool, client: Client, task_queue: str, calendars: Calendars, clock: Clock
    ) -> None:
        self._pool = pool
        self._client = client
        self._task_queue = task_queue
        self._calendars = calendars
        self._clock = clock

    async def run(self, application: str | None = None, *, replace: bool = False) -> Rebuilt:
        """Start every workflow that is missing, or that of one application.

        `replace`: also where there is one, whatever its state; it is terminated. For a Temporal
        that was restored from an older copy. Raises TemporalAwayError.
        """
        async with self._pool.acquire() as conn:
            rows = QUERIES.in_progress(conn, application=application)
            numbers = [row["number"] async for row in rows]
        found = Rebuilt()
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: str) -> None:
            async with gate:
                try:
                    await self._rebuild(number, found, replace=replace)
                except RebuildError as error:
                    found.failed[number] = str(error)

        try:
            await asyncio.gather(*(one(number) for number in numbers))
        except RPCError as error:
            raise TemporalAwayError(error.status.name) from error
        return found

    async def _rebuild(self, number: str, found: Rebuilt, *, replace: bool) -> None:
        status = await self._status(number)
        if status is WorkflowExecutionStatus.RUNNING and not replace:
            found.there.append(number)
            return
        if status is not None and not replace:
            message = f"its workflow is {status.name.lower()} without a conclusion"
            raise RebuildError(message)
        life, case = await self._prepare(number, found)
        if case is None:
            found.waiting.append(number)
            return
        try:
            await self._start(life, case, replace=replace)
        except WorkflowAlreadyStartedError:
            found.there.append(number)  # another rebuild was first
        else:
            found.started.append(number)

    async def _status(self, number: str) -> WorkflowExecutionStatus | None:
        try:
            known = await self._client.get_workflow_handle(workflow_id(number)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return None if known.workflow_type == SHADOW else known.status

    async def _prepare(self, number: str, found: Rebuilt) -> tuple[Row, Case | None]:
        """Return an application's row and case; hand over again what no turn has applied.

        That is committed before the workflow is there: should this process end in between, a
        message waits for the next rebuild, and none is forgotten.
        """
        async with (
            self._pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read"),
        ):
            life = await QUERIES.life_of(conn, number=number)
            turns = [row async for row in QUERIES.turns_of(conn, number=number)]
            delivered = [row async for row in QUERIES.delivered_to(conn, number=number)]
            route = msgspec.json.decode(life["route"], type=Route)
            try:
                calendar = await self._calendars.from_year(
                    route.calendar_version, life["submitted_at"].year
                )
            except UnknownCalendarError as error:
                message = f"calendar {route.calendar_version} is not kept here"
                raise RebuildError(message) from error
            case = replay(life, turns, route, msgspec.convert(calendar, WorkingCalendar))
            again = unapplied(delivered, turns)
            await QUERIES.deliver_again(conn, event_ids=again)
            facts = {"turn": life["turn"], "again": [str(event_id) for event_id in again]}
            await audit.leaf(conn, ACT, number, None, facts, at=self._clock.now())
        found.again += len(again)
        return life, case if turns else None

    async def _start(self, life: Row, case: Case, *, replace: bool) -> None:
        reuse, conflict = WorkflowIDReusePolicy, WorkflowIDConflictPolicy
        if replace:
            await self._make(life, case, reuse.ALLOW_DUPLICATE, conflict.TERMINATE_EXISTING)
            return
        try:
            await self._make(life, case, reuse.REJECT_DUPLICATE, conflict.FAIL)
        except WorkflowAlreadyStartedError:
            # The deliverer may have looked for it meanwhile, and left a shadow (`signalling.py`).
            if not await end_shadow(self._client, life["number"]):
                raise
            await self._make(life, case, reuse.ALLOW_DUPLICATE, conflict.FAIL)

    async def _make(
        self,
        life: Row,
        case: Case,
        reuse: WorkflowIDReusePolicy,
        conflict: WorkflowIDConflictPolicy,
    ) -> None:
        pairs = [
            SearchAttributePair(PROJECT_CODE, life["project_code"]),
            SearchAttributePair(SCENARIO, life["scenario"]),
        ]
        await self._client.start_workflow(
            WORKFLOW,
            {
                "case": msgspec.to_builtins(case),
                "turn": life["turn"],
                "traceparent": life["traceparent"],
                "pending": [],
            },
            id=workflow_id(life["number"]),
            task_queue=self._task_queue,
            id_reuse_policy=reuse,
            id_conflict_policy=conflict,
            search_attributes=TypedSearchAttributes(pairs),
            task_timeout=timedelta(seconds=10),
        )


def replay(
    life: Row | dict[str, Any],
    turns: Sequence[Row | dict[str, Any]],
    route: Route,
    calendar: WorkingCalendar,
) -> Case:
    """Return the case after all turns of the journal.

    Args:
        life: `number`, `turn`, `submitted_at` of the application.
        turns: `turn`, `events` and `commands` (JSON) of its journal, in order.
        route: the plan it was accepted under.
        calendar: the calendar it began with.

    Raises:
        RebuildError: a turn is missing, or gives other commands today than it gave then.
    """
    case = begin(route, calendar, life["submitted_at"])
    if [row["turn"] for row in turns] != list(range(1, life["turn"] + 1)):
        message = f"its journal does not hold the turns 1 to {life['turn']}"
        raise RebuildError(message)
    for row in turns:
        events = msgspec.json.decode(row["events"], type=tuple[AnyEvent, ...])
        case, commands = apply_all(case, events)
        if commands != msgspec.json.decode(row["commands"], type=tuple[AnyCommand, ...]):
            message = f"turn {row['turn']} gives other commands today than it gave then"
            raise RebuildError(message)
    return case


def unapplied(delivered: Sequence[Row], turns: Sequence[Row]) -> list[UUID]:
    """Return the messages that were delivered and that no turn has applied."""
    applied = {event.get("ref") for row in turns for event in msgspec.json.decode(row["events"])}
    return [
        row["event_id"]
        for row in delivered
        if str(row["event_id"]) not in applied and _is_for_a_workflow(row)
    ]


def _is_for_a_workflow(row: Row) -> bool:
    """Whether a message is one that the deliverer hands over, and not only kept here."""
    if row["type"] in {ApplicationSubmitted.TYPE, reprojection.TYPE}:
        return True
    try:
        core_event(row)
    except TypeError:
        return False
    return True
