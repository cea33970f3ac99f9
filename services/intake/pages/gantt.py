"""The plan as lines of the drawing against the calendar."""

from services.domain.calendar import WorkingCalendar
from services.domain.plan import Plan, PlanStep
from services.runtime.web.site.gantt import Chart, Line, Stretch, draw


def chart(plan: Plan, calendar: WorkingCalendar) -> Chart:
    """Draw the promised windows of a plan's steps, in the order they start."""
    steps = sorted(plan.steps, key=lambda one: one.code)
    return draw(
        [line(step) for step in steps], calendar, start=plan.start, promised_on=plan.promised_on
    )


def line(step: PlanStep) -> Line:
    """Return the line of a planned step; its departments and its items once each."""
    departments = {part.department: part.department_name for part in step.parts}
    items = {part.item: part.item_name for part in step.parts}
    return Line(
        step=step,
        name=step.name,
        departments=tuple(departments.values()),
        items=tuple(items.values()),
        planned=Stretch(first=step.promised.start, last=step.promised.due),
        merged=len(step.parts) > 1,
        critical=step.critical,
    )
