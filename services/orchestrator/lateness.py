"""What departments decided on an earlier working day than that on which the orchestrator hears it.

The act keeps its own instant, and was in time by that. What follows from it is dated when it can
be told: a notice whose term began days ago would be over before it is read, and a task that was
issued days ago would be overdue when it is received. So the clock comes first. What it says of the
task too early is lifted in the same turn, by the act.
"""

from collections.abc import Sequence
from datetime import datetime

from services.domain.calendar import WorkingCalendar
from services.domain.case import AnyEvent, ClockReached, Decided, Lapsed

ENDING = (Decided, Lapsed)
"""The ends of tasks. With anything else among them the clock does not come first.

It would make an acceptance out of an examination that was answered in time, forfeit papers that
were handed in in time, find a promise broken that a pause had moved, or one of a case that was
withdrawn.
"""


def clock_first(
    events: Sequence[AnyEvent], now: datetime, calendar: WorkingCalendar
) -> list[AnyEvent]:
    """Return an application's events as they are delivered at `now`: the clock first, if late."""
    of_ends = all(isinstance(event, ENDING) for event in events)
    if of_ends and any(_is_late(event, now, calendar) for event in events):
        return [ClockReached(at=now), *events]
    return list(events)


def _is_late(event: AnyEvent, now: datetime, calendar: WorkingCalendar) -> bool:
    """Whether a working day has begun since."""
    day, today = calendar.local_date(event.at), calendar.local_date(now)
    return day < today and calendar.working_days_between(day, today) > 0
