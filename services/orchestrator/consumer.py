"""What the orchestrator does with a message inside the transaction that records it.

A submitted application gets its row (and with it its plan); everything else only waits in the inbox
for the deliverer. The plan is computed anew here: two services that read different catalogues find
out at once, by its digest, and not months later by a missed date.

A department may write to us with software of its own. What can only be a mistake there, or a
forgery, is refused here and becomes a dead letter: behind this line a message cannot be refused.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import orjson

from services.contracts.events import ApplicationSubmitted, TaskDecided, TaskLapsed
from services.contracts.vocabulary import DepartmentSystem, Service
from services.domain import planner
from services.orchestrator.store import Store
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Received

AHEAD = timedelta(hours=1)
"""How far a department's clock may be ahead of ours."""


class PlanMismatchError(ValueError):
    """The plan computed here is not the one the investor was shown."""


class ForeignSourceError(ValueError):
    """A department without software of its own seems to write with it."""


class UnknownTaskError(LookupError):
    """A department speaks of a task that was never issued."""


class NotYetError(ValueError):
    """A department says what it did at an instant that is still to come."""


class Intake:
    """Takes applications in."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock
        self._store = Store()

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        """Add the applications submitted, look at what departments say.

        Raises:
            PlanMismatchError, UnknownVersionError: an application cannot be taken in.
            ForeignSourceError, UnknownTaskError, NotYetError: a department cannot have said this.
        """
        await self._check(conn, received)
        rows = [
            self._row(one.event, one.envelope.traceparent)
            for one in received
            if isinstance(one.event, ApplicationSubmitted)
        ]
        if rows:
            await self._store.add_applications(conn, rows)

    async def _check(self, conn: Connection, received: Sequence[Received]) -> None:
        said = [
            (one.source, one.event)
            for one in received
            if isinstance(one.event, TaskDecided | TaskLapsed)
        ]
        for source, event in said:
            self._check_source(source)
            self._check_instant(event)
        tasks = {event.task for _, event in said}
        unknown = tasks - await self._store.known_tasks(conn, list(tasks)) if said else set()
        if unknown:
            message = f"{min(unknown)}: no such task"
            raise UnknownTaskError(message)

    def _check_source(self, source: str) -> None:
        department = source.removeprefix("department/")
        own = self._shelf.systems.get(department) is DepartmentSystem.OWN
        if source != Service.DEPARTMENTS and not own:
            message = f"{department} has no software of its own, by the catalogue"
            raise ForeignSourceError(message)

    def _check_instant(self, event: TaskDecided | TaskLapsed) -> None:
        at = event.decided_at if isinstance(event, TaskDecided) else event.lapsed_at
        if at > self._clock.now() + AHEAD:
            message = f"{event.task}: more than {AHEAD} ahead of the clock here"
            raise NotYetError(message)

    def _row(self, event: ApplicationSubmitted, traceparent: str | None) -> tuple[object, ...]:
        calendar = self._shelf.calendar
        start = calendar.local_date(event.submitted_at)
        plan = self._shelf.plan(
            event.catalogue_version, event.scenario, event.facts, event.held, start
        )
        if plan.digest != event.plan_digest:
            message = f"{event.application}: the plan here is not the plan shown"
            raise PlanMismatchError(message)
        route = planner.route(plan, event.application, calendar)
        shared = {
            "applicant_refs": event.applicant_refs,
            "materials": [found.model_dump(mode="json") for found in event.materials],
        }
        return (
            event.application,
            event.project_code,
            event.scenario,
            orjson.dumps(plan.facts, option=orjson.OPT_SORT_KEYS).decode(),
            msgspec.json.encode(route).decode(),
            orjson.dumps(shared).decode(),
            plan.digest,
            event.catalogue_version,
            calendar.version,
            traceparent,
            event.submitted_at,
            route.promised_at,
            plan.provisional,
            route.promised_days,
        )
