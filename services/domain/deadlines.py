"""What the deadlines of a case say, and when they speak next.

Signals of one task: a warning at the close of business one working day before the promise, the
promise passed, the statute passed. A unit whose silence counts is asked to arbitrate its lapse when
its promise passes. The instant a department committed its act counts, not the message's arrival:
a signal that spoke too early because a message was late is lifted.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from services.contracts.vocabulary import (
    Part,
    PauseKind,
    Signal,
    Silence,
    StepState,
    TaskState,
    Unit,
)
from services.domain.acceptance import statute_start
from services.domain.calendar import WorkingCalendar
from services.domain.case import (
    AskLapse,
    Case,
    Dates,
    LiftSignal,
    RaiseSignal,
    TaskStatus,
)
from services.domain.examination import next_limit
from services.domain.happening import CaseEvent
from services.domain.limits import Ledger, Pause, due_on, is_provisional, warn_on
from services.domain.route import Budget, RoutePart, RouteStep
from services.domain.turn import Turn, part_key, task_name

AFTER = timedelta(seconds=1)
"""A deadline is passed after the close of business, not at it."""


def task_dates(
    turn: Turn, step: RouteStep, part: RoutePart, issued_at: datetime | None = None
) -> Dates:
    """Return the dates of a part that is issued now, or was at `issued_at`.

    A merged step is promised as a whole: by the earliest of its members' promises; the pause of
    one member moves the promise of all, but the limit of the law of that member alone. In a later
    round the limits run on from the first day; rectification only stops them (联合审图, 联合验收).
    """
    calendar, status = turn.calendar, turn.steps[step.code]
    issued_at = issued_at or turn.at
    start, joint = status.started_on or turn.today, joint_ledger(turn, step)
    deciding = [p for p in step.parts if p.part is Part.DECIDE]
    promised_on = min(due_on(p.promised, start, calendar, joint) for p in deciding)
    if part.part is Part.CONSULT:
        promised_on = opinion_on(promised_on, calendar.local_date(issued_at), calendar)
    statute, own = part.statute, own_ledger(turn, step, part)
    begun = statute_start(turn, step, part)
    statutory_on = due_on(statute.budget, begun, calendar, own) if statute else None
    last = max(statutory_on or promised_on, promised_on)
    return Dates(
        issued_at=issued_at,
        promised_on=promised_on,
        promised_at=calendar.close_of(promised_on),
        warn_at=calendar.close_of(warn_on(promised_on, calendar)),
        statutory_on=statutory_on,
        statutory_at=calendar.close_of(statutory_on) if statutory_on else None,
        provisional=is_provisional(min(start, begun), last, calendar),
    )


def joint_ledger(turn: Turn, step: RouteStep) -> Ledger:
    """Return what stops the promise of a step: its own pauses and those of all its parts."""
    tasks = (turn.tasks[part_key(part)] for part in step.parts)
    paused = (pause for task in tasks for pause in task.pauses)
    return Ledger(pauses=(*turn.steps[step.code].pauses, *paused))


def own_ledger(turn: Turn, step: RouteStep, part: RoutePart) -> Ledger:
    """Return what stops and lengthens the limit that the law sets one part of a step."""
    task = turn.tasks[part_key(part)]
    pauses = (*turn.steps[step.code].pauses, *task.pauses)
    return Ledger(pauses=pauses, extensions=task.extensions)


def opinion_on(promised_on: date, start: date, calendar: WorkingCalendar) -> date:
    """Return the day by which a consulted unit must speak: the working day before the promise.

    The last day belongs to the one joint opinion (方案联审: last day; 联合审图: + 1 wd), else the
    silence of one unit would break the promise of all. A step of one day leaves no day before.
    """
    return max(calendar.previous_working_day(promised_on), calendar.next_working_day(start))


def end_pause(turn: Turn, step: RouteStep) -> tuple[Pause, ...]:
    """Return the step's pauses with the one that the investor's answer ends today.

    It runs from the day of the notice to the day of the answer, both included, so that a unit has
    at least a day left to look again. The promise of the whole moves with it.
    """
    status = turn.steps[step.code]
    rule = step.rectification
    pause = Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=status.asked_on or turn.today,
        until_on=turn.today,
        cap=None,
        notice=f"{turn.route.application}/{step.code}/{status.round}",
        article=rule.article if rule is not None else "",
    )
    return (*status.pauses, pause)


def promise(turn: Turn) -> datetime:
    """Return the promise of the whole, moved by the pauses of its steps and tasks."""
    route, calendar = turn.route, turn.calendar
    budget = Budget(value=route.promised_days, unit=Unit.WORKING_DAY)
    return calendar.close_of(due_on(budget, route.start, calendar, Ledger(pauses=turn.pauses)))


def reach(turn: Turn, key: str, at: datetime, *, warn: bool = True) -> None:
    """Let every deadline of one open task speak that lies before or at `at`.

    `warn` is false when the task ends at `at`: a warning would warn nobody any more.
    """
    task = turn.tasks[key]
    if task.state is not TaskState.OPEN:
        return
    part = _part(turn, key)
    name = task_name(turn.route.application, part, task.round)
    for instant, signal in _signals(task):
        if instant <= at and (warn or signal is not Signal.WARNING):
            turn.commands.append(RaiseSignal(at=instant, signal=signal, task=name))
            task = replace(task, signals=(*task.signals, signal))
    lapse_at = _lapse_at(part, task)
    if lapse_at is not None and lapse_at <= at:
        turn.commands.append(AskLapse(at=lapse_at, task=name, key=key))
        task = replace(task, lapse_asked=True)
    turn.tasks[key] = task


def open_task(turn: Turn, event: CaseEvent, name: str) -> tuple[RouteStep, RoutePart] | None:
    """Return the step and part of the open task `name`, or note why `event` changes nothing."""
    key, _, _ = name.removeprefix(f"{turn.route.application}/").rpartition("/")
    found = turn.route.parts.get(key)
    if found is None or task_name(turn.route.application, found[1], turn.tasks[key].round) != name:
        turn.ignore(event, "no such task in this round")
        return None
    if turn.tasks[key].state is not TaskState.OPEN:
        turn.ignore(event, f"the task is {turn.tasks[key].state}")
        return None
    return found


def lift_early_signals(turn: Turn, key: str, at: datetime) -> None:
    """Take back the signals of a task that an act committed at `at` forestalls, or moves."""
    task = turn.tasks[key]
    part = _part(turn, key)
    name = task_name(turn.route.application, part, task.round)
    instants = {signal: instant for instant, signal in _all_signals(_dates(task))}
    for signal in task.signals:
        if instants[signal] > at:
            turn.commands.append(LiftSignal(at=at, signal=signal, task=name))
    kept = tuple(signal for signal in task.signals if instants[signal] <= at)
    turn.tasks[key] = replace(task, signals=kept)


def next_instant(case: Case) -> datetime | None:
    """Return the next instant at which a deadline speaks; None when nothing more can."""
    if case.conclusion is not None:
        return None
    if not case.accepted:
        return next_limit(case.examination)
    found = [instant for instant in _instants(case) if instant is not None]
    return min(found, default=None)


def _instants(case: Case) -> Iterator[datetime | None]:
    for key, task in case.tasks.items():
        if task.state is TaskState.OPEN:
            yield from (instant for instant, _ in _signals(task))
            yield _lapse_at(case.route.parts[key][1], task)
    rectifying = [s for s in case.steps.values() if s.state is StepState.RECTIFYING]
    yield from (step.rectify_until for step in rectifying)
    if not case.late and not rectifying:
        yield case.promised_at + AFTER


def _all_signals(dates: Dates) -> Iterator[tuple[datetime, Signal]]:
    """A promise for the day of issue gives no warning: there is no working day before it."""
    if dates.warn_at > dates.issued_at:
        yield dates.warn_at, Signal.WARNING
    yield dates.promised_at + AFTER, Signal.PROMISE_PASSED
    if dates.statutory_at is not None:
        yield dates.statutory_at + AFTER, Signal.STATUTE_PASSED


def _signals(task: TaskStatus) -> Iterator[tuple[datetime, Signal]]:
    yield from (pair for pair in _all_signals(_dates(task)) if pair[1] not in task.signals)


def _lapse_at(part: RoutePart, task: TaskStatus) -> datetime | None:
    if part.silence is Silence.NONE or task.lapse_asked:
        return None
    return _dates(task).promised_at + AFTER


def _dates(task: TaskStatus) -> Dates:
    """Return the dates of an open task: it was given them when it was issued."""
    assert task.dates is not None  # noqa: S101  open
    return task.dates


def _part(turn: Turn, key: str) -> RoutePart:
    return turn.route.parts[key][1]
