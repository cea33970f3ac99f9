"""Working days, reckoned day by day from the county's files.

This is the oracle that stored dates are compared with: it shares no code with the calendar and the
limits of `services.domain`, and is slow and plain on purpose. Rules: the first day is not counted
(民法典 201); working days count working days (行政许可法 82); a paused day is not counted
(行政许可法 45); the last day moves to a working day that is not paused (民法典 203).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE = timedelta(days=1)
FRIDAY = 5
CLOSES = "17:00"
CALENDAR_DAY = "calendar_day"
NO_DAYS: frozenset[date] = frozenset()


class Days:
    """The days of the county, as its calendar folder has them now, or as they once were kept."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read every year of a folder; without one know weekends alone.

        Raises OSError, yaml.YAMLError, KeyError, TypeError on a bad file.
        """
        self.free: set[date] = set()
        self.worked: set[date] = set()
        self.published: set[int] = set()
        self.closes = time.fromisoformat(CLOSES)
        if folder is not None:
            self._read(folder)

    def _read(self, folder: Path) -> None:
        for file in sorted(folder.glob("[0-9][0-9][0-9][0-9].yaml")):
            self._take(yaml.safe_load(file.read_text(encoding="utf-8")))
        hours = folder / "hours.yaml"
        said = yaml.safe_load(hours.read_text(encoding="utf-8")) if hours.exists() else {}
        self.closes = time.fromisoformat(said.get("closes", CLOSES))

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> "Days":
        """Read a calendar as the orchestrator keeps it. Raises KeyError, TypeError, ValueError."""
        self = cls()
        for year in content["years"]:
            self.published.add(year["year"])
            self.free.update(map(date.fromisoformat, year["off"]))
            self.worked.update(map(date.fromisoformat, year["work"]))
        self.closes = time.fromisoformat(content["closes"])
        return self

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
        return self._landing(self._counted(value, unit, start, paused), paused)

    def due_extended(
        self,
        value: int,
        unit: str,
        start: date,
        paused: Set[date],
        extensions: Sequence[tuple[date, int, str]],
    ) -> date:
        """Return the last day of a limit that was extended: (approved on, days, unit) each.

        An extension that was approved when the limit was over has no effect, nor has a later one.
        """
        end = self._counted(value, unit, start, paused)
        for approved_on, more, of_unit in sorted(extensions, key=itemgetter(0)):
            if approved_on > self._landing(end, paused):
                break
            end = self._counted(more, of_unit, end, paused)
        return self._landing(end, paused)

    def pause(self, first: date, last: date, cap: tuple[int, str] | None) -> frozenset[date]:
        """Return the days a pause takes out: from its first to its last, or until its cap."""
        found: set[date] = set()
        for day in _span(first, last):
            counted = [one for one in found if cap and (cap[1] == CALENDAR_DAY or self.works(one))]
            if cap is not None and len(counted) >= cap[0]:
                break
            found.add(day)
        return frozenset(found)

    def _counted(self, value: int, unit: str, start: date, paused: Set[date]) -> date:
        day, left = start, value
        while left:
            day += ONE
            if day not in paused and (unit == CALENDAR_DAY or self.works(day)):
                left -= 1
        return day

    def _landing(self, day: date, paused: Set[date]) -> date:
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
