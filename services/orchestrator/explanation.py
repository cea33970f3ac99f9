"""A deadline explained day by day, from what is stored: start, budget, calendar, pauses."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Literal

from services.contracts.vocabulary import Part, StepState
from services.domain.calendar import WorkingCalendar
from services.domain.limits import DayLine, Ledger, Pause, PauseKind, due_on, explain
from services.domain.route import Budget, Route, RoutePart, RouteStep
from services.orchestrator.models import DayView, DeadlineView
from services.orchestrator.store import Row

Kind = Literal["promised", "statutory"]


class NoDeadlineError(LookupError):
    """The task has no deadline of this kind."""


def explained(
    task: Row, kind: Kind, route: Route, journal: Sequence[Row], calendar: WorkingCalendar
) -> DeadlineView:
    """Return the deadline of a task. Raises NoDeadlineError for an opinion's statutory limit."""
    step = next(found for found in route.steps if found.code == task["step"])
    part = next(
        p for p in step.parts if (p.item, p.department) == (task["item"], task["department"])
    )
    start, pauses = step_history(step, _until_issue(task["task"], journal), calendar)
    ledger = Ledger(pauses=pauses)
    budget, article = _budget(step, part, kind, start, calendar, ledger)
    lines = list(explain(budget, start, calendar, ledger))
    if kind == "promised" and part.part is Part.CONSULT and lines[-1].day > task["promised_on"]:
        lines = _until_opinion(lines, task["promised_on"])
    return DeadlineView(
        task=task["task"],
        kind=kind,
        start_on=start,
        due_on=lines[-1].day,
        days=budget.value,
        unit=budget.unit,
        article=article,
        lines=[_view(line) for line in lines],
    )


def _budget(
    step: RouteStep,
    part: RoutePart,
    kind: Kind,
    start: date,
    calendar: WorkingCalendar,
    ledger: Ledger,
) -> tuple[Budget, str | None]:
    if kind == "statutory":
        if part.statute is None:
            raise NoDeadlineError
        return part.statute.budget, part.statute.article
    deciding = (p.promised for p in step.parts if p.part is Part.DECIDE)
    return min(deciding, key=lambda budget: due_on(budget, start, calendar, ledger)), None


def _until_opinion(lines: list[DayLine], last: date) -> list[DayLine]:
    """An opinion is due before the step: the last day belongs to the joint opinion."""
    return [line for line in lines if line.day <= last]


def _until_issue(task: str, journal: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield what was commanded up to the issue of a task: a later pause is not one of its own."""
    for turn in journal:
        for command in turn["commands"]:
            yield command
            if command["type"] == "IssueTask" and command["task"] == task:
                return


def step_history(
    step: RouteStep, commands: Iterable[dict[str, Any]], calendar: WorkingCalendar
) -> tuple[date, tuple[Pause, ...]]:
    """Return the day a step started on and its pauses, from the commands of the journal."""
    start: date | None = None
    asked: date | None = None
    pauses: list[Pause] = []
    for command in commands:
        if command.get("step") != step.code:
            continue
        day = calendar.local_date(command["at"])
        if command["type"] == "AskRectification":
            asked = day
        elif command["type"] == "ChangeStep" and command["state"] == StepState.OPEN:
            start = start or day
            if asked is not None:
                pauses.append(_pause(step, asked, day))
                asked = None
    if start is None:
        raise NoDeadlineError
    return start, tuple(pauses)


def _pause(step: RouteStep, from_on: date, until_on: date) -> Pause:
    return Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=from_on,
        until_on=until_on,
        cap=None,
        notice=f"{step.code} {from_on}",
        article=step.rectification.article if step.rectification else "",
    )


def _view(line: DayLine) -> DayView:
    return DayView(
        day=line.day,
        counted=line.counted,
        number=line.number,
        reason_zh=line.reason_zh,
        reason_en=line.reason_en,
        article=line.article or None,
        provisional=line.provisional,
    )
