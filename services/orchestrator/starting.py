"""Starts the workflow of an application, its first turn carried out."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec
import orjson
import structlog
from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from services.domain.approval import apply_all, next_instant
from services.orchestrator.converter import as_sent
from services.orchestrator.lateness import SETTLED_SINCE, is_late
from services.orchestrator.reprojection import Calendars
from services.orchestrator.store import Row
from services.orchestrator.workflow import WORKFLOW, opening, turn_of, workflow_id
from services.runtime.clock import Clock

PROJECT_CODE = SearchAttributeKey.for_keyword("ProjectCode")
SCENARIO = SearchAttributeKey.for_keyword("Scenario")
CarryOut: TypeAlias = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""The activity `carry_out`, called as what it is: a function of this process."""

_log = structlog.get_logger(__name__)
_DEFAULTS: tuple[Any, ...] = (None, [], ())


class Starter:
    """Makes the workflows of new applications."""

    def __init__(
        self,
        *,
        client: Client,
        task_queue: str,
        calendars: Calendars,
        clock: Clock,
        carry_out: CarryOut | None,
    ) -> None:
        """Keep everything; `carry_out` None: first turns are left to the workflows."""
        self._client = client
        self._task_queue = task_queue
        self._calendars = calendars
        self._clock = clock
        self._carry_out = carry_out

    async def start(
        self, number: str, row: Row, ref: str, traceparent: str | None, *, ahead: bool
    ) -> None:
        """Carry out the first turn and start the workflow; once, however often it is called.

        Args:
            number: of the application.
            row: `starts_of` in sql/queries.sql.
            ref: the message that said the application was submitted.
            traceparent: of the span that its turns belong to.
            ahead: whether the first turn may be carried out before; not when more was said about
                the application since: a withdrawal, say.

        Raises:
            RPCError: Temporal cannot be reached, or refuses.
        """
        start = {
            "route": brief(orjson.loads(row["route"])),
            "calendar": await self._calendars.from_year(
                row["calendar_version"], row["submitted_at"].year
            ),
            "at": msgspec.to_builtins(row["submitted_at"]),
            "ref": ref,
            "traceparent": traceparent,
        }
        now, rules = self._clock.now(), start["route"]
        examined = "acceptance" in rules and rules.get("edition", 1) >= SETTLED_SINCE
        if examined and is_late(row["submitted_at"], now, self._calendars.current()):
            start["heard_at"] = msgspec.to_builtins(now)
        if ahead and self._carry_out is not None:
            await self._first_turn(start, self._carry_out)
        pairs = [
            SearchAttributePair(PROJECT_CODE, row["project_code"]),
            SearchAttributePair(SCENARIO, row["scenario"]),
        ]
        sleeps = _sleep_of(start)
        try:
            await self._client.start_workflow(
                WORKFLOW,
                start,
                id=workflow_id(number),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_delay=sleeps,
                request_eager_start=sleeps is None,
                search_attributes=TypedSearchAttributes(pairs),
                task_timeout=timedelta(seconds=10),
            )
        except WorkflowAlreadyStartedError:
            _log.info("workflow had run before", application=number)

    async def _first_turn(self, start: dict[str, Any], carry_out: CarryOut) -> None:
        """Carry out the turn that the workflow would begin with, and say so in its input.

        Both read the input as it comes from the history: what is said in the order of an object's
        members is said in one order. The workflow would do the same in an activity of its own. It
        does where the turn was carried out before with other events (a start that failed half-way,
        tried again later): then nothing is said, and it finds out as it does of any turn.

        A workflow whose first turn was carried out here has nothing to do until its first instant:
        it sleeps until then, unless a message wakes it (`signalling.py`).
        """
        case, events = opening(as_sent(start))
        case, commands = apply_all(case, events)
        if not commands:
            return
        turn = turn_of(
            case,
            number=1,
            events=events,
            commands=commands,
            ahead=next_instant(case),
            traceparent=start["traceparent"],
        )
        answer = await carry_out(as_sent(turn))
        if "events" not in answer:
            start["carried"] = {"delay": answer["delay"], "asleep": bool(answer["delay"])}


def _sleep_of(start: dict[str, Any]) -> timedelta | None:
    carried = start.get("carried", {})
    return timedelta(seconds=carried["delay"]) if carried.get("asleep") else None


def brief(value: Any) -> Any:
    """Return a core's shape without what is null or empty, which are its defaults.

    It is written into the history of every application.
    """
    if isinstance(value, dict):
        return {key: brief(one) for key, one in value.items() if one not in _DEFAULTS}
    if isinstance(value, list | tuple):
        return [brief(one) for one in value]
    return value
