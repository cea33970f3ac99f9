"""The plan drawn against the calendar: where everything stands, in the units of an SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Name
from services.domain.plan import Plan, PlanStep

WIDTH = 960.0
TOP = 28.0
LINE = 46.0
BAR = 14.0
MOST_DAYS_BY_WEEK = 120


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One step: from its first day to the one it is promised for."""

    step: PlanStep
    x: float
    y: float
    width: float
    merged: bool

    @property
    def departments(self) -> tuple[Name, ...]:
        """Who takes part, each once."""
        return tuple({part.department: part.department_name for part in self.step.parts}.values())

    @property
    def items(self) -> tuple[Name, ...]:
        """What is decided, each once."""
        return tuple({part.item: part.item_name for part in self.step.parts}.values())

    @property
    def from_the_right(self) -> bool:
        """Whether its words end where it ends: there is more room before it than after it."""
        return self.x > WIDTH - self.x - self.width


@dataclass(frozen=True, kw_only=True)
class Band:
    """Days on end that are not working days."""

    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A day named on the axis."""

    x: float
    day: date


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing of `width` by `height`."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    promised_x: float


def chart(plan: Plan, calendar: WorkingCalendar) -> Chart:
    """Draw the promised windows of a plan's steps, in the order they start.

    A day is as wide as the plan is short. A merged step is one bar: its departments end together.
    """
    last = max([plan.promised_on, *(step.promised.due for step in plan.steps)])
    days = (last - plan.start).days + 1
    unit = WIDTH / days

    def x(day: date) -> float:
        return round((day - plan.start).days * unit, 2)

    steps = sorted(plan.steps, key=lambda one: (one.promised.start, one.promised.due, one.code))
    bars = tuple(
        Bar(
            step=step,
            x=x(step.promised.start),
            y=TOP + LINE * place,
            width=round(((step.promised.due - step.promised.start).days + 1) * unit, 2),
            merged=len(step.parts) > 1,
        )
        for place, step in enumerate(steps)
    )
    return Chart(
        width=WIDTH,
        height=TOP + LINE * len(bars),
        bars=bars,
        bands=tuple(
            Band(x=x(first), width=round(count * unit, 2))
            for first, count in _days_off(plan.start, last, calendar)
        ),
        ticks=tuple(Tick(x=x(day), day=day) for day in _named(plan.start, last)),
        promised_x=round(x(plan.promised_on) + unit, 2),
    )


def _days_off(first: date, last: date, calendar: WorkingCalendar) -> Iterator[tuple[date, int]]:
    """Yield (first day, number of days) of every run of days off."""
    began: date | None = None
    day = first
    while day <= last + timedelta(days=1):
        off = day <= last and not calendar.is_working(day)
        if off and began is None:
            began = day
        if not off and began is not None:
            yield began, (day - began).days
            began = None
        day += timedelta(days=1)


def _named(first: date, last: date) -> Iterator[date]:
    """Yield the days to name: Mondays, or the first of each month when there are many."""
    by_week = (last - first).days <= MOST_DAYS_BY_WEEK
    day = first
    while day <= last:
        if (day.weekday() == 0) if by_week else (day.day == 1):
            yield day
        day += timedelta(days=1)
