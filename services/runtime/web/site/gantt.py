"""Steps drawn against the calendar: planned, and what happened, in the units of an SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.domain.calendar import WorkingCalendar
from services.runtime.web.site.words import InBoth

WIDTH = 960.0
TOP = 28.0
LINE = 46.0
MOST_DAYS_BY_WEEK = 120


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Days on end, both included."""

    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step: what was planned for it, and what happened so far.

    `happened` of a step that runs ends today; None: it has not begun. `step` is whatever the page
    knows the step by. A merged step is one line: its departments end together.
    """

    step: Any
    name: InBoth
    departments: tuple[InBoth, ...]
    items: tuple[InBoth, ...]
    planned: Stretch
    happened: Stretch | None = None
    merged: bool = False
    critical: bool = False
    late: bool = False
    running: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stretch of days on the axis."""

    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of the drawing, at the height `y`."""

    line: Line
    y: float
    planned: Place
    happened: Place | None

    @property
    def from_the_right(self) -> bool:
        """Whether its words end where it ends: there is more room before it than after it."""
        return self.planned.x > WIDTH - self.planned.x - self.planned.width

    @property
    def words_x(self) -> float:
        """Where its words begin, or end."""
        return self.planned.x + (self.planned.width if self.from_the_right else 0)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A day named on the axis."""

    x: float
    day: date


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing of `width` by `height`. `today_x` None: it is a plan, nothing happens yet."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    bands: tuple[Place, ...]
    ticks: tuple[Tick, ...]
    promised_x: float
    today_x: float | None


def draw(
    lines: Sequence[Line],
    calendar: WorkingCalendar,
    *,
    start: date,
    promised_on: date,
    today: date | None = None,
) -> Chart:
    """Draw lines in the order they are planned to start. A day is as wide as all of it is short."""
    stretches = [found for one in lines for found in (one.planned, one.happened) if found]
    first = min([start, *(one.first for one in stretches)])
    last = max([promised_on, *([today] if today else []), *(one.last for one in stretches)])
    unit = WIDTH / ((last - first).days + 1)

    def x(day: date) -> float:
        return round((day - first).days * unit, 2)

    def place(found: Stretch) -> Place:
        days = (found.last - found.first).days + 1
        return Place(x=x(found.first), width=round(days * unit, 2))

    ordered = sorted(lines, key=lambda one: (one.planned.first, one.planned.last))
    return Chart(
        width=WIDTH,
        height=TOP + LINE * len(ordered),
        bars=tuple(
            Bar(
                line=line,
                y=TOP + LINE * number,
                planned=place(line.planned),
                happened=place(line.happened) if line.happened else None,
            )
            for number, line in enumerate(ordered)
        ),
        bands=tuple(place(off) for off in _days_off(first, last, calendar)),
        ticks=tuple(Tick(x=x(day), day=day) for day in _named(first, last)),
        promised_x=round(x(promised_on) + unit, 2),
        today_x=None if today is None else round(x(today) + unit / 2, 2),
    )


def _days_off(first: date, last: date, calendar: WorkingCalendar) -> Iterator[Stretch]:
    """Yield every run of days off."""
    began: date | None = None
    day = first
    while day <= last + timedelta(days=1):
        off = day <= last and not calendar.is_working(day)
        if off and began is None:
            began = day
        if not off and began is not None:
            yield Stretch(first=began, last=day - timedelta(days=1))
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
