"""Where every process reads the time from: the system's clock, or the demo's working clock.

Code that waits does so in a loop, `while clock.now() < until: sleep(clock.real_delay(until))`: a
sleep may end early, and a working clock stands still while its stack is stopped.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.domain.calendar import WorkingCalendar

SECOND = 1_000_000_000
LEASE = 3 * SECOND
CHECK = SECOND // 5
MICROSECOND = timedelta(microseconds=1)

RealClock = Callable[[], int]
"""Real time in nanoseconds since the epoch, the same for every process of the machine."""


class ClockError(Exception):
    """The state of the working clock cannot be read, or its settings make no sense."""


class Clock(Protocol):
    """Business time."""

    def now(self) -> datetime:
        """Return the business instant (UTC)."""
        ...

    def real_delay(self, until: datetime) -> float:
        """Return the real seconds from now to the business instant `until`; 0 if it is past."""
        ...


class SystemClock:
    """Business time is real time: production."""

    def now(self) -> datetime:
        """Return the system's time."""
        return datetime.now(UTC)

    def real_delay(self, until: datetime) -> float:
        """Return the seconds from now to `until`; 0 if it is past."""
        return max(0.0, (until - self.now()).total_seconds())


class ManualClock:
    """Stands still until it is moved: simulation, and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant it was last moved to."""
        return self._now

    def real_delay(self, until: datetime) -> float:
        """Return the seconds from now to `until`; 0 if it is past."""
        return max(0.0, (until - self._now).total_seconds())

    def move_to(self, instant: datetime) -> None:
        """Move forward to `instant`.

        Raises:
            ValueError: `instant` is in the past.
        """
        if instant < self._now:
            raise ValueError(f"the clock cannot go back from {self._now} to {instant}")
        self._now = instant

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`."""
        self.move_to(self._now + by)


class State(Struct, frozen=True, kw_only=True):
    """The file: at real `real_from_ns` it was `business_from`; a working day lasts `day_ns`.

    `counts_until_ns` is a lease: nobody counts real time past it, and the supervisor renews it
    every second. So business time stands still soon after the supervisor is gone, however it
    went, and goes on from there: no process has ever seen a later instant than that.
    """

    real_from_ns: int
    business_from: datetime
    day_ns: int
    counts_until_ns: int


class Scale:
    """Working days laid end to end: business instants <-> nanoseconds of running.

    A working day `[opens, closes)` lasts `day_ns`; nights, weekends and holidays last nothing.
    Integers throughout, so that the inverse is exact: `instant(position(t))` is never before `t`,
    and for a `t` in business hours later by less than one nanosecond of running.
    """

    def __init__(self, state: State, calendar: WorkingCalendar) -> None:
        self._calendar = calendar
        self._day_ns = state.day_ns
        day = calendar.local_date(state.business_from)
        self._span_us = (calendar.close_of(day) - calendar.opening_of(day)) // MICROSECOND
        first, self._base = self._place(state.business_from)
        self._days = [first]

    def instant(self, elapsed_ns: int) -> datetime:
        """Return the business instant after running for `elapsed_ns` (at least 0)."""
        index, rest = divmod(self._base + elapsed_ns, self._day_ns)
        while len(self._days) <= index:
            self._days.append(self._calendar.add_working_days(self._days[-1], 1))
        opening = self._calendar.opening_of(self._days[index])
        return opening + rest * self._span_us // self._day_ns * MICROSECOND

    def position(self, instant: datetime) -> int:
        """Return the least `elapsed_ns` at which it is `instant` or later; negative if past."""
        day, within = self._place(instant)
        first = self._days[0]
        index = self._calendar.working_days_between(first, day)
        index -= self._calendar.working_days_between(day, first)
        return index * self._day_ns + within - self._base

    def _place(self, instant: datetime) -> tuple[date, int]:
        """Return the working day that holds or follows `instant`, and how many ns it has run."""
        day = self._calendar.local_date(instant)
        if not self._calendar.is_working(day) or instant >= self._calendar.close_of(day):
            return self._calendar.add_working_days(day, 1), 0
        open_us = max(0, (instant - self._calendar.opening_of(day)) // MICROSECOND)
        return day, -(-open_us * self._day_ns // self._span_us)


class WorkingClock:
    """The demo's clock: nothing but business hours, and those fast. Due dates stay true dates.

    It reads the state that the stack's supervisor keeps, anew every fifth of a second.

    Raises:
        ClockError: from any method, when the file is gone or broken.
    """

    def __init__(self, path: Path, calendar: WorkingCalendar, real: RealClock) -> None:
        self._path = path
        self._calendar = calendar
        self._real = real
        self._lock = Lock()
        self._checked_ns = real()
        self._content = _content(path)
        self._state = _decode(path, self._content)
        self._scale = Scale(self._state, calendar)
        self._latest = self._scale.instant(0)

    @property
    def seconds_per_working_day(self) -> float:
        """Real seconds that one working day lasts; shown on every page."""
        return self._state.day_ns / SECOND

    def now(self) -> datetime:
        """Return the business instant (UTC), always in business hours. It never goes back."""
        with self._lock:
            elapsed = self._elapsed()  # first: it may change the scale
            self._latest = max(self._latest, self._scale.instant(elapsed))
            return self._latest

    def real_delay(self, until: datetime) -> float:
        """Return the real seconds of running from now to `until`; 0 if it is past.

        An `until` outside business hours is reached when business next opens.
        """
        with self._lock:
            elapsed = self._elapsed()
            return max(0, self._scale.position(until) - elapsed) / SECOND

    def _elapsed(self) -> int:
        real = self._real()
        if not 0 <= real - self._checked_ns < CHECK:
            self._checked_ns = real
            self._refresh()
        return max(0, min(real, self._state.counts_until_ns) - self._state.real_from_ns)

    def _refresh(self) -> None:
        # Compared by content: two replacements within a tick can share time stamp and inode.
        content = _content(self._path)
        if content == self._content:
            return
        old, new = self._state, _decode(self._path, content)
        self._content, self._state = content, new
        if (old.business_from, old.day_ns) != (new.business_from, new.day_ns):
            self._scale = Scale(new, self._calendar)


def start_or_resume(
    path: Path,
    seconds_per_working_day: float,
    first_instant: datetime,
    calendar: WorkingCalendar,
    real: RealClock = time.time_ns,
) -> WorkingClock:
    """Start the working clock at `first_instant`; if it has run before, go on where it stood.

    Raises:
        ClockError: the length of the day makes no sense, or the file cannot be read.
    """
    if not 0.01 <= seconds_per_working_day <= 86_400:  # noqa: PLR2004 - the message says it
        raise ClockError(
            f"a working day of {seconds_per_working_day} seconds makes no sense: 0.01 to 86400"
        )
    day_ns = round(seconds_per_working_day * SECOND)
    if path.exists():
        state = _resumed(_load(path), real(), day_ns, calendar)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        now = real()
        state = State(
            real_from_ns=now,
            business_from=first_instant,
            day_ns=day_ns,
            counts_until_ns=now + LEASE,
        )
    _save(path, state)
    return WorkingClock(path, calendar, real)


def touch(path: Path, real: RealClock = time.time_ns) -> None:
    """Let the clock run on. The supervisor calls this every second while the stack runs.

    After a gap longer than the lease (the machine slept) the clock goes on from where it stood.

    Raises:
        ClockError: there is no clock, or its file cannot be read.
    """
    state, now = _load(path), real()
    gap = now - _latest_counted(state, now)
    _save(path, replace(state, real_from_ns=state.real_from_ns + gap, counts_until_ns=now + LEASE))


def stop(path: Path, real: RealClock = time.time_ns) -> None:
    """Let the clock stand still, for every reader, until it is resumed.

    It stops a fifth of a second from now: until then a reader may not have seen the file.
    """
    state = _load(path)
    _save(path, replace(state, counts_until_ns=min(state.counts_until_ns, real() + CHECK)))


def read(path: Path, calendar: WorkingCalendar, real: RealClock = time.time_ns) -> WorkingClock:
    """Return the working clock whose state is kept at `path`.

    Raises:
        ClockError: there is none, or its file cannot be read.
    """
    return WorkingClock(path, calendar, real)


def _latest_counted(state: State, now: int) -> int:
    """Return the latest real instant that any reader can have counted up to."""
    if now < state.real_from_ns:  # the machine's clock was set back
        return state.counts_until_ns
    return min(now, state.counts_until_ns)


def _resumed(state: State, now: int, day_ns: int, calendar: WorkingCalendar) -> State:
    # A reader may have the old speed for a fifth of a second yet.
    elapsed = _latest_counted(state, now + CHECK) - state.real_from_ns
    return State(
        real_from_ns=now,
        business_from=Scale(state, calendar).instant(elapsed),
        day_ns=day_ns,
        counts_until_ns=now + LEASE,
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ClockError(f"{path}: no working clock here; `lianshen up` starts one") from error
    except OSError as error:
        raise ClockError(f"{path}: the working clock cannot be read ({error})") from error


def _decode(path: Path, content: bytes) -> State:
    try:
        return msgspec.json.decode(content, type=State)
    except msgspec.DecodeError as error:
        raise ClockError(f"{path}: is not the state of a working clock ({error})") from error


def _load(path: Path) -> State:
    return _decode(path, _content(path))


def _save(path: Path, state: State) -> None:
    """Replace the file in one piece: a reader sees the old state or the new one."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(path)
