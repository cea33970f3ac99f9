"""A week of joint sessions as a drawing: days beside each other, business hours downwards.

Sizes are units of the SVG's own. Times are those of the county's clock on the wall.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from services.domain.calendar import ONE_DAY, ZONE, WorkingCalendar

LEFT, TOP, COLUMN, HOUR = 46.0, 30.0, 132.0, 34.0
GAP = 3.0
DAYS = 7
Kind: TypeAlias = Literal["offer", "session", "taken"]


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Something that has a place in the week: an offered time, a session, an officer's time."""

    starts_at: datetime
    ends_at: datetime
    kind: Kind
    label: str


@dataclass(frozen=True, kw_only=True)
class Box:
    """A slot as it is drawn."""

    x: float
    y: float
    width: float
    height: float
    kind: Kind
    label: str


@dataclass(frozen=True, kw_only=True)
class Day:
    """A column."""

    day: date
    x: float
    working: bool


@dataclass(frozen=True, kw_only=True)
class Week:
    """The drawing."""

    width: float
    height: float
    column: float
    top: float
    days: tuple[Day, ...]
    hours: tuple[tuple[str, float], ...]
    boxes: tuple[Box, ...]


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def week(calendar: WorkingCalendar, monday: date, slots: Iterable[Slot]) -> Week:
    """Return the drawing of a week. What lies outside business hours is cut to them."""
    first, last = calendar.opens.hour, calendar.closes.hour + (calendar.closes.minute > 0)
    days = tuple(
        Day(day=day, x=LEFT + place * COLUMN, working=calendar.is_working(day))
        for place, day in enumerate(monday + n * ONE_DAY for n in range(DAYS))
    )
    columns = {one.day: one.x for one in days}
    boxes = [
        box
        for slot in sorted(slots, key=lambda one: (one.kind != "taken", one.starts_at))
        for box in _boxes(slot, columns, time(first), last)
    ]
    return Week(
        width=LEFT + DAYS * COLUMN,
        height=TOP + (last - first) * HOUR,
        column=COLUMN,
        top=TOP,
        days=days,
        hours=tuple((f"{hour}:00", TOP + (hour - first) * HOUR) for hour in range(first, last)),
        boxes=tuple(boxes),
    )


def _boxes(slot: Slot, columns: dict[date, float], opens: time, closes: int) -> Sequence[Box]:
    """Return the parts of a slot, one for each day that it touches."""
    starts, ends = slot.starts_at.astimezone(ZONE), slot.ends_at.astimezone(ZONE)
    found = []
    for day, x in columns.items():
        open_at = datetime.combine(day, opens, ZONE)
        close_at = datetime.combine(day, time(), ZONE) + timedelta(hours=closes)
        top, bottom = max(starts, open_at), min(ends, close_at)
        if top < bottom:
            found.append(
                Box(
                    x=x + GAP,
                    y=TOP + (top - open_at).total_seconds() / 3600 * HOUR,
                    width=COLUMN - 2 * GAP,
                    height=(bottom - top).total_seconds() / 3600 * HOUR,
                    kind=slot.kind,
                    label=slot.label,
                )
            )
    return found
