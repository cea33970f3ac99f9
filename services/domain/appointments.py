"""The applicant's word about a session's time: until when he may answer, and what he may choose.

Only sessions on site are offered: somebody has to be there and open doors. Whoever was named to
come comes at another time, too, so an offer is made of times at which all of them are free.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import nsmallest

from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.sessions import Interval, Round, Wanted, breaches, openings

MOST_SLOTS = 6
"""Other times that are offered."""
_MIDDAY = 12


def answer_until(calendar: WorkingCalendar, starts_at: datetime) -> datetime:
    """Return the last instant to answer about a session: one working day before it starts.

    That is the same hour of the working day before, so that the officers have a day's notice.
    """
    local = starts_at.astimezone(ZONE)
    before = calendar.previous_working_day(local.date())
    return datetime.combine(before, local.timetz()).astimezone(starts_at.tzinfo)


def slots(round_: Round, wanted: Wanted, current: Interval, now: datetime) -> tuple[Interval, ...]:
    """Return up to MOST_SLOTS other times for a session, of each half of a day the first.

    Each lies inside every member's clock, and everybody named is free; it leaves them a working
    day's notice from `now` on, and does not meet the current time. There is none when somebody's
    time is over: then the session is not put off. Of many, those nearest to the current time are
    taken; the earliest comes first.
    """
    if wanted.is_late:
        return ()
    found = _halves(round_, wanted, current, now)
    return tuple(sorted(nsmallest(MOST_SLOTS, found, key=lambda one: _distance(one, current))))


def _distance(one: Interval, other: Interval) -> timedelta:
    return abs(one.start - other.start)


def _halves(round_: Round, wanted: Wanted, current: Interval, now: datetime) -> Iterator[Interval]:
    seen = {_half(current.start)}
    for opening in openings(round_, wanted):
        time = opening.time
        if _half(time.start) in seen or time.meets(current):
            continue
        if answer_until(round_.calendar, time.start) > now:
            seen.add(_half(time.start))
            yield time


def _half(instant: datetime) -> tuple[int, bool]:
    local = instant.astimezone(ZONE)
    return local.toordinal(), local.hour >= _MIDDAY


def still_possible(round_: Round, wanted: Wanted, time: Interval, now: datetime) -> bool:
    """Return whether a session can be held at a time with exactly the officers of its members.

    An answer may have been long on its way: they have a working day's notice from `now` on.
    """
    if wanted.is_late or answer_until(round_.calendar, time.start) <= now:
        return False
    sent = {member.department: member.officers for member in wanted.members}
    return not breaches(round_, wanted, time, sent)
