"""What stops, lengthens and moves the clocks of a running case (行政许可法 42, 45, 82).

A pause is a department's act with a written notice that names the day until which it lasts. It
stops the limit that the law sets the task, the promise of the task's step (for all that sign it),
and the promise of the whole. It ends on that day, or sooner: by an act, by its cap, or because the
task is decided. An extension lengthens the limit that the law sets the task and nothing else: what
was promised stays promised. A new calendar moves whatever has not ended yet.

A date that was told is never moved silently: every move is a command with before, after and why.
What is over can be neither stopped nor lengthened, so no deadline that has truly spoken is unsaid.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from msgspec.structs import replace

from services.contracts.vocabulary import DateChange, StepState, TaskState
from services.domain.acceptance import examination_name, reckon_anew, statute_start
from services.domain.case import (
    ChangeCalendar,
    ChangeLedger,
    Extended,
    Paused,
    PauseEnded,
    Redate,
    Reprojected,
    Repromise,
    TaskStatus,
)
from services.domain.deadlines import (
    lift_early_signals,
    open_task,
    own_ledger,
    promise,
    task_dates,
)
from services.domain.happening import CaseEvent
from services.domain.limit_events import MoveNotice, RedateExamination
from services.domain.limits import (
    LONGEST_PAUSE,
    Extension,
    Ledger,
    Pause,
    day_of_act,
    due_on,
    is_provisional,
    last_day_of,
)
from services.domain.route import RoutePart, RouteStep
from services.domain.turn import Turn, part_key, task_name


def running_pause(task: TaskStatus, day: date) -> Pause | None:
    """Return the pause of a task that nobody has ended and that lasts until `day` or longer."""
    last = task.pauses[-1] if task.open_pause is not None else None
    return last if last is not None and last.until_on is not None and last.until_on >= day else None


def end_with_task(turn: Turn, step: RouteStep, part: RoutePart, event: CaseEvent) -> None:
    """End the pause of a task that has been decided: the others of its step wait no longer."""
    key = part_key(part)
    if running_pause(turn.tasks[key], day_of_act(event.at, turn.calendar)) is not None:
        _end(turn, step, part, event)


def _paused(turn: Turn, event: Paused) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    step, part = found
    key, day = part_key(part), day_of_act(event.at, turn.calendar)
    task = turn.tasks[key]
    pause = Pause(
        kind=event.kind,
        from_on=day,
        until_on=event.until if event.until >= day else None,
        cap=event.cap,
        notice=event.notice,
        article=event.article,
    )
    why = _unpausable(turn, step, part, event, pause)
    if why is not None:
        turn.ignore(event, why)
        return
    turn.tasks[key] = replace(
        task, pauses=(*task.pauses, pause), open_pause=event.pause, pauses_told=event.pause
    )
    _record(turn, step, part, event, DateChange.PAUSED)
    _move(turn, step, event, DateChange.PAUSED)


def _unpausable(
    turn: Turn, step: RouteStep, part: RoutePart, event: Paused, pause: Pause
) -> str | None:
    """Return why a task's clock runs on in spite of `event`, or None."""
    task, last = turn.tasks[part_key(part)], last_day_of(pause, turn.calendar)
    if event.pause <= task.pauses_told:
        return f"pause {event.pause} is known already"
    if running_pause(task, pause.from_on) is not None:
        return "the task is paused already"
    if pause.until_on is None or last is None or last < pause.from_on:
        return "it has no written notice, or no day that it could stop the clock for"
    if pause.until_on > pause.from_on + LONGEST_PAUSE:
        return "it is told to last for more than a year"
    return _over(turn, step, part, pause.from_on)


def _over(turn: Turn, step: RouteStep, part: RoutePart, day: date) -> str | None:
    """Return why the limit of a part can be neither stopped nor lengthened on `day`, or None."""
    if part.statute is None:
        return "the law sets the task no limit"
    start = statute_start(turn, step, part)
    last = due_on(part.statute.budget, start, turn.calendar, own_ledger(turn, step, part))
    return f"the limit was over on {last}" if day > last else None


def _pause_ended(turn: Turn, event: PauseEnded) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    step, part = found
    task = turn.tasks[part_key(part)]
    running = running_pause(task, day_of_act(event.at, turn.calendar))
    if task.open_pause != event.pause or running is None:
        turn.ignore(event, f"pause {event.pause} does not last any more")
        return
    _end(turn, step, part, event)


def _end(turn: Turn, step: RouteStep, part: RoutePart, event: CaseEvent) -> None:
    """End the running pause of a task on the day of `event`, that day included."""
    key = part_key(part)
    task = turn.tasks[key]
    *before, pause = task.pauses
    ended = replace(pause, until_on=max(pause.from_on, day_of_act(event.at, turn.calendar)))
    if last_day_of(ended, turn.calendar) != last_day_of(pause, turn.calendar):
        ended = replace(ended, told_until=pause.until_on)
    turn.tasks[key] = replace(task, pauses=(*before, ended), open_pause=None)
    _record(turn, step, part, event, DateChange.PAUSE_ENDED)
    _move(turn, step, event, DateChange.PAUSE_ENDED)


