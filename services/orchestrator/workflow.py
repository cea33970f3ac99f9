"""The Temporal workflow of one application: the shell around the functional core.

It delivers events, asks the core, carries out all commands of a turn in one local activity, and
sleeps until the core's next instant. It never reads a clock: instants come with the events, and
from `carry_out` and `read_clock`, whose answers stand in the history.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
from temporalio import workflow
from temporalio.common import RetryPolicy

from services.contracts.times import DateTime
from services.domain.approval import apply_all, begin, next_instant
from services.domain.calendar import WorkingCalendar
from services.domain.case import Accepted, AnyCommand, AnyEvent, Case, ClockReached
from services.domain.examination import Received
from services.domain.route import Route

WORKFLOW = "application"
DELIVER = "deliver"
CARRY_OUT = "carry_out"
READ_CLOCK = "read_clock"
_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=5),
)


def workflow_id(application: str) -> str:
    """Return the workflow id of an application."""
    return f"application/{application}"


def opening(start: dict[str, Any]) -> tuple[Case, list[AnyEvent]]:
    """Return the case of a new application, and the events of its first turn."""
    at = msgspec.convert(start["at"], DateTime)
    route = msgspec.convert(start["route"], Route)
    case = begin(route, msgspec.convert(start["calendar"], WorkingCalendar), at)
    first = Accepted if route.acceptance is None else Received
    events: list[AnyEvent] = [first(at=at, ref=start["ref"])]
    if "heard_at" in start:
        events.insert(0, ClockReached(at=msgspec.convert(start["heard_at"], DateTime)))
    return case, events


def turn_of(
    case: Case,
    *,
    number: int,
    events: list[AnyEvent],
    commands: tuple[AnyCommand, ...],
    ahead: datetime | None,
    traceparent: str | None,
) -> dict[str, Any]:
    """Return what `carry_out` is given: a turn, and the instant that lies ahead after it."""
    return {
        "application": case.route.application,
        "traceparent": traceparent,
        "turn": number,
        "events": msgspec.to_builtins(events),
        "commands": msgspec.to_builtins(commands),
        "next": msgspec.to_builtins(ahead),
    }


@workflow.defn(name=WORKFLOW)
class ApplicationWorkflow:
    """One application from acceptance to its last result.

    Input: `route`, `calendar`, `at`, `ref`, `traceparent` for a new application, `heard_at` of one
    that was long on its way to us, `carried` where whoever starts it has carried out the first
    turn already (its `delay` is what `carry_out` answered; `asleep`: Temporal gives out its first
    task only after that delay, or with the first message); `case`, `turn`, `traceparent` and
    `pending` when it continues as new.
    """

    @workflow.init
    def __init__(self, start: dict[str, Any]) -> None:
        self._pending: list[AnyEvent] = []
        if "case" in start:
            self._case = msgspec.convert(start["case"], Case)
            self._pending = msgspec.convert(start["pending"], list[AnyEvent])
        else:
            self._case, self._pending = opening(start)
            if "carried" in start:
                self._case, _ = apply_all(self._case, self._pending)
                self._pending = []
        self._turn: int = start.get("turn", int("carried" in start))
        self._traceparent: str | None = start.get("traceparent")
        self._armed: datetime | None = None
        self._timer: asyncio.Task[None] | None = None
        self._rang = "case" in start  # the timer of whoever went before is gone: look at the clock

    @workflow.run
    async def run(self, start: dict[str, Any]) -> str:
        """Return the conclusion. Raises `ContinueAsNewError` when the history grows long."""
        if "carried" in start:
            self._go_on(start["carried"])
        while self._case.conclusion is None:
            await workflow.wait_condition(lambda: bool(self._pending) or self._rang)
            if self._pending:
                await self._apply_pending()
            elif self._rang:
                await self._look_at_clock()
            if workflow.info().is_continue_as_new_suggested() and self._case.conclusion is None:
                self._continue_as_new()
        if self._timer is not None:
            self._timer.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return str(self._case.conclusion)

    @workflow.signal(name=DELIVER)
    def deliver(self, events: list[dict[str, Any]]) -> None:
        """Take in events of one poll; the main loop applies them."""
        self._pending += msgspec.convert(events, list[AnyEvent])

    @workflow.query(name="case")
    def case(self) -> dict[str, Any]:
        """Return the case as it stands, for people and for verification."""
        found: dict[str, Any] = msgspec.to_builtins(self._case)
        return found

    def _go_on(self, carried: dict[str, Any]) -> None:
        """Begin after the first turn; one that slept was woken by a message, or by its instant."""
        if not carried.get("asleep"):
            self._arm(next_instant(self._case), _left_of(carried["delay"]))
        elif not self._pending:
            self._rang = True

    async def _apply_pending(self) -> None:
        events, self._pending = self._pending, []
        case, commands = apply_all(self._case, events)
        if not commands:
            self._case = case
            self._rang = self._armed is None
            return
        self._turn += 1
        ahead = next_instant(case)
        answer = await workflow.execute_local_activity(
            CARRY_OUT,
            turn_of(
                case,
                number=self._turn,
                events=events,
                commands=commands,
                ahead=ahead,
                traceparent=self._traceparent,
            ),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_RETRY,
            result_type=dict,
        )
        if "events" in answer:
            self._adopt(msgspec.convert(answer["events"], list[AnyEvent]), events)
        else:
            self._case = case
            self._arm(ahead, answer["delay"])

    def _adopt(self, carried: list[AnyEvent], events: list[AnyEvent]) -> None:
        """Take the turn as it was carried out; what it did not contain is still to be applied.

        It was carried out by a worker that died before Temporal knew of it. When the turn began
        anew, messages that came in between were in it; they are not among what was written.
        """
        self._case, _ = apply_all(self._case, carried)
        self._pending = [event for event in events if event not in carried] + self._pending
        self._rang = True

    async def _look_at_clock(self) -> None:
        """The timer rang: apply the instant if the clock agrees that it has come."""
        self._rang, self._armed = False, None
        ahead = next_instant(self._case)
        if ahead is None:
            return
        answer = await workflow.execute_local_activity(
            READ_CLOCK,
            msgspec.to_builtins(ahead),
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=_RETRY,
            result_type=dict,
        )
        now = msgspec.convert(answer["now"], DateTime)
        if now >= ahead:
            self._pending.append(ClockReached(at=now))
        else:
            self._arm(ahead, answer["delay"])

    def _arm(self, ahead: datetime | None, delay: float | None) -> None:
        """Keep one timer, for the earliest instant; one that rings too early does no harm."""
        if ahead is None or delay is None or (self._armed is not None and self._armed <= ahead):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = ahead
        self._timer = asyncio.create_task(self._ring(delay))

    async def _ring(self, delay: float) -> None:
        await workflow.sleep(timedelta(seconds=max(delay, 0.001)))
        self._rang = True

    def _continue_as_new(self) -> None:
        workflow.continue_as_new(
            {
                "case": msgspec.to_builtins(self._case),
                "turn": self._turn,
                "traceparent": self._traceparent,
                "pending": msgspec.to_builtins(self._pending),
            }
        )


def _left_of(delay: float | None) -> float | None:
    """Return what is left of a delay that was reckoned just before the workflow was started.

    Its first task may come long afterwards: workers were away, or many workflows waited.
    """
    if delay is None:
        return None
    return delay - (workflow.now() - workflow.info().workflow_start_time).total_seconds()
