"""The plan of an application against what has happened, as lines of the drawing."""

from dataclasses import replace

from services.contracts.vocabulary import StepState
from services.domain.plan import PlanStep
from services.intake.pages import gantt
from services.intake.pages.track_standing import late_tasks
from services.intake.pages.track_told import Told
from services.runtime.web.site.gantt import Chart, Line, Stretch, draw

RUNNING = {StepState.OPEN, StepState.RECTIFYING}


def chart(told: Told) -> Chart:
    """Draw every step; the drawing ends where the last of plan, promise and today does."""
    ended = told.progress.concluded_at
    return draw(
        [_line(told, step) for step in told.steps],
        told.calendar,
        start=told.start,
        promised_on=told.progress.promised_on,
        today=told.today if ended is None else told.calendar.local_date(ended),
    )


def _line(told: Told, step: PlanStep) -> Line:
    planned = Stretch(first=told.moved(step.promised.start), last=told.moved(step.promised.due))
    tasks = {one.task for one in told.tasks_of(step.code)}
    return replace(
        gantt.line(step),
        planned=planned,
        happened=_happened(told, step),
        late=not tasks.isdisjoint(late_tasks(told)),
        running=told.states[step.code] in RUNNING,
    )


def _happened(told: Told, step: PlanStep) -> Stretch | None:
    """Return from when to when a step was in hand; one that runs is until today."""
    tasks, local = told.tasks_of(step.code), told.calendar.local_date
    begun = [local(one.issued_at) for one in tasks if one.issued_at]
    if not begun:
        return None
    ended = [local(one.decided_at) for one in tasks if one.decided_at]
    running = told.states[step.code] in RUNNING
    last = told.today if running else max(ended, default=min(begun))
    return Stretch(first=min(begun), last=max(min(begun), last))
