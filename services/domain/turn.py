"""One turn of the functional core: the case as it is being changed, and the commands so far.

Mutable inside `approval.apply`, never outside it: `finish` freezes it again.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from services.contracts.vocabulary import (
    DEEMED,
    GRANTING,
    ApplicationStatus,
    Conclusion,
    Outcome,
    Signal,
    StepState,
    TaskState,
)
from services.domain.calendar import WorkingCalendar
from services.domain.case import (
    AnyCommand,
    Case,
    ChangeStatus,
    ChangeStep,
    Conclude,
    Dates,
    EndTask,
    Ignore,
    IssueTask,
    LiftSignal,
    RaiseSignal,
)
from services.domain.happening import CaseEvent
from services.domain.limits import Pause, last_day_of
from services.domain.route import RoutePart, RouteStep

ENDED_TASKS = frozenset({TaskState.DECIDED, TaskState.LAPSED, TaskState.CANCELLED})
ENDED_STEPS = frozenset({StepState.DONE, StepState.CANCELLED})


def part_key(part: RoutePart) -> str:
    """Return the key of a part within its application: `item/department`."""
    return f"{part.item}/{part.department}"


def task_name(application: str, part: RoutePart, round_: int) -> str:
    """Return the name of a task, unique for ever: `application/item/department/round`."""
    return f"{application}/{part.item}/{part.department}/{round_}"


class Turn:
    """A case while one event is applied to it."""

    def __init__(self, case: Case, at: datetime) -> None:
        self._before = case
        self.at = at
        self.route = case.route
        self.calendar = case.calendar
        self.today: date = case.calendar.local_date(at)
        self.promised_at = case.promised_at
        self.tasks = dict(case.tasks)
        self.steps = dict(case.steps)
        self.items = dict(case.items)
        # Items whose steps are over and that were not granted: what needs them is vain.
        self.failed = {item for item, found in self.items.items() if found not in GRANTING}
        self.accepted = case.accepted
        self.held = case.held
        self.late = case.late
        self.conclusion = case.conclusion
        self.examination = case.examination
        self.papers = case.papers
        self.limits = case.limits
        self.extensions = case.extensions
        self.starts_on: date = self.today
        self.ended_in: set[str] = set()
        """The steps of the tasks that ended: no other step can be over by this event."""
        self.commands: list[AnyCommand] = []

    def finish(self) -> tuple[Case, tuple[AnyCommand, ...]]:
        """Return the frozen case and the commands; a changed status is told last."""
        after = Case(
            route=self.route,
            calendar=self.calendar,
            at=self.at,
            promised_at=self.promised_at,
            tasks=self.tasks,
            steps=self.steps,
            items=self.items,
            accepted=self.accepted,
            held=self.held,
            late=self.late,
            conclusion=self.conclusion,
            examination=self.examination,
            papers=self.papers,
            limits=self.limits,
            extensions=self.extensions,
        )
        status = status_of(after)
        if status is not status_of(self._before) or self.promised_at != self._before.promised_at:
            self.commands.append(
                ChangeStatus(at=self.at, status=status, promised_at=self.promised_at)
            )
        return after, tuple(self.commands)

    @property
    def settles_late(self) -> bool:
        """Whether what was committed in time counts when it comes late (the route's edition)."""
        return self.route.edition > 1

    @property
    def edition_3(self) -> bool:
        """Whether intake's store says which papers did not come in their term (the edition)."""
        return self.route.edition > 2  # noqa: PLR2004  the third

    def instant_of(self, event: CaseEvent) -> datetime:
        """Return when an act counts as done: when it was committed."""
        return event.at if self.settles_late else self.at

    def step_named(self, code: str) -> RouteStep | None:
        """Return the step of the route with this code."""
        return next((step for step in self.route.steps if step.code == code), None)

    def set_step(self, code: str, state: StepState, **changes: Any) -> None:
        """Give a step its new state (and other fields of `StepStatus`) and tell of it."""
        self.change_step(code, state=state, **changes)
        self.commands.append(ChangeStep(at=self.at, step=code, state=state))

    def change_step(self, code: str, **changes: Any) -> None:
        """Change fields of a step's `StepStatus` of which nobody is told."""
        self.steps[code] = replace(self.steps[code], **changes)

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """All pauses of steps and tasks: what they have in common moves the promise only once.

        In the route's order: a state that went through JSON has lost its own.
        """
        steps = [self.steps[step.code] for step in self.route.steps]
        tasks = (self.tasks[key] for key in self.route.parts)
        stopped = (pause for step in steps for pause in step.pauses)
        waited = (step.waited for step in steps if step.waited is not None)
        return (*stopped, *(pause for task in tasks for pause in task.pauses), *waited)

    def issue(self, step: RouteStep, part: RoutePart, dates: Dates, *, round_: int) -> None:
        """Open a part's task in a round."""
        key = part_key(part)
        self.tasks[key] = replace(
            self.tasks[key],
            state=TaskState.OPEN,
            round=round_,
            outcome=None,
            decided_at=None,
            ref=None,
            dates=dates,
            signals=(),
            lapse_asked=False,
            open_pause=None,
            # A department counts its pauses and extensions by task, and a round is a task.
            pauses_told=0,
            extensions_told=0,
        )
        name = task_name(self.route.application, part, round_)
        self.commands.append(
            IssueTask(at=self.at, task=name, key=key, step=step.code, round=round_, dates=dates)
        )

    def end_task(
        self, step: RouteStep, part: RoutePart, outcome: Outcome, event: CaseEvent
    ) -> None:
        """Close a part's task by its department's act, or by its silence."""
        silent = outcome in DEEMED.values()
        ended = EndTask(
            at=event.at,
            task=task_name(self.route.application, part, self.tasks[part_key(part)].round),
            key=part_key(part),
            step=step.code,
            round=self.tasks[part_key(part)].round,
            state=TaskState.LAPSED if silent else TaskState.DECIDED,
            outcome=outcome,
            ref=event.ref,
        )
        self._end(ended)

    def cancel_task(self, step: RouteStep, part: RoutePart, reason: str) -> None:
        """Close a part's task because it is not wanted any more."""
        old = self.tasks[part_key(part)]
        ended = EndTask(
            at=self.at,
            task=task_name(self.route.application, part, old.round),
            key=part_key(part),
            step=step.code,
            round=old.round,
            state=TaskState.CANCELLED,
            outcome=None,
            ref="",
            reason=reason,
            issued=old.state is TaskState.OPEN,
        )
        self._end(ended)

    def _end(self, ended: EndTask) -> None:
        self.tasks[ended.key] = replace(
            self.tasks[ended.key],
            state=ended.state,
            outcome=ended.outcome,
            decided_at=ended.at,
            ref=ended.ref or None,
        )
        self.ended_in.add(ended.step)
        self.commands.append(ended)

    def settle(self, step: RouteStep, outcomes: dict[str, Outcome]) -> None:
        """Record the final outcome of a step's items; one without an outcome is cancelled."""
        for part in step.parts:
            self.items[part.item] = outcome = outcomes.get(part.item)
            (self.failed.discard if outcome in GRANTING else self.failed.add)(part.item)

    def reach_promise(self, at: datetime) -> None:
        """Tell once when the whole application has passed its promise."""
        if not self.late and at > self.promised_at and not self.waits_for_investor:
            self.late = True
            self.commands.append(RaiseSignal(at=self.promised_at, signal=Signal.PROMISE_PASSED))

    def keep_promise(self, at: datetime) -> None:
        """Take back that the promise of the whole has passed if what was done at `at` kept it."""
        if self.late and at <= self.promised_at:
            self.late = False
            self.commands.append(LiftSignal(at=at, signal=Signal.PROMISE_PASSED))

    @property
    def waits_for_investor(self) -> bool:
        """Whether any step waits for the investor (that time is outside the limit)."""
        return any(
            step.state is StepState.RECTIFYING or step.awaited is not None
            for step in self.steps.values()
        )

    def conclude(self, conclusion: Conclusion, at: datetime) -> None:
        """End the application by what was done at `at`, and say how long it took."""
        self.conclusion = conclusion
        until = self.calendar.local_date(at)
        used = working_days_used(self.route.start, until, self.calendar, self.pauses)
        self.commands.append(
            Conclude(
                at=at,
                conclusion=conclusion,
                used_working_days=used,
                promised_working_days=self.route.promised_days,
                in_time=at <= self.promised_at,
            )
        )

    def ignore(self, event: CaseEvent, why: str) -> None:
        """Note an event that changes nothing."""
        name = type(event).__name__
        self.commands.append(Ignore(at=event.at, event=name, ref=event.ref, why=why))


def status_of(case: Case) -> ApplicationStatus:
    """Return the status people are shown."""
    if case.conclusion is Conclusion.WITHDRAWN:
        return ApplicationStatus.WITHDRAWN
    if case.conclusion is not None:
        return ApplicationStatus.CONCLUDED
    if case.held:
        return ApplicationStatus.HELD
    if not case.accepted:
        waits = case.examination is not None and case.examination.is_waiting
        return ApplicationStatus.SUPPLEMENTING if waits else ApplicationStatus.RECEIVED
    if any(step.state is StepState.RECTIFYING for step in case.steps.values()):
        return ApplicationStatus.RECTIFYING
    return ApplicationStatus.IN_PROGRESS


def working_days_used(
    start: date, until: date, calendar: WorkingCalendar, pauses: Iterable[Pause]
) -> int:
    """Return the working days after `start` up to `until` that no pause touches."""
    stopped = {
        pause.from_on + timedelta(days=offset)
        for pause in pauses
        for offset in range(((last_day_of(pause, calendar) or until) - pause.from_on).days + 1)
    }
    left_out = sum(start < day <= until and calendar.is_working(day) for day in stopped)
    return calendar.working_days_between(start, until) - left_out
