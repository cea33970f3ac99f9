"""What the orchestrator does with a message inside the transaction that records it.

A submitted application gets its row (and with it its plan); everything else only waits in the inbox
for the deliverer. The plan is computed anew here: two services that read different catalogues find
out at once, by its digest, and not months later by a missed date.

A department may write to us with software of its own. What can only be a mistake there, or a
forgery, is refused here and becomes a dead letter: behind this line a message cannot be refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import orjson
from msgspec.structs import replace

from services.contracts.events import (
    ApplicationSubmitted,
    ApplicationSupplemented,
    ExaminationDone,
    SessionTold,
    TaskDecided,
    TaskLapsed,
)
from services.contracts.vocabulary import DepartmentSystem, Service
from services.domain import planner
from services.domain.joint_case import route_limits
from services.orchestrator import (
    acceptance_store,
    clock_checks,
    ratings,
    session_turns,
    supervision_fees,
)
from services.orchestrator.clock_checks import ClockSaid
from services.orchestrator.store import Store
from services.orchestrator.supervision_turns import Supervision
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

    def __init__(self, shelf: Shelf, clock: Clock, supervision: Supervision | None = None) -> None:
        self._shelf = shelf
        self._supervision = supervision
        self._clock = clock
        self._store = Store()

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        """Add the applications submitted, look at what departments say.

        Raises:
            PlanMismatchError, UnknownVersionError: an application cannot be taken in.
            ForeignSourceError, UnknownTaskError, NotYetError, UnlawfulClockError, DatedBackError:
                a department cannot have said this.
        """
        await self._check(conn, received)
        rows = [
            self._row(one.event, one.envelope.traceparent)
            for one in received
            if isinstance(one.event, ApplicationSubmitted)
        ]
        if rows:
            await self._store.add_applications(conn, rows)
        await session_turns.pass_on(conn, received, self._shelf.systems)
        await ratings.take_in(conn, received, self._shelf.calendar)
        await supervision_fees.take_in(conn, received, self._supervision)
        for event in (one.event for one in received):
            if isinstance(event, ApplicationSupplemented) and event.materials:
                await _add_materials(conn, event)

    async def _check(self, conn: Connection, received: Sequence[Received]) -> None:
        said = [
            (one.source, one.event)
            for one in received
            if isinstance(one.event, TaskDecided | TaskLapsed | ExaminationDone | ClockSaid)
        ]
        for source, event in said:
            self._check_source(source)
            self._check_instant(event.task, _instant_of(event))
        for one in received:
            if isinstance(one.event, SessionTold):
                self._check_source(one.source)
                self._check_instant(one.event.application, one.event.told_at)
        looks = {event.task for _, event in said if isinstance(event, ExaminationDone)}
        tasks = {event.task for _, event in said} - looks
        unknown = tasks - await self._store.known_tasks(conn, list(tasks)) if tasks else set()
        if looks:
            unknown |= looks - await acceptance_store.known_examinations(conn, list(looks))
        if unknown:
            message = f"{min(unknown)}: no such task"
            raise UnknownTaskError(message)
        await clock_checks.check(conn, self._shelf, received)

    def _check_source(self, source: str) -> None:
        department = source.removeprefix("department/")
        own = self._shelf.systems.get(department) is DepartmentSystem.OWN
        if source != Service.DEPARTMENTS and not own:
            message = f"{department} has no software of its own, by the catalogue"
            raise ForeignSourceError(message)

    def _check_instant(self, subject: str, at: datetime) -> None:
        if at > self._clock.now() + AHEAD:
            message = f"{subject}: more than {AHEAD} ahead of the clock here"
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
        edition = self._shelf.version(event.catalogue_version)
        leads = {group.code: group.lead for group in edition.groups}
        there = [found.material for found in event.materials]
        planned = planner.route(plan, event.application, calendar, leads, there)
        route = replace(planned, limits=route_limits(edition, plan))
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


def _instant_of(event: TaskDecided | TaskLapsed | ExaminationDone | ClockSaid) -> datetime:
    match event:
        case TaskDecided():
            return event.decided_at
        case TaskLapsed():
            return event.lapsed_at
        case ExaminationDone():
            return event.done_at
        case _:
            return clock_checks.instant_of(event)


async def _add_materials(conn: Connection, event: ApplicationSupplemented) -> None:
    """Tasks that are issued from now on carry the papers that came in later, too."""
    papers = [one.model_dump(mode="json") for one in event.materials]
    await acceptance_store.add_materials(conn, event.application, orjson.dumps(papers).decode())
