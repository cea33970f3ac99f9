"""Why a date is what it is: the days of a limit, from what the applicant was told of its clock.

The clocks are the orchestrator's; here they are reckoned again from the acceptance, the plan and
every notice. Where that does not end on the date that was told, the page says so.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec.structs import replace

from services.contracts.vocabulary import DateChange, LimitStart, Part, PauseKind, TaskState, Unit
from services.domain.calendar import ONE_DAY, DayKind, WorkingCalendar
from services.domain.catalogue import Limit, Name
from services.domain.later import NOT_COUNTED
from services.domain.limits import (
    PAUSE_ZH,
    DayLine,
    Extension,
    Ledger,
    Pause,
    day_of_act,
    due_on,
    explain,
)
from services.domain.plan import PlanPart, PlanStep
from services.domain.route import Budget
from services.intake.clocks import ClockNoticeShown
from services.intake.pages.track_told import Told
from services.intake.shown import NoticeShown, TaskShown

PAUSES = {kind: Name(zh=zh, en=kind.replace("_", " ")) for kind, zh in PAUSE_ZH.items()}
"""What stops a clock, in both languages."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A pause, of a step or of one part of it."""

    step: str
    part: tuple[str, str] | None
    """Item and department; None: of the whole step."""
    pause: Pause


@dataclass(frozen=True, kw_only=True)
class Reckoned:
    """A limit with its days. `exact`: they end on the date that was told."""

    start: date
    budget: Budget
    due: date
    lines: tuple[DayLine, ...]
    exact: bool
    article: str | None = None

    @property
    def counted(self) -> int:
        """How many days count."""
        return sum(line.counted for line in self.lines)

    @property
    def provisional(self) -> bool:
        """Whether a day lies in a year whose holidays are not published yet."""
        return any(line.provisional for line in self.lines)

    @property
    def left_out(self) -> int:
        """How many days between start and end do not count; the start itself is none of them."""
        return len(self.lines) - 1 - self.counted


def promised(told: Told) -> Reckoned:
    """Return the days of the promise of the whole."""
    budget = Budget(value=told.progress.promised_working_days, unit=Unit.WORKING_DAY)
    return _reckoned(told, budget, told.start, of_whole(told), told.progress.promised_on)


def promise_of(told: Told, task: TaskShown) -> Reckoned | None:
    """Return the days of the promise of a task; None before it was issued."""
    step, part = _part_of(told, task)
    start = _begun(told, step)
    if start is None or task.promised_on is None:
        return None
    ledger = Ledger(pauses=tuple(one.pause for one in _stops(told) if one.step == step.code))
    deciding = [_budget(one.promised) for one in step.parts if one.part is Part.DECIDE]
    budget = min(deciding, key=lambda one: due_on(one, start, told.calendar, ledger))
    found = _reckoned(told, budget, start, ledger, task.promised_on)
    if part.part is Part.CONSULT:
        lines = tuple(line for line in found.lines if line.day <= task.promised_on)
        found = dataclasses.replace(found, due=task.promised_on, lines=lines)
    return found


def statute_of(told: Told, task: TaskShown) -> Reckoned | None:
    """Return the days of the limit that the law sets a task; None where there is none."""
    step, part = _part_of(told, task)
    start = _begun(told, step)
    if part.statute is None or start is None or task.statutory_on is None:
        return None
    waited = step.papers or any(one.requires for one in step.parts)
    if part.statute.start is LimitStart.RECEIPT and not waited and start == told.start:
        start = min(start, told.calendar.local_date(told.application.submitted_at))
    key = (part.item, part.department)
    stops = [one for one in _stops(told) if one.step == step.code and one.part in (None, key)]
    ledger = Ledger(
        pauses=tuple(one.pause for one in stops), extensions=tuple(_extensions(told, key))
    )
    found = _reckoned(told, _budget(part.statute.limit), start, ledger, task.statutory_on)
    return dataclasses.replace(found, article=part.statute.article)


def of_whole(told: Told) -> Ledger:
    """Return what stops the promise of the whole."""
    return Ledger(pauses=tuple(one.pause for one in _stops(told)))


def stopped(told: Told) -> frozenset[str]:
    """Return the tasks whose clock stands today, by a notice."""
    return frozenset(
        one.task
        for one in told.clocks
        if one.task
        and one.last_on
        and told.calendar.local_date(one.at) <= told.today <= one.last_on
    )


def _reckoned(told: Told, budget: Budget, start: date, ledger: Ledger, due: date) -> Reckoned:
    lines = explain(budget, start, told.calendar, ledger)
    for shorter in _shorter(ledger):
        if lines[-1].day <= due:
            break
        lines = explain(budget, start, told.calendar, shorter)
    exact = lines[-1].day == due
    return Reckoned(start=start, budget=budget, due=due, lines=lines, exact=exact)


def _shorter(ledger: Ledger) -> Iterator[Ledger]:
    """Yield the ledger with its last pause ended ever sooner.

    That it was is told since `ApplicationProgressed.resumed`; of earlier ones it is found out.
    """
    if not ledger.pauses:
        return
    *before, last = sorted(ledger.pauses, key=lambda one: one.until_on or one.from_on)
    until = last.until_on or last.from_on
    while until > last.from_on:
        until -= ONE_DAY
        yield replace(ledger, pauses=(*before, replace(last, until_on=until)))


def _stops(told: Told) -> list[Stop]:
    """Return every pause that was told, in the order of the steps."""
    return [*_paused(told), *_rectified(told), *_waited(told)]


