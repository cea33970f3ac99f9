"""Where an application stands now: the one sentence, who holds it, what is next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.contracts.vocabulary import (
    AcceptanceState,
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Signal,
    StepState,
    TaskState,
    Unit,
)
from services.domain.catalogue import Name
from services.domain.joint_case import JOINT_DAYS
from services.domain.limits import due_on
from services.domain.plan import PlanStep
from services.domain.route import Budget
from services.intake.pages import track_clocks
from services.intake.pages.track_told import Told
from services.intake.shown import TaskShown


class Where(StrEnum):
    """What the one sentence says; the template has the words."""

    SUBMITTED = "submitted"
    EXAMINING = "examining"
    SUPPLEMENTING = "supplementing"
    UNDER_WAY = "under_way"
    RECTIFYING = "rectifying"
    AWAITING = "awaiting"
    HELD = "held"
    WITHDRAWING = "withdrawing"
    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Tone(StrEnum):
    """How something looks beside its words, which say the same."""

    DONE = "done"
    NOW = "now"
    LATE = "late"
    MINE = "mine"
    BAD = "bad"
    NONE = "none"


STATUSES: dict[ApplicationStatus, str] = {
    ApplicationStatus.RECEIVED: "已收到",
    ApplicationStatus.SUPPLEMENTING: "等您补正",
    ApplicationStatus.IN_PROGRESS: "办理中",
    ApplicationStatus.HELD: "暂停派发",
    ApplicationStatus.RECTIFYING: "等您整改",
    ApplicationStatus.CONCLUDED: "已办结",
    ApplicationStatus.WITHDRAWN: "已撤回",
}
CONCLUSIONS: dict[Conclusion, str] = {
    Conclusion.GRANTED: "全部准予",
    Conclusion.PARTLY_GRANTED: "部分准予",
    Conclusion.REFUSED: "不予许可",
    Conclusion.WITHDRAWN: "已撤回",
}
TONES: dict[ApplicationStatus, Tone] = {
    ApplicationStatus.SUPPLEMENTING: Tone.MINE,
    ApplicationStatus.RECTIFYING: Tone.MINE,
    ApplicationStatus.IN_PROGRESS: Tone.NOW,
    ApplicationStatus.CONCLUDED: Tone.DONE,
}
STEPS: dict[StepState, tuple[str, Tone]] = {
    StepState.WAITING: ("未开始", Tone.NONE),
    StepState.OPEN: ("办理中", Tone.NOW),
    StepState.RECTIFYING: ("等您整改", Tone.MINE),
    StepState.DONE: ("已办完", Tone.DONE),
    StepState.CANCELLED: ("已取消", Tone.NONE),
}
OUTCOMES: dict[Outcome, tuple[str, Tone]] = {
    Outcome.GRANTED: ("准予", Tone.DONE),
    Outcome.REFUSED: ("不予", Tone.BAD),
    Outcome.NO_OBJECTION: ("无意见", Tone.DONE),
    Outcome.OBJECTION: ("有意见", Tone.BAD),
    Outcome.DEEMED_NO_OBJECTION: ("逾期未答复，视为无意见", Tone.DONE),
    Outcome.DEEMED_RENEWED: ("视为准予延续", Tone.DONE),
}
SIGNED = ("已签署，等其他部门同时签出", Tone.DONE)
OVERDUE = ("超过承诺日期，仍在办理", Tone.LATE)
STOPPED = ("依法停止计时", Tone.NONE)
OVER = {Signal.PROMISE_PASSED, Signal.STATUTE_PASSED}


@dataclass(frozen=True, kw_only=True)
class Share:
    """One department's share of a step."""

    department: Name
    items: tuple[Name, ...]
    consulted: bool
    state: str
    tone: Tone
    since: datetime | None
    due: date | None
    statutory: date | None


@dataclass(frozen=True, kw_only=True)
class StepNow:
    """A step as it stands; a merged one is one, with its departments in it."""

    code: str
    name: Name
    merged: bool
    state: str
    tone: Tone
    shares: tuple[Share, ...]
    planned_on: date
    """When it is to be over, by the plan."""
    after: tuple[Name, ...]
    """The steps it still waits for."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an application stands."""

    where: Where
    status: str
    tone: Tone
    departments: int
    """How many departments have it in hand."""
    late: bool
    used: int
    saved: int
    statutory_on: date
    now: tuple[StepNow, ...]
    next: tuple[StepNow, ...]
    over: tuple[StepNow, ...]
    granted: int
    refused: int


def standing(told: Told) -> Standing:
    """Return where an application stands."""
    progress = told.progress
    steps = [_step(told, one) for one in told.steps]
    states = told.states
    used = progress.used_working_days
    spent = used if progress.conclusion is not None else progress.promised_working_days
    outcomes = [one.outcome for one in told.results.items]
    return Standing(
        where=where(told),
        status=status_of(progress.status, progress.conclusion),
        tone=tone_of(progress.status, progress.conclusion),
        departments=len(progress.held_by),
        late=is_late(told),
        used=used,
        saved=max(0, progress.statutory_working_days - spent),
        statutory_on=statutory_on(told),
        now=_in(steps, states, StepState.OPEN, StepState.RECTIFYING),
        next=_in(steps, states, StepState.WAITING),
        over=_in(steps, states, StepState.DONE, StepState.CANCELLED),
        granted=outcomes.count(Outcome.GRANTED),
        refused=outcomes.count(Outcome.REFUSED),
    )


