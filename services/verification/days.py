"""Working days, reckoned day by day from the county's files.

This is the oracle that stored dates are compared with: it shares no code with the calendar and the
limits of `services.domain`, and is slow and plain on purpose. Rules: the first day is not counted
(民法典 201); working days count working days (行政许可法 82); a paused day is not counted
(行政许可法 45); the last day moves to a working day that is not paused (民法典 203).
"""

from collections.abc import Iterator, Set
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE = timedelta(days=1)
FRIDAY = 5
CLOSES = "17:00"
NO_DAYS: frozenset[date] = frozenset()


class Days:
    """The days of the county, as its calendar folder has them now."""

    def __init__(self, folder: Path) -> None:
        """Read every year. Raises OSError, yaml.YAMLError, KeyError, TypeError on a bad file."""
        self.free: set[date] = set()
        self.worked: set[date] = set()
        self.published: set[int] = set()
        for file in sorted(folder.glob("[0-9][0-9][0-9][0-9].yaml")):
            self._take(yaml.safe_load(file.read_text(encoding="utf-8")))
        hours = folder / "hours.yaml"
        said = yaml.safe_load(hours.read_text(encoding="utf-8")) if hours.exists() else {}
        self.closes = time.fromisoformat(said.get("closes", CLOSES))

    def _take(self, year: dict[str, Any]) -> None:
        self.published.add(year["year"])
        for holiday in year["holidays"]:
            for span in holiday["free"]:
                self.free.update(_span(span["from"], span["until"]))
            self.worked.update(holiday.get("worked", ()))

    def works(self, day: date) -> bool:
        """Return whether offices are open on a day."""
        return day in self.worked or (day.isoweekday() <= FRIDAY and day not in self.free)

    def due(self, value: int, unit: str, start: date, paused: Set[date] = NO_DAYS) -> date:
        """Return the last day of a limit of `value` days that `start` set running."""
        day, left = start, value
        while left:
            day += ONE
            if day not in paused and (unit == "calendar_day" or self.works(day)):
                left -= 1
        while day in paused or not self.works(day):
            day += ONE
        return day

    def before(self, day: date) -> date:
        """Return the last working day before a day."""
        day -= ONE
        while not self.works(day):
            day -= ONE
        return day

    def count(self, after: date, until: date, paused: Set[date] = NO_DAYS) -> int:
        """Return the working days after one day and up to another that are not paused."""
        return sum(self.works(day) and day not in paused for day in _span(after + ONE, until))

    def provisional(self, start: date, last: date) -> bool:
        """Return whether a day after `start` up to `last` lies in an unpublished year."""
        return any(year not in self.published for year in range((start + ONE).year, last.year + 1))

    def close(self, day: date) -> datetime:
        """Return the close of business on a day (UTC)."""
        return datetime.combine(day, self.closes, SHANGHAI).astimezone(UTC)


def local(instant: datetime) -> date:
    """Return the date of an instant in the county."""
    return instant.astimezone(SHANGHAI).date()


def span(first: date, last: date) -> frozenset[date]:
    """Return every day from `first` to `last`, both included."""
    return frozenset(_span(first, last))


def _span(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE
