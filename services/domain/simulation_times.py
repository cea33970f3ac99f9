"""Working time as one line without nights, and distributions of durations over it.

A place on the line is a whole number of working seconds since the opening of its first day. Every
draw is a pure function of its name (seed, application, part, round): the same seed gives the same
lives in whatever order the departments get to them, and two runs that differ in one thing differ
by that thing alone.
"""

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from statistics import NormalDist

from msgspec import Struct

from services.domain.calendar import WorkingCalendar

HOUR_S = 3_600
_WHOLE = float(1 << 64)
_MASK = (1 << 64) - 1
_SMOOTH = 101
"""Quantiles by which a smooth distribution is kept: every hundredth, from 0.5 % to 99.5 %."""


class Times(Struct, frozen=True, kw_only=True):
    """A distribution of working hours: its sorted quantiles at equal distances.

    One value is a constant. What was measured is its own distribution, sorted.
    """

    hours: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.hours or list(self.hours) != sorted(self.hours) or self.hours[0] < 0:
            raise ValueError("a distribution is a sorted list of hours, none of them negative")

    def at(self, share: float) -> float:
        """Return the hours that the share `share` (0..1) of all cases does not exceed."""
        last = len(self.hours) - 1
        place = share * last
        low = int(place)
        if low >= last:
            return self.hours[last]
        return self.hours[low] + (place - low) * (self.hours[low + 1] - self.hours[low])

    def below(self, hours: float) -> float:
        """Return the share of cases that are over after `hours`: the inverse of `at`."""
        last = len(self.hours) - 1
        if hours >= self.hours[last]:
            return 1.0
        if hours < self.hours[0]:
            return 0.0
        low = bisect_right(self.hours, hours) - 1
        step = self.hours[low + 1] - self.hours[low]
        return (low + (hours - self.hours[low]) / step) / last

    def left(self, share: float, spent: float) -> float:
        """Return the hours still to go of a case that has lasted `spent` hours already.

        One that has lasted longer than any known begins anew: of it nothing is known.
        """
        known = self.below(spent)
        if known >= 1.0:
            return self.at(share)
        return max(self.at(known + share * (1.0 - known)) - spent, 0.0)

    @property
    def mean(self) -> float:
        """The mean, with straight lines between the quantiles."""
        if len(self.hours) == 1:
            return self.hours[0]
        inner = sum(self.hours) - (self.hours[0] + self.hours[-1]) / 2
        return inner / (len(self.hours) - 1)


def constant(hours: float) -> Times:
    """Return the distribution of what always takes the same time."""
    return Times(hours=(hours,))


def around(mean: float, spread: float) -> Times:
    """Return a log-normal distribution of a mean (hours) and a coefficient of variation."""
    if mean <= 0 or spread <= 0:
        return constant(max(mean, 0.0))
    square = spread**2
    width = math.sqrt(math.log1p(square))
    middle = mean / math.sqrt(1.0 + square)
    normal = NormalDist()
    shares = ((place + 0.5) / _SMOOTH for place in range(_SMOOTH))
    return Times(hours=tuple(middle * math.exp(width * normal.inv_cdf(share)) for share in shares))


def measured(hours: Iterable[float]) -> Times:
    """Return the distribution of what was measured. Raises ValueError when nothing was."""
    return Times(hours=tuple(sorted(hours)))


class Chance:
    """Draws for one application, each found again by its name."""

    def __init__(self, seed: int, application: int) -> None:
        self._key = f"{seed}/{application}/"

    def __call__(self, name: str) -> float:
        """Return the share in [0, 1) that belongs to `name`."""
        digest = hashlib.blake2b((self._key + name).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / _WHOLE


class Draws:
    """An even sequence of shares in [0, 1) that is the same for the same seed (SplitMix64)."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def __call__(self) -> float:
        """Return the next share."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
        return (mixed ^ (mixed >> 31)) / _WHOLE


class WorkingTime:
    """The line of working seconds that begins with the opening of a working day."""

    def __init__(self, calendar: WorkingCalendar, first: date) -> None:
        self.calendar = calendar
        self._days = [calendar.next_working_day(first)]
        self._openings = [calendar.opening_of(self._days[0])]
        opening, close = self._openings[0], calendar.close_of(self._days[0])
        self.day = int((close - opening).total_seconds())

    def opened(self, place: int) -> datetime:
        """Return the instant (UTC) of a place; where two days meet, the opening of the later."""
        number, seconds = divmod(place, self.day)
        return self._opening(number) + timedelta(seconds=seconds)

    def closed(self, place: int) -> datetime:
        """Return the instant (UTC) of a place; where two days meet, the close of the earlier.

        What ends exactly with the day ends on that day.
        """
        if place == 0:
            return self._opening(0)
        number, seconds = divmod(place - 1, self.day)
        return self._opening(number) + timedelta(seconds=seconds + 1)

    def date_of(self, place: int) -> date:
        """Return the working day that a place lies in (where two meet, the later)."""
        number = place // self.day
        self._opening(number)
        return self._days[number]

    def place_of(self, instant: datetime) -> int:
        """Return the place of an instant; of one out of hours, where the next day opens.

        What lies before the beginning is at 0.
        """
        day = self.calendar.local_date(instant)
        while self._days[-1] < day:
            self._opening(len(self._days))
        number = bisect_left(self._days, day)
        if number == len(self._days) or self._days[number] != day:
            return number * self.day
        seconds = (instant - self._openings[number]).total_seconds()
        return number * self.day + min(max(int(seconds), 0), self.day)

    def _opening(self, number: int) -> datetime:
        while number >= len(self._openings):
            day = self.calendar.add_working_days(self._days[-1], 1)
            self._days.append(day)
            self._openings.append(self.calendar.opening_of(day))
        return self._openings[number]
