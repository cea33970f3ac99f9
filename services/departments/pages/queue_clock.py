"""How far a limit has been used: a share for the traffic light, and the days left or over.

Days on which the clock stood still count for nothing (行政许可法 45). The day of the starting act
is not counted; on the day that runs, the hours of business that are over count as a part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.domain.calendar import WorkingCalendar
from services.domain.limits import Pause
from services.domain.performance import handled_on

OVER = 1.0
LAST_DAY = 0.75
"""What the last day of a limit shows at the least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """A limit as it is seen at one instant. `left` and `over` are working days."""

    share: float
    left: int
    over: int
    is_late: bool
    is_today: bool
    paused_until: date | None = None


def light(
    calendar: WorkingCalendar,
    *,
    since: datetime,
    due_at: datetime,
    now: datetime,
    pauses: Sequence[Pause] = (),
    paused_until: date | None = None,
) -> Light:
    """Return how far a limit has been used.

    Args:
        calendar: the county's.
        since: when the task came.
        due_at: until when it is in time.
        now: the instant it is looked at.
        pauses: days that are not counted.
        paused_until: last day of the pause that nobody has ended.
    """
    today, due_on = calendar.local_date(now), calendar.local_date(due_at)
    is_late = now > due_at
    stands = paused_until is not None and paused_until >= today
    share = _share(calendar, since, due_at, now, pauses)
    is_today = not is_late and today == due_on
    least = OVER + 0.01 if is_late else LAST_DAY if is_today else 0.0
    return Light(
        share=max(share, least) if is_late else min(max(share, least), OVER),
        left=len(handled_on(today, due_on, calendar, pauses)),
        over=calendar.working_days_between(due_on, today) if is_late else 0,
        is_late=is_late,
        is_today=is_today,
        paused_until=paused_until if stands else None,
    )


def _share(
    calendar: WorkingCalendar,
    since: datetime,
    due_at: datetime,
    now: datetime,
    pauses: Sequence[Pause],
) -> float:
    today = calendar.local_date(now)
    counted = handled_on(calendar.local_date(since), calendar.local_date(due_at), calendar, pauses)
    if not counted:
        return _part(since, due_at, now)
    over = sum(day < today for day in counted)
    running = today in counted
    part = _part(calendar.opening_of(today), calendar.close_of(today), now) if running else 0.0
    return (over + part) / len(counted)


def _part(start: datetime, end: datetime, now: datetime) -> float:
    """Return how much of a stretch of time is over, from 0 to 1."""
    whole = (end - start).total_seconds()
    if whole <= 0:
        return OVER
    return min(max((now - start).total_seconds() / whole, 0.0), OVER)
