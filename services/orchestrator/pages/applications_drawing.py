"""The two drawings of an application: its graph, and what was planned against what happened."""

from collections.abc import Mapping
from datetime import date

from services.contracts.vocabulary import Part, StepState
from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.limits import due_on
from services.domain.route import Route, RouteStep
from services.orchestrator.pages import graph
from services.orchestrator.pages.applications_view import StepView, View
from services.orchestrator.pages.frame import Tongue
from services.runtime.web.site import gantt
from services.runtime.web.site.gantt import Chart, Line, Stretch


def drawing(view: View, tongue: Tongue) -> graph.Drawing:
    """Return the graph, in the language of the reader."""
    return graph.draw([_node(step, tongue) for step in view.steps])


def _node(step: StepView, tongue: Tongue) -> graph.Node:
    items = {part.item.zh for part in step.parts}
    return graph.Node(
        code=step.code,
        title=tongue.name(step.name),
        state=step.look,
        after=step.after,
        rows=tuple(
            graph.Row(
                text=tongue.name(part.department)
                + (f" · {tongue.name(part.item)}" if len(items) > 1 else ""),
                state=part.look,
            )
            for part in step.parts
        ),
        merged=step.merged,
    )


def chart(view: View, calendar: WorkingCalendar) -> Chart:
    """Return the steps against the calendar."""
    windows = planned(view.route, view.begun_on, calendar)
    today = view.head.concluded_at.astimezone(ZONE).date() if view.head.concluded_at else view.today
    return gantt.draw(
        [_line(step, windows[step.code], today) for step in view.steps],
        calendar,
        start=view.begun_on,
        promised_on=view.head.promised_at.astimezone(ZONE).date(),
        today=today,
    )


def planned(route: Route, start: date, calendar: WorkingCalendar) -> Mapping[str, Stretch]:
    """Return when each step was promised on the day of acceptance: each after what it waits for."""
    made_by = {part.item: step for step in route.steps for part in step.parts}
    found: dict[str, Stretch] = {}

    def window(step: RouteStep) -> Stretch:
        if step.code not in found:
            before = {made_by[item].code: made_by[item] for p in step.parts for item in p.requires}
            begin = max((window(one).last for one in before.values()), default=start)
            deciding = [part for part in step.parts if part.part is Part.DECIDE]
            last = min(due_on(part.promised, begin, calendar) for part in deciding)
            found[step.code] = Stretch(first=begin, last=last)
        return found[step.code]

    for step in route.steps:
        window(step)
    return found


def _line(step: StepView, planned_for: Stretch, today: date) -> Line:
    departments = {part.department_code: part.department for part in step.parts}
    items = {part.item.zh: part.item for part in step.parts}
    return Line(
        step=step,
        name=step.name,
        departments=tuple(departments.values()),
        items=tuple(items.values()),
        planned=planned_for,
        happened=_happened(step, today),
        merged=step.merged,
        late=any(part.is_late for part in step.parts),
        running=step.state in {StepState.OPEN, StepState.RECTIFYING},
    )


def _happened(step: StepView, today: date) -> Stretch | None:
    """Return the days it took so far."""
    if step.began_at is None:
        return None
    first = step.began_at.astimezone(ZONE).date()
    last = today
    if step.state in {StepState.DONE, StepState.CANCELLED} and step.changed_at is not None:
        last = step.changed_at.astimezone(ZONE).date()
    return Stretch(first=first, last=max(first, last))
