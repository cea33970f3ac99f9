"""Joint sessions (联合踏勘、联合验收、联合审查): when the members of merged steps can meet.

A round is a handful of sessions that are timed together, because they may want the same officers.
This module says what is asked, which openings one session has by itself, what a timetable costs,
whether a placement keeps the rules, and what stands in the way. `sessions_search` finds the best
timetable by a complete search, `sessions_solver` by OR-tools; they answer equally well.

Instants are UTC. A session and the ways to and from it lie inside one day's business hours. It ends
inside the clock of every member, so that all of them can sign in time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from services.contracts.times import DateTime
from services.contracts.vocabulary import Part
from services.domain.calendar import ONE_DAY, WorkingCalendar

ON_SITE = frozenset({"joint_inspection", "joint_acceptance"})
"""Procedures of the catalogue that verify facts on site."""
VERIFIERS = 2
"""Facts are verified by at least two members of a department's staff (行政许可法 34)."""
GRID = timedelta(minutes=30)
"""Sessions begin on the half-hours after opening."""


class Interval(Struct, frozen=True, kw_only=True, order=True):
    """A stretch of time `[start, end)`."""

    start: DateTime
    end: DateTime

    def meets(self, other: "Interval") -> bool:
        """Return whether the two have a moment in common."""
        return self.start < other.end and other.start < self.end


class Officer(Struct, frozen=True, kw_only=True):
    """Somebody who can attend: keyed hash, when not free, and how much he has to do already.

    `load` is a number of sessions: of two who could come, the one with less is sent.
    """

    ref: str
    busy: tuple[Interval, ...] = ()
    load: int = 0


class Member(Struct, frozen=True, kw_only=True):
    """A department in a session: how many of its officers must come, and when its clock ends.

    `until` is the last instant at which it can sign in time; None: its time is over already, and
    the session is held as soon as can be.
    """

    department: str
    needed: int
    officers: tuple[str, ...]
    until: DateTime | None


class Wanted(Struct, frozen=True, kw_only=True):
    """One session to be timed, between `earliest` and `latest`; `travel` is one way."""

    key: str
    length: timedelta
    travel: timedelta
    earliest: DateTime
    latest: DateTime
    members: tuple[Member, ...]

    @property
    def ends_by(self) -> datetime:
        """The end of the shortest clock."""
        return min([self.latest, *(m.until for m in self.members if m.until is not None)])

    @property
    def is_late(self) -> bool:
        """Whether some member's time is over already."""
        return any(member.until is None for member in self.members)


class Round(Struct, frozen=True, kw_only=True):
    """What is to be timed together. `officers` by their keyed hash; each works for one member."""

    wanted: tuple[Wanted, ...]
    officers: dict[str, Officer]
    calendar: WorkingCalendar


class Opening(Struct, frozen=True, kw_only=True):
    """A time at which one session could be held; `free` officers by department, best first."""

    time: Interval
    block: Interval
    free: dict[str, tuple[str, ...]]


class Placement(Struct, frozen=True, kw_only=True):
    """When a session is held and who attends, by department."""

    key: str
    time: Interval
    attendees: dict[str, tuple[str, ...]]


class Cost(Struct, frozen=True, kw_only=True, order=True):
    """What a timetable costs, in the order of importance.

    Sessions that found no time; minutes that sessions are later than they could at the earliest
    be, summed; how much the officers sent have to do already, summed.
    """

    unplaced: int = 0
    waiting: int = 0
    load: int = 0


class Timetable(Struct, frozen=True, kw_only=True):
    """The answer. `proven`: no other timetable costs less."""

    placed: tuple[Placement, ...]
    unplaced: tuple[str, ...]
    cost: Cost
    proven: bool


class Obstacle(StrEnum):
    """Why a department, or a session as a whole, cannot come to a time."""

    TOO_FEW = "too_few_officers"
    CLOCK = "clock_too_short"
    NEVER_FREE = "never_free"
    NO_COMMON_TIME = "no_common_time"


class Breach(StrEnum):
    """A rule that a placement does not keep."""

    OUTSIDE_HOURS = "outside_hours"
    TOO_EARLY = "too_early"
    AFTER_CLOCK = "after_clock"
    TOO_FEW = "too_few_officers"
    STRANGER = "not_on_the_roster"
    NOT_FREE = "officer_not_free"


def officers_needed(procedure: str, parts: Iterable[Part]) -> int:
    """Return how many officers a department sends: two where it verifies facts on site."""
    decides = any(part is Part.DECIDE for part in parts)
    return VERIFIERS if procedure in ON_SITE and decides else 1


def clock_of(
    promised: datetime, statutory: datetime | None, earliest_end: datetime
) -> datetime | None:
    """Return the instant until which a task can be signed in time.

    The promise; when a session could not end before it any more, the statutory limit; None when
    that is over, too, or there is none.
    """
    ahead = [one for one in (promised, statutory) if one is not None and one >= earliest_end]
    return min(ahead, default=None)


