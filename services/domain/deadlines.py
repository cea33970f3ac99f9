"""What the deadlines of a case say, and when they speak next.

Signals of one task: a warning at the close of business one working day before the promise, the
promise passed, the statute passed. Whoever's silence counts is asked to arbitrate its lapse when
the time for speaking is over (`silences`). The instant a department committed its act counts, not
the message's arrival: a signal that spoke too early because a message was late is lifted.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from services.contracts.vocabulary import (
    LimitKind,
    Part,
    Signal,
    StepState,
    TaskState,
    Unit,
)
from services.domain import silences
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
from services.domain.limit_events import LimitStatus
from services.domain.limits import Ledger, due_on, is_provisional, warn_on
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
    examined = turn.examination
    return Dates(
        issued_at=issued_at,
        promised_on=promised_on,
        promised_at=calendar.close_of(promised_on),
        warn_at=calendar.close_of(warn_on(promised_on, calendar)),
        statutory_on=statutory_on,
        statutory_at=calendar.close_of(statutory_on) if statutory_on else None,
        provisional=is_provisional(min(start, begun), last, calendar),
        expires_at=silences.expiry(part, examined.received_on if examined else turn.route.start),
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
    # Moved dates may leave no day for a warning that was given: it is taken back as well.
    spoken = {signal for instant, signal in _all_signals(_dates(task)) if instant <= at}
    for signal in task.signals:
        if signal not in spoken:
            turn.commands.append(LiftSignal(at=at, signal=signal, task=name))
    kept = tuple(signal for signal in task.signals if signal in spoken)
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
    yield from (step.rectify_until for step in rectifying if not step.lapse_asked)
    awaited = [s.awaited for s in case.steps.values() if s.awaited is not None]
    yield from (one.forfeit_at for one in awaited if not case.held)
    if not case.late and not rectifying and not awaited:
        yield case.promised_at + AFTER
    for limit in case.limits.values():
        if not limit.passed and not stands(case, limit):
            yield limit.due_at + AFTER


def waiting_steps(found: Turn | Case) -> dict[str, date]:
    """Return the steps that wait for the investor, with the day since when."""
    rectifying = {c: s.asked_on for c, s in found.steps.items() if s.state is StepState.RECTIFYING}
    awaited = {code: s.awaited.since for code, s in found.steps.items() if s.awaited is not None}
    return {code: day for code, day in (rectifying | awaited).items() if day is not None}


def key_of(task: str) -> str:
    """Return the key of a task's part: its name without application and round."""
    return task.partition("/")[2].rpartition("/")[0]


def stands(found: Turn | Case, limit: LimitStatus) -> bool:
    """Whether a limit waits for the investor: that of the whole, or of a licence to be released."""
    waiting = waiting_steps(found)
    if limit.kind is LimitKind.DELIVERY and limit.task is not None:
        return found.route.parts[key_of(limit.task)][0].code in waiting
    return limit.kind is LimitKind.JOINT and bool(waiting)


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
    if task.lapse_asked:
        return None
    dates = _dates(task)
    last = silences.ends_at(part, dates)
    if last is None:
        return None
    # A permit may have expired before its renewal was issued: it is asked about at once.
    return last + AFTER if dates.expires_at is None else max(last + AFTER, dates.issued_at)


def _dates(task: TaskStatus) -> Dates:
    """Return the dates of an open task: it was given them when it was issued."""
    assert task.dates is not None  # noqa: S101  open
    return task.dates


def _part(turn: Turn, key: str) -> RoutePart:
    return turn.route.parts[key][1]
