"""The working-day calendar: which days count, and why (行政许可法 82).

Instants are UTC; all arithmetic is on dates in Asia/Shanghai. A calendar is versioned data: the
years whose notice the State Council has published. Any other year is provisional: only its
weekends are known. A calendar is a pure value; `services.runtime.calendar_files` reads it.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from functools import cached_property, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from services.contracts.times import Date, Time

ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""A fixed offset, not `zoneinfo`: China has kept UTC+8 without summer time since 1992, before the
first day any calendar here can hold; and a workflow may not read the time-zone files."""

ONE_DAY = timedelta(days=1)
SATURDAY = 5
WEEKEND_ZH = {5: "周六", 6: "周日"}
WEEKEND_EN = {5: "Saturday", 6: "Sunday"}
# Looked up once: in a workflow every look at `date` asks the sandbox, for there it has no `today`.
_combine, _from_ordinal = datetime.combine, date.fromordinal


class DayKind(StrEnum):
    """What sort of day it is; the first two are worked."""

    WORKING = "working_day"
    MAKE_UP = "make_up_day"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class DayName(Struct, frozen=True, kw_only=True):
    """Why a day is, or is not, a working day."""

    kind: DayKind
    zh: str
    en: str
    provisional: bool


class YearDays(Struct, frozen=True, kw_only=True):
    """One published year: days off and make-up working days (调休), each with its holiday's name.

    `off` and `work` hold days of `year` alone. `english` translates the names; `source` is the
    notice the days stand in.
    """

    year: int
    off: dict[Date, str]
    work: dict[Date, str]
    source: str
    english: dict[str, str] = {}