def shortest(clocks: Iterable[datetime | None]) -> datetime | None:
    """Return the clock of a member with several tasks; None when the time of one is over."""
    found = list(clocks)
    if any(one is None for one in found):
        return None
    return min((one for one in found if one is not None), default=None)


def openings(round_: Round, wanted: Wanted) -> Iterator[Opening]:
    """Yield the times at which one session could be held if it were alone, earliest first."""
    for time in _times(round_.calendar, wanted):
        block = block_of(wanted, time)
        free = {m.department: free_officers(round_, m, block) for m in wanted.members}
        if all(len(free[member.department]) >= member.needed for member in wanted.members):
            yield Opening(time=time, block=block, free=free)


def block_of(wanted: Wanted, time: Interval) -> Interval:
    """Return what a session takes of an officer's time: the ways are part of it."""
    return Interval(start=time.start - wanted.travel, end=time.end + wanted.travel)


def free_officers(round_: Round, member: Member, block: Interval) -> tuple[str, ...]:
    """Return the member's officers who are free during `block`, least loaded first."""
    found = (round_.officers[ref] for ref in member.officers)
    free = [one for one in found if not any(block.meets(taken) for taken in one.busy)]
    return tuple(one.ref for one in sorted(free, key=lambda one: (one.load, one.ref)))


def waiting(wanted: Wanted, time: Interval) -> int:
    """Return how many minutes a session would be later than it could at the earliest be."""
    return int((time.start - wanted.earliest) // timedelta(minutes=1))


def _times(calendar: WorkingCalendar, wanted: Wanted) -> Iterator[Interval]:
    """Yield every time on the grid that business hours and clocks allow."""
    ends_by = wanted.ends_by
    day = calendar.next_working_day(calendar.local_date(wanted.earliest))
    while calendar.opening_of(day) < ends_by:
        opens, closes = calendar.opening_of(day), calendar.close_of(day)
        start = opens
        while start + wanted.length <= ends_by:
            time = Interval(start=start, end=start + wanted.length)
            block = block_of(wanted, time)
            if block.end > closes:
                break
            if block.start >= opens and start >= wanted.earliest:
                yield time
            start += GRID
        day = calendar.next_working_day(day + ONE_DAY)


def obstacles(round_: Round, wanted: Wanted) -> tuple[tuple[Obstacle, str | None], ...]:
    """Return why a session has no opening of its own, with the department it lies with.

    Empty when it has one: then other sessions of the round have taken its officers.
    """
    found: list[tuple[Obstacle, str | None]] = []
    for member in wanted.members:
        if len(member.officers) < member.needed:
            found.append((Obstacle.TOO_FEW, member.department))
            continue
        alone = _alone(wanted, member)
        if next(_times(round_.calendar, alone), None) is None:
            found.append((Obstacle.CLOCK, member.department))
        elif next(openings(round_, alone), None) is None:
            found.append((Obstacle.NEVER_FREE, member.department))
    if found or next(openings(round_, wanted), None) is not None:
        return tuple(found)
    return ((Obstacle.NO_COMMON_TIME, None),)


def _alone(wanted: Wanted, member: Member) -> Wanted:
    return Wanted(
        key=wanted.key,
        length=wanted.length,
        travel=wanted.travel,
        earliest=wanted.earliest,
        latest=wanted.latest,
        members=(member,),
    )


def breaches(
    round_: Round, wanted: Wanted, time: Interval, attendees: Mapping[str, Iterable[str]]
) -> tuple[tuple[Breach, str | None], ...]:
    """Return the rules that a placement does not keep, with the department each concerns.

    A session may be convened at any minute; the grid is the solvers' alone.
    """
    calendar, block = round_.calendar, block_of(wanted, time)
    day = calendar.local_date(block.start)
    opens, closes = calendar.opening_of(day), calendar.close_of(day)
    inside = opens <= block.start and block.end <= closes
    found: list[tuple[Breach, str | None]] = []
    if not calendar.is_working(day) or not inside:
        found.append((Breach.OUTSIDE_HOURS, None))
    if time.start < wanted.earliest:
        found.append((Breach.TOO_EARLY, None))
    if time.end > wanted.latest:
        found.append((Breach.AFTER_CLOCK, None))
    known = {member.department for member in wanted.members}
    found += [(Breach.STRANGER, name) for name in sorted(attendees.keys() - known)]
    for member in wanted.members:
        sent = frozenset(attendees.get(member.department, ()))
        found += [
            (breach, member.department)
            for breach in _breaches_of(round_, member, time, block, sent)
        ]
    return tuple(found)


def _breaches_of(
    round_: Round, member: Member, time: Interval, block: Interval, sent: frozenset[str]
) -> Iterator[Breach]:
    if member.until is not None and time.end > member.until:
        yield Breach.AFTER_CLOCK
    if len(sent) < member.needed:
        yield Breach.TOO_FEW
    if not sent <= set(member.officers):
        yield Breach.STRANGER
    elif not sent <= set(free_officers(round_, member, block)):
        yield Breach.NOT_FREE