def _in(
    steps: Sequence[StepNow], states: dict[str, StepState], *these: StepState
) -> tuple[StepNow, ...]:
    return tuple(one for one in steps if states[one.code] in these)


def where(told: Told) -> Where:
    """Return what the one sentence is about."""
    progress = told.progress
    if progress.conclusion is not None:
        return Where(progress.conclusion.value)
    if told.application.withdrawal_asked:
        return Where.WITHDRAWING
    if told.acceptance.state is AcceptanceState.EXAMINING:
        return Where.EXAMINING
    fixed = {
        ApplicationStatus.SUPPLEMENTING: Where.SUPPLEMENTING,
        ApplicationStatus.RECTIFYING: Where.RECTIFYING,
        ApplicationStatus.HELD: Where.HELD,
    }
    if progress.status in fixed:
        return fixed[progress.status]
    if progress.awaited and not progress.held_by:
        return Where.AWAITING
    return Where.UNDER_WAY if progress.held_by else Where.SUBMITTED


def status_of(status: ApplicationStatus, conclusion: Conclusion | None) -> str:
    """Return the status in a word (a message)."""
    return CONCLUSIONS[conclusion] if conclusion is not None else STATUSES[status]


def tone_of(status: ApplicationStatus, conclusion: Conclusion | None) -> Tone:
    """Return how a status looks."""
    if conclusion is Conclusion.REFUSED:
        return Tone.BAD
    if conclusion is Conclusion.WITHDRAWN:
        return Tone.NONE
    return TONES.get(status, Tone.NONE)


def is_late(told: Told) -> bool:
    """Whether the promise of the whole has passed, and nothing has taken that back."""
    return any(
        one.task is None and one.signal is Signal.PROMISE_PASSED and one.lifted_at is None
        for one in told.progress.signals
    )


def statutory_on(told: Told) -> date:
    """Return the last day that the law leaves the whole, with what it does not count.

    The items side by side with all that their own laws allow; the joint case (42(2)) if sooner.
    """
    deciding = {
        part.department
        for step in told.plan.steps
        for part in step.parts
        if part.part is Part.DECIDE
    }
    days = told.plan.totals.statutory_critical
    if len(deciding) > 1:
        days = min(days, JOINT_DAYS)
    budget = Budget(value=days, unit=Unit.WORKING_DAY)
    found = due_on(budget, told.start, told.calendar, track_clocks.of_whole(told))
    return max(found, told.progress.promised_on)


def late_tasks(told: Told) -> frozenset[str]:
    """Return the tasks whose promise or limit has passed, by what deadlines said."""
    return frozenset(
        one.task
        for one in told.progress.signals
        if one.task is not None and one.signal in OVER and one.lifted_at is None
    )


def _step(told: Told, step: PlanStep) -> StepNow:
    state, tone = STEPS[told.states[step.code]]
    unfinished = {StepState.WAITING, StepState.OPEN, StepState.RECTIFYING}
    departments = {part.department for part in step.parts}
    return StepNow(
        code=step.code,
        name=step.name,
        merged=len(departments) > 1,
        state=state,
        tone=tone,
        shares=_shares(told, step),
        planned_on=told.moved(step.promised.due),
        after=tuple(told.step_names[one] for one in step.after if told.states[one] in unfinished),
    )


def _shares(told: Told, step: PlanStep) -> tuple[Share, ...]:
    """Return the departments of a step: as their tasks stand, or as it is planned."""
    tasks: dict[str, list[TaskShown]] = {}
    for task in told.current(step.code):
        tasks.setdefault(task.department, []).append(task)
    found = []
    for code in dict.fromkeys(part.department for part in step.parts):
        parts = [part for part in step.parts if part.department == code]
        of_it = tasks.get(code, [])
        state, tone = _share_state(told, step, of_it)
        running = [one for one in of_it if one.state is TaskState.OPEN] or of_it
        found.append(
            Share(
                department=parts[0].department_name,
                items=tuple({part.item: part.item_name for part in parts}.values()),
                consulted=all(part.part is Part.CONSULT for part in parts),
                state=state,
                tone=tone,
                since=min((one.issued_at for one in of_it if one.issued_at), default=None),
                due=min((one.promised_on for one in running if one.promised_on), default=None),
                statutory=min(
                    (one.statutory_on for one in running if one.statutory_on), default=None
                ),
            )
        )
    return tuple(found)


def _share_state(told: Told, step: PlanStep, tasks: Sequence[TaskShown]) -> tuple[str, Tone]:
    """Return how far one department is; what it has signed is told when all have."""
    late = late_tasks(told)
    states = {one.state for one in tasks}
    if not tasks or states == {TaskState.WAITING}:
        return STEPS[StepState.WAITING]
    if TaskState.OPEN in states:
        running = {one.task for one in tasks if one.state is TaskState.OPEN}
        if not running.isdisjoint(late):
            return OVERDUE
        return STOPPED if running <= track_clocks.stopped(told) else STEPS[StepState.OPEN]
    if states == {TaskState.CANCELLED}:
        return STEPS[StepState.CANCELLED]
    outcomes = [one.outcome for one in tasks if one.outcome is not None]
    if told.states[step.code] is StepState.OPEN and len(step.parts) > 1:
        return SIGNED
    adverse = [one for one in outcomes if one in {Outcome.REFUSED, Outcome.OBJECTION}]
    return OUTCOMES[(adverse or outcomes or [Outcome.DEEMED_NO_OBJECTION])[0]]
