"""Hands what the inbox holds to the workflows: one start or one signal per application and poll.

The inbox is the record: a message is marked as delivered only after Temporal has taken it, so a
message may be delivered twice and never not at all. The core ignores the second one.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson
import structlog
from temporalio.client import Client

from services.contracts import events as wire
from services.contracts.fees import FeeRepaid
from services.contracts.later import PapersLapsed as PapersLapsedTold
from services.contracts.limits import TaskSentUp
from services.contracts.ratings import RatingGiven
from services.contracts.sessions import AppointmentAnswered
from services.domain.case import AnyEvent, Decided, Held, Lapsed, Rectified, Resumed, Withdrawn
from services.domain.later_events import PapersLapsed
from services.domain.rectifying import RectificationLapsed
from services.orchestrator import joint_extending, reprojection
from services.orchestrator.acceptance_turns import acceptance_event
from services.orchestrator.clock_turns import clock_event
from services.orchestrator.lateness import Standing, bears, clock_first
from services.orchestrator.reprojection import Calendars
from services.orchestrator.session_turns import session_event
from services.orchestrator.setting_aside import Aside, UndeliverableError, is_its_own
from services.orchestrator.settling import Settling
from services.orchestrator.signalling import NoWorkflowError, Signaller
from services.orchestrator.starting import Starter
from services.orchestrator.store import Row, Store
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.loops import Pace, Pulse, pause
from services.runtime.telemetry import SpanName, process_spans

HELD_TYPE = "lianshen.operator.held.v1"
RESUMED_TYPE = "lianshen.operator.resumed.v1"
AT_ONCE = 40
"""Calls to Temporal at a time. Fewer leave it idle in between (with eight an application costs 6 %
more of everybody's time); with sixty-four some stood for five seconds: what waits is put off."""
LOOKED_AT = 10_000
"""Messages that are looked at in one turn; when there are more, nobody is waited for."""
MOST = 2_000
"""Messages in one batch; one application's all go in the same."""
IDLE_S = 1.0
SETTLED_PACES = 1.5
"""Nothing more is said about an application for so long: the consumer has come round once."""
TOGETHER_PACES = 9.0
"""Departments that decide within so long (a second) are taken to decide together."""
LONGEST_PACES = 18.0
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
LOST_AGAIN_S = 30.0
_ENDS = frozenset({wire.TaskDecided.TYPE, wire.TaskLapsed.TYPE})
KEPT_HERE = frozenset({RatingGiven.TYPE, FeeRepaid.TYPE, AppointmentAnswered.TYPE})
"""What has had its whole effect when it is recorded, and is nothing for a workflow."""

_log = structlog.get_logger(__name__)


def _instant(text: str) -> datetime:
    return msgspec.convert(text, datetime)


def _held(data: dict[str, Any], ref: str) -> AnyEvent:
    return Held(at=_instant(data["at"]), ref=ref)


def _resumed(data: dict[str, Any], ref: str) -> AnyEvent:
    return Resumed(at=_instant(data["at"]), ref=ref)


_OPERATORS: dict[str, Callable[[dict[str, Any], str], AnyEvent]] = {
    HELD_TYPE: _held,
    RESUMED_TYPE: _resumed,
    joint_extending.TYPE: joint_extending.core_event,
}


class WorkflowLostError(Exception):
    """An application is in progress, but Temporal does not know its workflow."""


class Deliverer:
    """One loop: reads undelivered messages in order of arrival and hands them on."""

    def __init__(
        self,
        *,
        pool: Pool,
        client: Client,
        starter: Starter,
        calendars: Calendars,
        clock: Clock,
        pace: float = 0.0,
    ) -> None:
        self._pool = pool
        self._signaller = Signaller(client)
        self._starter = starter
        self._pace = Pace(pace)
        self._settling = Settling(
            quiet=SETTLED_PACES * pace, together=TOGETHER_PACES * pace, longest=LONGEST_PACES * pace
        )
        self._look_again_s = IDLE_S
        self._store = Store()
        self._calendars, self._clock = calendars, clock
        self._lost: dict[str, float] = {}
        self._aside = Aside(pool)
        self.wake = asyncio.Event()

    async def run(self, pulse: Pulse, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; what fails is tried again, ever less often."""
        backoff = FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                delivered = await self.turn()
                pulse.progress()
                pulse.detail = await self._detail()
                backoff = FIRST_BACKOFF_S
                if delivered < MOST:
                    await self._rest(stop)
                    await self._pace.gather(stop)
            except Exception as error:
                pulse.failed(error)
                _log.warning("delivery put off", error=type(error).__name__, seconds=backoff)
                await pause(stop, backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_S)

    async def _rest(self, stop: asyncio.Event) -> None:
        """Wait for the next message, but look again: another process may add one."""
        waiting = [asyncio.create_task(event.wait()) for event in (self.wake, stop)]
        await asyncio.wait(waiting, timeout=self._look_again_s, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def turn(self) -> int:
        """Deliver one batch; return how many messages were delivered.

        Raises:
            WorkflowLostError: nothing of the batch is lost; the rest was delivered, and goes on
                being delivered while the lost one rests for LOST_AGAIN_S.
            UndeliverableError: the same, of messages that no workflow can be given.
            RPCError: Temporal cannot be reached.
        """
        self.wake.clear()
        now = time.monotonic()
        resting = [number for number, until in self._lost.items() if until > now]
        resting += self._aside.resting(now)
        async with self._pool.acquire() as conn:
            groups = await self._ready(
                conn, await self._store.undelivered(conn, resting, LOOKED_AT)
            )
            if not groups:
                return 0
            new = [
                number
                for number, found in groups.items()
                if found[0]["type"] == wire.ApplicationSubmitted.TYPE
            ]
            starts = await self._store.starts_of(conn, new) if new else {}
            # One that is started now may be asleep: an earlier start had no answer, or another
            # process was first.
            asleep = await self._store.at_first_turn(conn, list(groups)) | starts.keys()
        self._pace.start(groups)
        parents = {n: [row["traceparent"] for row in found] for n, found in groups.items()}
        gate = asyncio.Semaphore(AT_ONCE)
        with process_spans(parents, name=SpanName.DELIVER) as spans:
            failures = await asyncio.gather(
                *(
                    self._deliver(
                        gate,
                        number,
                        found,
                        start=starts.get(number),
                        traceparent=spans[number],
                        asleep=number in asleep,
                    )
                    for number, found in groups.items()
                ),
                return_exceptions=True,
            )
        failed = dict(zip(groups, failures, strict=True))
        await self._remember(failed, groups)
        done = [
            row["event_id"] for n, found in groups.items() if failed[n] is None for row in found
        ]
        if done:
            async with self._pool.acquire() as conn:
                await self._store.mark_delivered(conn, done)
        for error in failures:
            if error is not None:
                raise error
        return len(done)

    async def _ready(self, conn: Connection, heads: Sequence[Row]) -> dict[str, list[Row]]:
        """Return messages by application; when busy, without those that more will soon join."""
        types: dict[str, list[str]] = {}
        ids: dict[str, list[UUID]] = {}
        for head in heads:
            types.setdefault(head["application"], []).append(head["type"])
            ids.setdefault(head["application"], []).append(head["event_id"])
        unready: frozenset[str] = frozenset()
        # A crowd that comes after a rest is one at once: its first messages wait as the others do.
        if (self._pace.busy or len(types) > 1) and len(heads) < LOOKED_AT:
            unready = await self._unready(conn, types)
        self._look_again_s = self._pace.seconds if unready else IDLE_S
        batch: list[UUID] = []
        for number, found in ids.items():
            if number not in unready and len(batch) < MOST:
                batch += found
        groups: dict[str, list[Row]] = {}
        for row in await self._store.messages(conn, batch) if batch else ():
            groups.setdefault(row["application"], []).append(row)
        return groups

    async def _unready(self, conn: Connection, types: dict[str, list[str]]) -> frozenset[str]:
        running = {
            number: len(found)
            for number, found in types.items()
            if found[0] != wire.ApplicationSubmitted.TYPE
        }
        deciding = [number for number in running if _ENDS.issuperset(types[number])]
        new = self._settling.new(deciding)
        open_tasks = await self._store.open_tasks(conn, new) if new else {}
        return self._settling.unready(running, deciding=deciding, open_tasks=open_tasks)

    async def _detail(self) -> str | None:
        lost = f"workflow_lost={len(self._lost)}" if self._lost else None
        return " ".join(filter(None, (lost, await self._aside.detail()))) or None

    async def _remember(
        self, failed: dict[str, BaseException | None], rows: dict[str, list[Row]]
    ) -> None:
        """What fails for a reason of its own must not hold up the others."""
        self._remember_lost(failed)
        others_went = any(
            error is None and _calls_temporal(rows[number]) for number, error in failed.items()
        )
        own = {
            number: error
            for number, error in failed.items()
            if error is None
            or (
                not isinstance(error, WorkflowLostError)
                and is_its_own(error, others_went=others_went)
            )
        }
        await self._aside.take(own, rows)

    def _remember_lost(self, failed: dict[str, BaseException | None]) -> None:
        """A lost workflow is an operator's matter: its messages must not hold up the others."""
        for number, error in failed.items():
            if not isinstance(error, WorkflowLostError):
                self._lost.pop(number, None)
                continue
            if number not in self._lost:
                _log.error("workflow lost", application=number)
            self._lost[number] = time.monotonic() + LOST_AGAIN_S

    async def _deliver(
        self,
        gate: asyncio.Semaphore,
        number: str,
        rows: Sequence[Row],
        *,
        start: Row | None,
        traceparent: str | None,
        asleep: bool,
    ) -> None:
        async with gate:
            if start is not None:
                ref = str(rows[0]["event_id"])
                await self._starter.start(number, start, ref, traceparent, ahead=len(rows) == 1)
                rows = rows[1:]
            events = [await self._event(row) for row in rows if row["type"] not in KEPT_HERE]
            if events:
                await self._signal(number, await self._timed(number, events), asleep=asleep)

    async def _timed(self, number: str, events: list[AnyEvent]) -> list[AnyEvent]:
        now, calendar = self._clock.now(), self._calendars.current()
        if not bears(events, now, calendar):
            return clock_first(events, now, calendar)
        async with self._pool.acquire() as conn:
            standing = await self._store.standing_of(conn, number)
        return clock_first(events, now, calendar, standing or Standing())

    async def _event(self, row: Row) -> AnyEvent:
        try:
            if row["type"] == reprojection.TYPE:
                return await reprojection.core_event(row, self._calendars)
            return core_event(row)
        except Exception as error:
            raise UndeliverableError(row["event_id"]) from error

    async def _signal(self, number: str, events: list[AnyEvent], *, asleep: bool) -> None:
        try:
            await self._signaller.signal(number, msgspec.to_builtins(events), asleep=asleep)
        except NoWorkflowError as error:
            async with self._pool.acquire() as conn:
                row = await self._store.get_application(conn, number)
            if row is None or row["conclusion"] is None:
                raise WorkflowLostError(number) from error
            _log.info("message after the end", application=number, events=len(events))


def _calls_temporal(rows: Sequence[Row]) -> bool:
    """Whether messages are for a workflow, so that Temporal was there when they went."""
    return any(row["type"] not in KEPT_HERE for row in rows)


def core_event(row: Row) -> AnyEvent:
    """Return the core's event for a message; only what the core needs enters the history."""
    data = orjson.loads(row["payload"])["data"]
    ref = str(row["event_id"])
    if row["type"] in _OPERATORS:
        return _OPERATORS[row["type"]](data, ref)
    match wire.EVENTS[row["type"]].model_validate(data):
        case wire.TaskDecided() as said:
            return Decided(at=said.decided_at, ref=ref, task=said.task, outcome=said.outcome)
        case wire.TaskLapsed() as said:
            return Lapsed(at=said.lapsed_at, ref=ref, task=said.task)
        case wire.TaskPaused() | wire.TaskPauseEnded() | wire.TaskExtended() | TaskSentUp() as said:
            return clock_event(said, ref)
        case wire.SessionTold() as said:
            return session_event(said, ref)
        case said:
            return _event_around_acceptance(said, ref)


def _event_around_acceptance(said: wire.Event, ref: str) -> AnyEvent:
    match said:
        case wire.ApplicationSupplemented() | wire.ExaminationDone():
            return acceptance_event(said, ref)
        case wire.ApplicationRectified():
            return Rectified(at=said.rectified_at, ref=ref, step=said.step, round=said.round)
        case wire.RectificationLapsed():
            return RectificationLapsed(at=said.lapsed_at, ref=ref, step=said.step, round=said.round)
        case PapersLapsedTold():
            at, materials = said.lapsed_at, said.materials
            return PapersLapsed(at=at, ref=ref, step=said.step, materials=materials)
        case wire.ApplicationWithdrawn():
            return Withdrawn(at=said.withdrawn_at, ref=ref)
        case _:
            message = f"{said.TYPE} is nothing for a workflow"
            raise TypeError(message)