def _paused(told: Told) -> Iterator[Stop]:
    tasks = {one.task: one for one in told.progress.tasks}
    for notice in told.clocks:
        task = tasks.get(notice.task or "")
        if task is None or notice.why is not DateChange.PAUSED or notice.kind is None:
            continue
        first = day_of_act(notice.at, told.calendar)
        last = _last_day(told, notice, task, first)
        yield Stop(
            step=task.step,
            part=(task.item, task.department),
            pause=Pause(
                kind=notice.kind,
                from_on=first,
                until_on=last,
                cap=None,
                notice=notice.notice,
                article=notice.article,
            ),
        )


def _last_day(told: Told, notice: ClockNoticeShown, task: TaskShown, first: date) -> date:
    """Return the last day of a pause: as told, or when the task ended, if that was sooner."""
    last = max(first, notice.last_on or first)
    if task.state is not TaskState.DECIDED or task.decided_at is None:
        return last
    return max(first, min(last, day_of_act(task.decided_at, told.calendar)))


def _rectified(told: Told) -> Iterator[Stop]:
    steps = {step.code: step for step in told.plan.steps}
    for notice in told.progress.notices:
        ended = notice.answered_at or notice.closed_at
        step = steps.get(notice.step)
        if ended is None or step is None:
            continue
        yield Stop(step=notice.step, part=None, pause=_time_of(told, notice, step))


def _time_of(told: Told, notice: NoticeShown, step: PlanStep) -> Pause:
    """Return the time of a notice that is over: first and last day are both left out."""
    ended = notice.answered_at or notice.closed_at or notice.until
    first = told.calendar.local_date(notice.asked_at)
    last = told.calendar.local_date(min(ended, notice.until))
    return Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=first,
        until_on=max(first, last),
        cap=None,
        notice=f"{step.code}/{notice.round}",
        article=step.rectification.article if step.rectification else "",
    )


def _waited(told: Told) -> Iterator[Stop]:
    for one in told.papers:
        begun = _issued_on(told, one["step"])
        first = date.fromisoformat(one["since"]) + timedelta(days=1)
        if begun is None or begun < first:
            continue
        pause = Pause(
            kind=PauseKind.PAPERS,
            from_on=first,
            until_on=begun,
            cap=None,
            notice=f"{one['step']}/papers",
            article=NOT_COUNTED,
        )
        yield Stop(step=one["step"], part=None, pause=pause)


def _extensions(told: Told, key: tuple[str, str]) -> Iterator[Extension]:
    parts = {one.task: (one.item, one.department) for one in told.progress.tasks}
    for notice in told.clocks:
        if notice.days is None or notice.unit is None or parts.get(notice.task or "") != key:
            continue
        yield Extension(
            budget=Budget(value=notice.days, unit=notice.unit),
            approver=notice.approver or "",
            article=notice.article,
            on=day_of_act(notice.at, told.calendar),
        )


def _begun(told: Told, step: PlanStep) -> date | None:
    """Return the day that a step's limits are reckoned from.

    What began with the acceptance was reckoned from its day, which may be an earlier one (32(4)).
    """
    day = _issued_on(told, step.code)
    told_on = [one.dated for one in told.acceptance.receipts if one.outcome == "accepted"]
    return told.start if day is not None and not step.after and day in told_on else day


def _issued_on(told: Told, step: str) -> date | None:
    found = min((one.issued_at for one in told.tasks_of(step) if one.issued_at), default=None)
    return None if found is None else told.calendar.local_date(found)


def _part_of(told: Told, task: TaskShown) -> tuple[PlanStep, PlanPart]:
    step = next(one for one in told.plan.steps if one.code == task.step)
    key = (task.item, task.department)
    return step, next(one for one in step.parts if (one.item, one.department) == key)


def _budget(limit: Limit) -> Budget:
    return Budget(value=limit.value, unit=limit.unit)


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of the calendar: weeks of seven places, empty where no day of the limit lies."""

    first: date
    weeks: tuple[tuple[DayLine | None, ...], ...]

    @property
    def provisional(self) -> bool:
        """Whether its holidays are not published yet."""
        return any(line is not None and line.provisional for week in self.weeks for line in week)


def months(lines: tuple[DayLine, ...]) -> tuple[Month, ...]:
    """Return days as leaves of a calendar, Monday first."""
    by_day = {line.day: line for line in lines}
    found = []
    for first in sorted({line.day.replace(day=1) for line in lines}):
        inside = [day for day in by_day if day.replace(day=1) == first]
        monday = min(inside) - timedelta(days=min(inside).weekday())
        weeks = []
        while monday <= max(inside):
            week = (monday + timedelta(days=place) for place in range(7))
            weeks.append(
                tuple(by_day.get(day) if day.replace(day=1) == first else None for day in week)
            )
            monday += timedelta(days=7)
        found.append(Month(first=first, weeks=tuple(weeks)))
    return tuple(found)


def in_both(line: DayLine) -> Name:
    """Return why a day counts or not, in both languages."""
    return Name(zh=line.reason_zh, en=line.reason_en)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What stands in the place of a day: `kind` for its look, `name` where it is a day off."""

    kind: str
    name: Name | None = None


def mark(line: DayLine, found: Reckoned, calendar: WorkingCalendar) -> Mark:
    """Return what is said of a day in its place of the calendar."""
    if line.day == found.start:
        return Mark(kind="start")
    if line.counted:
        return Mark(kind="counted")
    day = calendar.name_of(line.day)
    if calendar.is_working(line.day):
        return Mark(kind="stopped")
    off = Name(zh=day.zh, en=day.en)
    return Mark(kind="holiday" if day.kind is DayKind.HOLIDAY else "rest", name=off)
