"""What was done on an earlier working day than that on which the orchestrator hears it.

The act keeps its own instant, and was in time by that. What follows from it is dated when it can
be told: a notice whose term began days ago would be over before it is read, and a task that was
issued days ago would be overdue when it is received. So the clock comes first. What it says of the
task too early is lifted in the same turn, by the act.

It comes first of acts from which something begins: a task, a step, a term. It does not of the rest.
Acts that move dates (a pause and its end, extensions, a session, a calendar) begin nothing: every
date is derived from the day of the act, whenever that is heard of, and a clock before them would
ask a unit for its silence whose date they move. A withdrawal ends everything. An answer to an
examination is the acceptance of its day; only when the limit of the notice is over can nothing
become of it, for the applicant was not told in time (行政许可法 32(4)), and the clock says so.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from services.domain.calendar import ONE_DAY, WorkingCalendar
from services.domain.case import (
    AnyEvent,
    ClockReached,
    Decided,
    Lapsed,
    Rectified,
    Resumed,
    Withdrawn,
)
from services.domain.examination import Supplemented
from services.domain.later_events import PapersLapsed
from services.domain.rectifying import RectificationLapsed

ENDING = (Decided, Lapsed)
"""The ends of tasks: by earlier rules the clock comes first of nothing else."""
BEGINNING = (*ENDING, Rectified, RectificationLapsed, Supplemented, PapersLapsed, Resumed)
SETTLED_SINCE = 3
"""The edition of the rules from which on intake's store settles every term of the investor's."""


class Standing(Struct, frozen=True, kw_only=True):
    """What of an application bears on the order: its rules, and until when departments may look."""

    edition: int = 1
    answer_by: datetime | None = None


def bears(events: Sequence[AnyEvent], now: datetime, calendar: WorkingCalendar) -> bool:
    """Return whether the application's standing can make a difference."""
    of_ends = all(isinstance(event, ENDING) for event in events)
    return not of_ends and any(is_late(event.at, now, calendar) for event in events)


def clock_first(
    events: Sequence[AnyEvent],
    now: datetime,
    calendar: WorkingCalendar,
    standing: Standing = Standing(),  # noqa: B008  frozen
) -> list[AnyEvent]:
    """Return an application's events as they are delivered at `now`, with the clock if late."""
    if standing.edition < SETTLED_SINCE:
        first = all(isinstance(event, ENDING) for event in events)
        place = 0 if first else len(events)
    else:
        place = _place(events, now, calendar, standing)
    if any(is_late(event.at, now, calendar) for event in events[place:]):
        return [*events[:place], ClockReached(at=now), *events[place:]]
    return list(events)


def _place(
    events: Sequence[AnyEvent], now: datetime, calendar: WorkingCalendar, standing: Standing
) -> int:
    """Return the place of the clock: after the last event from which nothing begins."""
    if any(isinstance(event, Withdrawn) for event in events):
        return len(events)
    if _is_unheard(now, calendar, standing):
        return 0
    others = (place for place, event in enumerate(events) if not isinstance(event, BEGINNING))
    return max(others, default=-1) + 1


def _is_unheard(now: datetime, calendar: WorkingCalendar, standing: Standing) -> bool:
    """Whether the limit of the notice is over: the last of its days follows that of answers."""
    if standing.answer_by is None:
        return False
    answers_on = calendar.local_date(standing.answer_by)
    return now > calendar.close_of(calendar.next_working_day(answers_on + ONE_DAY))


def is_late(at: datetime, now: datetime, calendar: WorkingCalendar) -> bool:
    """Return whether a working day has begun since."""
    day, today = calendar.local_date(at), calendar.local_date(now)
    return day < today and calendar.working_days_between(day, today) > 0