class WorkingCalendar(Struct, frozen=True, kw_only=True, dict=True):
    """Working days, and business hours `[opens, closes)` in local time.

    `version` names the data: the same version is the same answer to every question.
    """

    # `dict=True` gives a place for the cached indexes below; they are no part of the value.
    version: str
    years: tuple[YearDays, ...]
    opens: Time = time(9)
    closes: Time = time(17)

    def is_working(self, day: date) -> bool:
        """Return whether `day` is a working day."""
        exception = self._exceptions.get(day)
        return day.weekday() < SATURDAY if exception is None else exception

    def is_provisional(self, day: date) -> bool:
        """Return whether the year of `day` is unpublished, so that holidays may yet change it."""
        return not self.is_published(day.year)

    def is_published(self, year: int) -> bool:
        """Return whether the State Council's notice of a year is among the data."""
        return year in self._published

    def name_of(self, day: date) -> DayName:
        """Return why `day` is, or is not, a working day."""
        kind, zh, en = DayKind.WORKING, "工作日", "working day"
        year = self._published.get(day.year)
        if year is not None and (name := year.off.get(day)):
            kind, zh, en = DayKind.HOLIDAY, name, year.english.get(name, name)
        elif year is not None and (name := year.work.get(day)):
            name_en = year.english.get(name, name)
            kind, zh, en = DayKind.MAKE_UP, f"{name}调休上班", f"make-up working day, {name_en}"
        elif day.weekday() >= SATURDAY:
            kind = DayKind.WEEKEND
            zh, en = WEEKEND_ZH[day.weekday()], WEEKEND_EN[day.weekday()]
        return DayName(kind=kind, zh=zh, en=en, provisional=year is None)

    def add_working_days(self, day: date, n: int) -> date:
        """Return the `n`-th working day after `day`; with `n` 0, `next_working_day(day)`.

        Raises:
            ValueError: `n` is negative.
        """
        if n < 0:
            raise ValueError(f"cannot add {n} working days: the number is negative")
        if n == 0:
            return self.next_working_day(day)
        year = day.year
        days = self._working_days(year)
        index = bisect_right(days, day.toordinal()) + n - 1
        while index >= len(days):
            index -= len(days)
            year += 1
            days = self._working_days(year)
        return _from_ordinal(days[index])

    def next_working_day(self, day: date) -> date:
        """Return `day` if it is a working day, else the first working day after it."""
        while not self.is_working(day):
            day += ONE_DAY
        return day

    def previous_working_day(self, day: date) -> date:
        """Return the last working day strictly before `day`."""
        day -= ONE_DAY
        while not self.is_working(day):
            day -= ONE_DAY
        return day

    def working_days_between(self, after: date, until: date) -> int:
        """Return how many working days lie in `(after, until]`; 0 if `until` is not later."""
        if until <= after:
            return 0
        years = range(after.year, until.year)
        whole = sum(len(self._working_days(year)) for year in years)
        upto = bisect_right(self._working_days(until.year), until.toordinal())
        return whole + upto - bisect_right(self._working_days(after.year), after.toordinal())

    def working_days_in(self, after: date, until: date) -> tuple[date, ...]:
        """Return the working days in `(after, until]`, in order; none if `until` is not later."""
        found: list[int] = []
        first, last = after.toordinal(), until.toordinal()
        for year in range(after.year, until.year + 1):
            days = self._working_days(year)
            found += days[bisect_right(days, first) : bisect_right(days, last)]
        return tuple(map(_from_ordinal, found))

    def opening_of(self, day: date) -> datetime:
        """Return the instant (UTC) at which business opens on `day`."""
        return _combine(day, self.opens, ZONE).astimezone(UTC)

    def close_of(self, day: date) -> datetime:
        """Return the instant (UTC) at which business closes on `day` (民法典 203)."""
        return _combine(day, self.closes, ZONE).astimezone(UTC)

    def local_date(self, instant: datetime) -> date:
        """Return the date in Asia/Shanghai at `instant`.

        Raises:
            ValueError: `instant` has no time zone.
        """
        if instant.tzinfo is None:
            raise ValueError(f"instant {instant.isoformat()} has no time zone")
        return instant.astimezone(ZONE).date()

    def within(self, first_year: int, last_year: int) -> "WorkingCalendar":
        """Return a copy with the years `first_year`..`last_year` alone, under the same version.

        Years left out become provisional: keep every year an application can reach.
        """
        kept = tuple(year for year in self.years if first_year <= year.year <= last_year)
        return replace(self, years=kept)

    def nameless(self) -> "WorkingCalendar":
        """Return a copy that counts the same, and no longer knows why a day is off or worked."""
        years = tuple(
            YearDays(
                year=year.year,
                off=dict.fromkeys(year.off, ""),
                work=dict.fromkeys(year.work, ""),
                source="",
            )
            for year in self.years
        )
        return replace(self, years=years)

    @cached_property
    def _published(self) -> dict[int, YearDays]:
        return {year.year: year for year in self.years}

    @cached_property
    def _exceptions(self) -> dict[date, bool]:
        """The days that differ from the plain week, or might: `True` is worked."""
        off = {day: False for year in self.years for day in year.off}
        return off | {day: True for year in self.years for day in year.work}

    @cached_property
    def _index(self) -> dict[int, tuple[int, ...]]:
        """Sorted working days of the years asked for so far, as ordinals."""
        return {}

    def _working_days(self, year: int) -> tuple[int, ...]:
        """Return a year's working days as ordinals."""
        days = self._index.get(year)
        if days is None:
            published = self._published.get(year)
            off, work = (published.off, published.work) if published is not None else ((), ())
            days = self._index[year] = _working_days(year, frozenset(off), frozenset(work))
        return days


@lru_cache(maxsize=256)
def _working_days(year: int, off: frozenset[date], work: frozenset[date]) -> tuple[int, ...]:
    """Count them once for all calendars that say the same: every workflow has one of its own."""
    differs = {day.toordinal(): False for day in off} | {day.toordinal(): True for day in work}
    every = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
    # Ordinal 1 was a Monday.
    plain = ((n, (n - 1) % 7 < SATURDAY) for n in every)
    return tuple(n for n, works in plain if differs.get(n, works))