def _extended(turn: Turn, event: Extended) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    step, part = found
    key, day = part_key(part), day_of_act(event.at, turn.calendar)
    task = turn.tasks[key]
    why = _over(turn, step, part, day)
    if event.extension <= task.extensions_told:
        why = f"extension {event.extension} is known already"
    if why is not None:
        turn.ignore(event, why)
        return
    extension = Extension(
        budget=event.budget, approver=event.approver, article=event.article, on=day
    )
    turn.tasks[key] = replace(
        task, extensions=(*task.extensions, extension), extensions_told=event.extension
    )
    _record(turn, step, part, event, DateChange.EXTENDED)
    _redate(turn, step, event, DateChange.EXTENDED)


def _reprojected(turn: Turn, event: Reprojected) -> None:
    before = turn.calendar
    if event.calendar.version == before.version:
        turn.ignore(event, "the case is reckoned by this calendar already")
        return
    provisional = _is_provisional(turn)
    turn.calendar = event.calendar
    turn.commands.append(ChangeCalendar(at=turn.at, version=event.calendar.version))
    _move_notice(turn, event)
    for step in turn.route.steps:
        if turn.steps[step.code].state is StepState.OPEN:
            _redate(turn, step, event, DateChange.CALENDAR)
    repromise(turn, event, DateChange.CALENDAR, settled=provisional != _is_provisional(turn))


def _move_notice(turn: Turn, event: Reprojected) -> None:
    """Derive the limit of the notice of what is missing anew, and tell if it has moved."""
    before = turn.examination
    reckon_anew(turn)
    after = turn.examination
    if before is None or after is None or before.notice_until == after.notice_until:
        return
    turn.commands.append(
        MoveNotice(
            at=turn.at,
            round=after.round,
            before=before.notice_until,
            until=after.notice_until,
            answer_by=after.answer_by,
            why=DateChange.CALENDAR,
            ref=event.ref,
        )
    )
    if turn.edition_3 and before.answer_by != after.answer_by:
        turn.commands += [
            RedateExamination(
                at=turn.at,
                task=examination_name(turn.route.application, code, after.examiners[code].number),
                department=code,
                until=after.answer_by,
                why=DateChange.CALENDAR,
            )
            for code in after.asked
        ]


TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {
    Paused: _paused,
    PauseEnded: _pause_ended,
    Extended: _extended,
    Reprojected: _reprojected,
}


def _record(
    turn: Turn, step: RouteStep, part: RoutePart, event: CaseEvent, why: DateChange
) -> None:
    task = turn.tasks[part_key(part)]
    turn.commands.append(
        ChangeLedger(
            at=turn.at,
            task=task_name(turn.route.application, part, task.round),
            key=part_key(part),
            step=step.code,
            ledger=Ledger(pauses=task.pauses, extensions=task.extensions),
            why=why,
            ref=event.ref,
        )
    )


def _move(turn: Turn, step: RouteStep, event: CaseEvent, why: DateChange) -> None:
    _redate(turn, step, event, why)
    repromise(turn, event, why)


def _redate(turn: Turn, step: RouteStep, event: CaseEvent, why: DateChange) -> None:
    """Derive the dates of a step's open tasks anew; tell of those that have changed.

    A unit that has been asked about its silence keeps its date: its own store is deciding by it.
    """
    for part in step.parts:
        key = part_key(part)
        task = turn.tasks[key]
        before = task.dates
        if task.state is not TaskState.OPEN or before is None or task.lapse_asked:
            continue
        dates = task_dates(turn, step, part, before.issued_at)
        if dates == before:
            continue
        turn.commands.append(
            Redate(
                at=turn.at,
                task=task_name(turn.route.application, part, task.round),
                key=key,
                step=step.code,
                round=task.round,
                before=before,
                dates=dates,
                why=why,
                ref=event.ref,
            )
        )
        turn.tasks[key] = replace(task, dates=dates)
        lift_early_signals(turn, key, event.at)


def repromise(turn: Turn, event: CaseEvent, why: DateChange, *, settled: bool = False) -> None:
    """Derive the promise of the whole anew; `settled`: whether it is provisional has changed."""
    before = turn.promised_at
    turn.promised_at = promise(turn)
    if turn.promised_at == before and not settled:
        return
    turn.commands.append(
        Repromise(
            at=turn.at,
            before=before,
            promised_at=turn.promised_at,
            provisional=_is_provisional(turn),
            why=why,
            ref=event.ref,
        )
    )
    turn.keep_promise(event.at)


def _is_provisional(turn: Turn) -> bool:
    last = turn.calendar.local_date(turn.promised_at)
    return is_provisional(turn.route.start, last, turn.calendar)
