"""The clocks of a turn: what departments and investor are told of them, and what is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never
from uuid import UUID

import msgspec

from services.contracts.clocks import ClockResumed, Days
from services.contracts.events import (
    ClockNotice,
    Due,
    TaskExtended,
    TaskPaused,
    TaskPauseEnded,
    TaskRedated,
)
from services.contracts.limits import TaskSentUp
from services.contracts.vocabulary import DateChange, Signal
from services.domain.case import (
    AnyCommand,
    AnyEvent,
    ChangeCalendar,
    ChangeLedger,
    Extended,
    LiftSignal,
    Paused,
    PauseEnded,
    RaiseSignal,
    Redate,
    Repromise,
)
from services.domain.limit_events import SentUp, SetLimit
from services.domain.route import Budget
from services.orchestrator import clock_store
from services.runtime.db import Connection

if TYPE_CHECKING:
    from services.orchestrator.told import Told
    from services.orchestrator.turns import TurnInput

Said: TypeAlias = Mapping[UUID, Any]
"""Data of the messages in which departments told of pauses and extensions."""
TOLD = (DateChange.PAUSED, DateChange.EXTENDED)


def clock_event(
    said: TaskPaused | TaskPauseEnded | TaskExtended | TaskSentUp, ref: str
) -> AnyEvent:
    """Return the core's event for what a department said; its reason stays behind."""
    match said:
        case TaskPaused():
            return Paused(
                at=said.paused_at,
                ref=ref,
                task=said.task,
                pause=said.pause,
                kind=said.kind,
                until=said.until,
                cap=_budget(said.cap) if said.cap else None,
                notice=said.notice,
                article=said.article,
            )
        case TaskPauseEnded():
            return PauseEnded(at=said.ended_at, ref=ref, task=said.task, pause=said.pause)
        case TaskExtended():
            return Extended(
                at=said.extended_at,
                ref=ref,
                task=said.task,
                extension=said.extension,
                budget=_budget(said.days),
                approver=said.approver,
                article=said.article,
            )
        case TaskSentUp():
            return SentUp(at=said.sent_at, ref=ref, task=said.task)
        case _:
            assert_never(said)


def _budget(days: Days) -> Budget:
    return Budget(value=days.value, unit=days.unit)


def redated(application: str, department: str, due: Due, command: Redate) -> TaskRedated:
    """Return what a department is told of a task whose dates were moved."""
    return TaskRedated(
        application=application,
        task=command.task,
        department=department,
        due=due,
        why=command.why,
        redated_at=command.at,
    )


def refs(commands: Iterable[AnyCommand]) -> Iterator[UUID]:
    """Yield the messages whose notices the investor must be shown."""
    for command in commands:
        if isinstance(command, ChangeLedger | SetLimit) and command.why in TOLD and command.ref:
            yield UUID(command.ref)


def tell(told: "Told", command: ChangeLedger, said: Said) -> None:
    """Take in what the applicant is told of a clock: a notice, or that a pause is over sooner."""
    told.clocks += notices(command, said)
    pause = command.ledger.pauses[-1] if command.why is DateChange.PAUSE_ENDED else None
    if pause is not None and pause.told_until is not None:
        over = ClockResumed(
            task=command.task,
            notice=pause.notice,
            until=pause.until_on or pause.from_on,
            at=command.at,
        )
        told.resumed.append(over)


def notices(command: ChangeLedger, said: Said) -> list[ClockNotice]:
    """Return what the applicant is told, in the department's words: a notice, or nothing."""
    data = said.get(UUID(command.ref)) if command.why in TOLD and command.ref else None
    if data is None:
        return []
    if command.why is DateChange.PAUSED:
        paused = TaskPaused.model_validate(data)
        return [
            ClockNotice(
                task=paused.task,
                why=command.why,
                notice=paused.notice,
                article=paused.article,
                reason=paused.reason,
                kind=paused.kind,
                until=paused.until,
                at=paused.paused_at,
            )
        ]
    extended = TaskExtended.model_validate(data)
    return [
        ClockNotice(
            task=extended.task,
            why=command.why,
            notice=extended.approval,
            article=extended.article,
            reason=extended.reason,
            days=extended.days,
            approver=extended.approver,
            at=extended.extended_at,
        )
    ]


async def write(conn: Connection, turns: Sequence["TurnInput"]) -> None:
    """Write what turns did to clocks, after everything else of them. No statement without cause."""
    ledgers, redates, changes = [], [], []
    for turn in turns:
        for place, command in enumerate(turn.commands):
            match command:
                case ChangeLedger():
                    ledgers.append((command.task, msgspec.json.encode(command.ledger).decode()))
                case Redate():
                    redates.append(_redate(command))
                    changes.append((turn.application, turn.turn, place, *_change(command)))
                case Repromise():
                    changes.append((turn.application, turn.turn, place, *_promise(command)))
                case _:
                    pass  # not about clocks
    if ledgers:
        await clock_store.change_ledgers(conn, dict(ledgers))
    if redates:
        await clock_store.redate_tasks(conn, list({row[0]: row for row in redates}.values()))
    if changes:
        await clock_store.add_date_changes(conn, changes)
    wholes = [row for turn in turns if (row := _whole(turn)) is not None]
    if wholes:
        await clock_store.change_wholes(conn, wholes)


def _redate(command: Redate) -> tuple[Any, ...]:
    dates = command.dates
    return (
        command.task,
        dates.promised_on,
        dates.promised_at,
        dates.statutory_on,
        dates.statutory_at,
        dates.provisional,
    )


def _change(command: Redate) -> tuple[Any, ...]:
    before, after = command.before, command.dates
    return (
        command.task,
        command.why,
        UUID(command.ref) if command.ref else None,
        command.at,
        before.promised_at,
        after.promised_at,
        before.statutory_at,
        after.statutory_at,
    )


def _promise(command: Repromise) -> tuple[Any, ...]:
    ref = UUID(command.ref) if command.ref else None
    moved = (command.before, command.promised_at, None, None)
    return (None, command.why, ref, command.at, *moved)


def _whole(turn: "TurnInput") -> tuple[Any, ...] | None:
    """Return how a turn leaves calendar, lateness and certainty of the whole, if it touched them.

    Of several signals of one turn the last one stands.
    """
    calendar = provisional = late = None
    for command in turn.commands:
        match command:
            case ChangeCalendar():
                calendar = command.version
            case Repromise():
                provisional = command.provisional
            case LiftSignal(task=None, signal=Signal.PROMISE_PASSED):
                late = False
            case RaiseSignal(task=None, signal=Signal.PROMISE_PASSED):
                late = True if late is False else late
            case _:
                pass  # not about the whole
    if calendar is None and provisional is None and late is None:
        return None
    return (turn.application, calendar, provisional, late)


def lasting_lifts(commands: Sequence[AnyCommand]) -> list[LiftSignal]:
    """Return the lifts of one turn that no later signal of the same turn undoes."""
    lifted: dict[tuple[str | None, Signal], LiftSignal] = {}
    for command in commands:
        if isinstance(command, LiftSignal):
            lifted[command.task, command.signal] = command
        elif isinstance(command, RaiseSignal):
            lifted.pop((command.task, command.signal), None)
    return list(lifted.values())
