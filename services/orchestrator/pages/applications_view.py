"""One application as the console shows it: its steps, who holds them, what is late and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import msgspec
from fastapi import Request

from services.contracts.vocabulary import Outcome, Part, Signal, StepState, TaskState
from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.catalogue import Name
from services.domain.route import Route, RoutePart, RouteStep
from services.orchestrator import acceptance_store, api, console_store, models
from services.orchestrator.forecast import QUERIES as FORECAST
from services.orchestrator.pages.frame import Titles
from services.orchestrator.store import Row
from services.runtime.auth import Principal

PASSED = {Signal.PROMISE_PASSED, Signal.STATUTE_PASSED}


@dataclass(frozen=True, kw_only=True)
class PartView:
    """One department's part of a step, in its latest round. `task` None: not issued yet."""

    item: Name
    department: Name
    department_code: str
    consulted: bool
    task: models.TaskView | None
    passed: frozenset[Signal]
    over: int
    """Working days beyond the promise, so far or in the end."""

    @property
    def state(self) -> TaskState:
        """How far it has come."""
        return self.task.state if self.task else TaskState.WAITING

    @property
    def is_late(self) -> bool:
        """Whether its promise was broken."""
        return bool(self.passed) or self.over > 0

    @property
    def look(self) -> str:
        """The word of the style: done, late, running, cancelled, waiting."""
        if self.state is TaskState.OPEN:
            return "late" if self.is_late else "running"
        if self.state is TaskState.CANCELLED:
            return "cancelled"
        if self.task and self.task.outcome in {Outcome.REFUSED, Outcome.OBJECTION}:
            return "refused"
        return "waiting" if self.state is TaskState.WAITING else "done"


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One step. `awaited`: since when it waits for papers that come later."""

    code: str
    name: Name
    state: StepState
    changed_at: datetime | None
    after: tuple[str, ...]
    parts: tuple[PartView, ...]
    awaited: date | None

    @property
    def items(self) -> tuple[str, ...]:
        """What it decides on, each once."""
        return tuple({part.item.zh: None for part in self.parts})

    @property
    def merged(self) -> bool:
        """Whether several parts are signed together."""
        return len(self.parts) > 1

    @property
    def look(self) -> str:
        """The word of the style."""
        match self.state:
            case StepState.OPEN:
                return "late" if any(part.look == "late" for part in self.parts) else "running"
            case StepState.RECTIFYING:
                return "rectifying"
            case StepState.WAITING:
                return "rectifying" if self.awaited else "waiting"
            case StepState.DONE:
                return "done"
            case StepState.CANCELLED:
                return "cancelled"

    @cached_property
    def began_at(self) -> datetime | None:
        """When its first task was issued."""
        found = [part.task.issued_at for part in self.parts if part.task and part.task.issued_at]
        return min(found, default=None)


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything that the page of an application shows."""

    head: models.ApplicationGraph
    route: Route
    steps: tuple[StepView, ...]
    accepted: Row | None
    examiners: tuple[Row, ...]
    underway: Sequence[Row]
    letters: Sequence[Row]
    today: date

    @property
    def begun_on(self) -> date:
        """The day from which its limits are reckoned."""
        found: date = self.accepted["accepted_on"] if self.accepted else self.route.start
        return found

    @property
    def late_parts(self) -> list[tuple[PartView, ...]]:
        """Who has broken a promise, or is doing so: those of one item and one date together."""
        return _together(part for step in self.steps for part in step.parts if part.is_late)

    @property
    def open_parts(self) -> list[tuple[PartView, ...]]:
        """Who holds it now, and keeps the promise so far: grouped in the same way."""
        parts = (part for step in self.steps for part in step.parts)
        return _together(
            part for part in parts if part.state is TaskState.OPEN and not part.is_late
        )

    @property
    def hold(self) -> models.ActView | None:
        """The last act that held it."""
        held = [act for act in self.head.acts if act.act == "hold"]
        return held[-1] if held else None


def _together(parts: Iterable[PartView]) -> list[tuple[PartView, ...]]:
    found: dict[object, list[PartView]] = {}
    for part in parts:
        assert part.task is not None  # noqa: S101  late, or open
        key = (part.item.zh, part.task.promised_on, part.over, part.state, part.passed)
        found.setdefault(key, []).append(part)
    return [tuple(one) for one in found.values()]


async def read(request: Request, who: Principal, number: str, titles: Titles) -> View:
    """Return an application with everything about it. Raises Problem 404."""
    state = request.app.state
    head = await api.read_application(request, who, number)
    async with state.pool.acquire() as conn:
        row = await api.head_of(conn, number)
        accepted = await acceptance_store.QUERIES.acceptance_of(conn, application=number)
        examined = acceptance_store.QUERIES.examinations_of(conn, application=number)
        examiners = tuple([one async for one in examined if one["state"] == "asked"])
        waits = FORECAST.awaited_steps(conn, numbers=[number])
        awaited = {one["step"]: one["since"] async for one in waits}
        underway = await console_store.underway_of(conn, number)
        letters = await console_store.letters_of(conn, number)
    route = msgspec.json.decode(row["route"], type=Route)
    calendar: WorkingCalendar = state.shelf.calendar
    today = calendar.local_date(state.clock.now())
    tasks = _latest(head)
    passed = _passed(head)
    changed = {one.step: one for one in head.steps}

    def part_of(part: RoutePart) -> PartView:
        task = tasks.get((part.item, part.department))
        return PartView(
            item=titles.item(part.item),
            department=titles.department(part.department),
            department_code=part.department,
            consulted=part.part is Part.CONSULT,
            task=task,
            passed=passed.get(task.task, frozenset()) if task else frozenset(),
            over=_over(task, today, calendar),
        )

    def step_of(step: RouteStep) -> StepView:
        told = changed[step.code]
        return StepView(
            code=step.code,
            name=titles.step(step.group or step.code),
            state=told.state,
            changed_at=told.changed_at,
            after=tuple(told.after),
            parts=tuple(part_of(part) for part in step.parts),
            awaited=awaited.get(step.code),
        )

    return View(
        head=head,
        route=route,
        steps=tuple(step_of(step) for step in route.steps),
        accepted=accepted,
        examiners=examiners,
        underway=underway,
        letters=letters,
        today=today,
    )


def _latest(head: models.ApplicationGraph) -> dict[tuple[str, str], models.TaskView]:
    """Return each part's task in its latest round."""
    found: dict[tuple[str, str], models.TaskView] = {}
    for step in head.steps:
        for task in sorted(step.tasks, key=lambda one: one.round):
            found[(task.item, task.department)] = task
    return found


def _passed(head: models.ApplicationGraph) -> Mapping[str, frozenset[Signal]]:
    """Return which promises and limits of tasks were broken, by task."""
    found: dict[str, set[Signal]] = {}
    for one in head.signals:
        if one.task and one.signal in PASSED and one.lifted_at is None:
            found.setdefault(one.task, set()).add(one.signal)
    return {task: frozenset(signals) for task, signals in found.items()}


def _over(task: models.TaskView | None, today: date, calendar: WorkingCalendar) -> int:
    """Return the working days between a task's promise and its end, or today."""
    if task is None or task.promised_on is None or task.state is TaskState.CANCELLED:
        return 0
    until = task.ended_at.astimezone(ZONE).date() if task.ended_at else today
    return calendar.working_days_between(task.promised_on, until)
