"""What the orchestrator does with a message inside the transaction that records it.

A submitted application gets its row (and with it its plan); everything else only waits in the inbox
for the deliverer. The plan is computed anew here: two services that read different catalogues find
out at once, by its digest, and not months later by a missed date.
"""

from collections.abc import Sequence

import msgspec
import orjson

from services.contracts.events import ApplicationSubmitted
from services.domain import planner
from services.orchestrator.store import Store
from services.runtime.catalogue_shelf import Shelf
from services.runtime.db import Connection
from services.runtime.messages import Received


class PlanMismatchError(ValueError):
    """The plan computed here is not the one the investor was shown."""


class Intake:
    """Takes applications in."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._store = Store()

    async def __call__(self, conn: Connection, received: Sequence[Received]) -> None:
        """Add the applications submitted. Raises PlanMismatchError or UnknownVersionError."""
        rows = [
            self._row(one.event, one.envelope.traceparent)
            for one in received
            if isinstance(one.event, ApplicationSubmitted)
        ]
        if rows:
            await self._store.add_applications(conn, rows)

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
