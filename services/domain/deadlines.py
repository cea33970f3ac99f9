"""What the deadlines of a case say, and when they speak next.

Signals of one task: a warning at the close of business one working day before the promise, the
promise passed, the statute passed. A unit whose silence counts is asked to arbitrate its lapse when
its promise passes. The instant a department committed its act counts, not the message's arrival:
a signal that spoke too early because a message was late is lifted.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from services.contracts.vocabulary import Part, Signal, Silence, StepState, TaskState
from services.domain.calendar import WorkingCalendar
from services.domain.case import AskLapse, Case, Dates, LiftSignal, RaiseSignal, TaskStatus
from services.domain.limits import due_on, warn_on
from services.domain.route import RoutePart, RouteStep
from services.domain.turn import Turn, part_key, task_name

AFTER = timedelta(seconds=1)
"""A deadline is passed after the close of business, not at it."""


def task_dates(turn: Turn, step: RouteStep, part: RoutePart, shift: int | None = None) -> Dates:
    """Return the dates of a part that is issued now.

    A merged step is promised as a whole: by the earliest of its members' promises. In a later round
    (`shift` given) the first round's dates move by `shift` working days: rectification is outside
    the limit (联合审图, 联合验收), what was left of the limit is not renewed.
    """
    calendar, old = turn.calendar, turn.tasks[part_key(part)].dates
    if shift is not None and old is not None:
        promised_on = calendar.add_working_days(old.promised_on, shift)
        statutory_on = old.statutory_on and calendar.add_working_days(old.statutory_on, shift)
    else:
        deciding = [p for p in step.parts if p.part is Part.DECIDE]
        promised_on = min(due_on(p.promised, turn.today, calendar) for p in deciding)
        if part.part is Part.CONSULT:
            promised_on = opinion_on(promised_on, turn.today, calendar)
        statute = part.statute
        statutory_on = statute and due_on(statute.budget, turn.today, calendar)
    last = statutory_on or promised_on
    return Dates(
        issued_at=turn.at,
        promised_on=promised_on,
        promised_at=calendar.close_of(promised_on),
        warn_at=calendar.close_of(warn_on(promised_on, calendar)),
        statutory_on=statutory_on,
        statutory_at=statutory_on and calendar.close_of(statutory_on),
        provisional=any(calendar.is_provisional(day) for day in (promised_on, last)),
    )


def opinion_on(promised_on: date, start: date, calendar: WorkingCalendar) -> date:
    """Return the day by which a consulted unit must speak: the working day before the promise.

    The last day belongs to the one joint opinion (方案联审: last day; 联合审图: + 1 wd), else the
    silence of one unit would break the promise of all. A step of one day leaves no day before.
    """
    return max(calendar.previous_working_day(promised_on), calendar.next_working_day(start))


def shift_for(turn: Turn, step: RouteStep) -> int:
    """Return by how many working days rectification moves the step's dates; move the promise too.

    It is the working days from the notice to the answer; and one more where nothing of the limit
    was left, since a unit must have a day to look again. Days in which two steps were put right
    at the same time move the promise of the whole only once.
    """
    calendar = turn.calendar
    asked_on = turn.steps[step.code].asked_on or turn.today
    shift = calendar.working_days_between(asked_on, turn.today)
    due = max(d.promised_on for p in step.parts if (d := turn.tasks[part_key(p)].dates))
    shifted = calendar.add_working_days(due, shift)
    if shifted <= turn.today:
        shift += calendar.working_days_between(shifted, turn.today) + 1
        shifted = calendar.add_working_days(due, shift)
    counted_from = max(asked_on, turn.excused_until or asked_on)
    excused_until = calendar.add_working_days(asked_on, shift)
    if excused_until > counted_from:
        days = calendar.working_days_between(counted_from, excused_until)
        turn.excused_days += days
        turn.excused_until = excused_until
        promised_on = calendar.add_working_days(calendar.local_date(turn.promised_at), days)
        turn.promised_at = calendar.close_of(promised_on)
    return shift


def reach(turn: Turn, key: str, at: datetime, *, warn: bool = True) -> None:
    """Let every deadline of one open task speak that lies before or at `at`.

    `warn` is false when the task ends at `at`: a warning would warn nobody any more.
    """
    task = turn.tasks[key]
    if task.state is not TaskState.OPEN:
        return
    step, part = _part(turn, key)
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


def lift_early_signals(turn: Turn, key: str, at: datetime) -> None:
    """Take back the signals of a task that an act committed at `at` forestalls."""
    task = turn.tasks[key]
    dates = task.dates
    if dates is None:
        return
    _, part = _part(turn, key)
    name = task_name(turn.route.application, part, task.round)
    instants = dict((signal, instant) for instant, signal in _all_signals(dates))
    for signal in task.signals:
        if instants[signal] > at:
            turn.commands.append(LiftSignal(at=at, signal=signal, task=name))
    kept = tuple(signal for signal in task.signals if instants[signal] <= at)
    turn.tasks[key] = replace(task, signals=kept)


def next_instant(case: Case) -> datetime | None:
    """Return the next instant at which a deadline speaks; None when nothing more can."""
    if case.conclusion is not None or not case.accepted:
        return None
    found = [instant for instant in _instants(case) if instant is not None]
    return min(found, default=None)


def _instants(case: Case) -> Iterator[datetime | None]:
    parts = {part_key(part): part for step in case.route.steps for part in step.parts}
    for key, task in case.tasks.items():
        if task.state is TaskState.OPEN:
            yield from (instant for instant, _ in _signals(task))
            yield _lapse_at(parts[key], task)
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
    if task.dates is not None:
        yield from (pair for pair in _all_signals(task.dates) if pair[1] not in task.signals)


def _lapse_at(part: RoutePart, task: TaskStatus) -> datetime | None:
    if part.silence is Silence.NONE or task.lapse_asked or task.dates is None:
        return None
    return task.dates.promised_at + AFTER


def _part(turn: Turn, key: str) -> tuple[RouteStep, RoutePart]:
    return next(
        (step, part)
        for step in turn.route.steps
        for part in step.parts
        if part_key(part) == key
    )
