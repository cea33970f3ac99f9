"""What handling has taken and saved, in working days; who is commended; what may be published.

A task's days are the working days after the day it was issued, up to the day it ended, that none of
its pauses leaves out (行政许可法 45, 82). On a day on which k tasks of an application were
handled, handling one after another would have needed k days: k - 1 are saved, and each of the k
tasks has an equal share of that. So the shares of all tasks add up to what the application saved.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from math import fsum

from msgspec import Struct

from services.domain.calendar import ONE_DAY, WorkingCalendar
from services.domain.limits import Pause, last_day_of

WHOLE = 1.0


def handled_on(
    start: date, end: date, calendar: WorkingCalendar, pauses: Iterable[Pause] = ()
) -> tuple[date, ...]:
    """Return the working days after `start`, up to `end`, that no pause leaves out."""
    days = calendar.working_days_in(start, end)
    for pause in pauses:
        last = last_day_of(pause, calendar) or end
        days = tuple(day for day in days if not pause.from_on <= day <= last)
    return days


def saved_days(handled: Sequence[Iterable[date]]) -> tuple[float, ...]:
    """Return each task's share of the days saved, for the days each task was handled on."""
    at_once = Counter(day for days in handled for day in days)
    return tuple(fsum(1 - 1 / at_once[day] for day in days) for days in handled)


class Month(Struct, frozen=True, kw_only=True):
    """A calendar month."""

    year: int
    month: int

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.following.first - ONE_DAY

    @property
    def following(self) -> "Month":
        """The month after it."""
        return Month(year=self.year + self.month // 12, month=self.month % 12 + 1)

    @property
    def before(self) -> "Month":
        """The month before it."""
        last = self.first - ONE_DAY
        return Month(year=last.year, month=last.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


class Record(Struct, frozen=True, kw_only=True):
    """What counts for a commendation: how much was done, how, and what people thought of it.

    `on_time` is a share; `rating` the mean of `ratings` grades, None without any.
    """

    volume: int
    on_time: float
    cards: int
    ratings: int
    rating: float | None


class Thresholds(Struct, frozen=True, kw_only=True):
    """What a department must reach to be commended."""

    volume: int
    ratings: int
    rating: float


def is_commended(record: Record, thresholds: Thresholds) -> bool:
    """Return whether a record is one to commend: enough work, all in time, no card, well rated."""
    return (
        record.volume >= thresholds.volume
        and record.on_time == WHOLE
        and not record.cards
        and record.ratings >= max(thresholds.ratings, 1)
        and record.rating is not None
        and record.rating >= thresholds.rating
    )
