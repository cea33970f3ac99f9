"""Values in the words of the reader: names, days, limits. Numbers of days have their unit."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

from services.domain.calendar import ZONE
from services.runtime.web.site.languages import Language

WEEKDAYS_ZH = "一二三四五六日"
MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class InBoth(Protocol):
    """A text in both languages."""

    @property
    def zh(self) -> str:
        """The Chinese."""

    @property
    def en(self) -> str:
        """The English."""


class Words:
    """Says things in one language; one is made for each page."""

    def __init__(self, language: Language, say: Callable[..., str]) -> None:
        self._english = language is Language.ENGLISH
        self._say = say

    def name(self, text: InBoth) -> str:
        """Return a text of the catalogue in the language of the page."""
        return text.en if self._english else text.zh

    def day(self, day: date) -> str:
        """Return a date as people write it, with its weekday."""
        if self._english:
            weekday = WEEKDAYS_EN[day.weekday()]
            return f"{weekday} {day.day} {MONTHS_EN[day.month - 1]} {day.year}"
        return f"{day.year}年{day.month}月{day.day}日（周{WEEKDAYS_ZH[day.weekday()]}）"

    def short_day(self, day: date) -> str:
        """Return a date for a table; the whole of it is shown on hover."""
        if self._english:
            return f"{day.day} {MONTHS_EN[day.month - 1][:3]} {day.year}"
        return f"{day.year}年{day.month}月{day.day}日"

    def month(self, day: date) -> str:
        """Return the month of a date."""
        if self._english:
            return f"{MONTHS_EN[day.month - 1]} {day.year}"
        return f"{day.year}年{day.month}月"

    def moment(self, instant: datetime) -> str:
        """Return an instant as people write it: date and minute on the clock of the county."""
        there = instant.astimezone(ZONE)
        return f"{self.short_day(there.date())} {there:%H:%M}"

    def clock(self, instant: datetime) -> str:
        """Return the minute of an instant, on the clock of the county."""
        return f"{instant.astimezone(ZONE):%H:%M}"

    def weekday(self, day: date) -> str:
        """Return the short name of a day of the week."""
        place = day.weekday()
        return WEEKDAYS_EN[place] if self._english else f"周{WEEKDAYS_ZH[place]}"

    def exact(self, instant: datetime) -> str:
        """Return an instant to the second, with its offset from UTC."""
        return instant.astimezone(ZONE).isoformat(sep=" ", timespec="seconds")

    def limit(self, limit: Any) -> str:
        """Return a limit (value, unit) with its unit; 0 is on the spot."""
        if limit.value == 0:
            return self._say("即办")
        if limit.unit == "working_day":
            return self.working_days(limit.value)
        return self._say("{n} 日（自然日）", n=limit.value)

    def working_days(self, count: int) -> str:
        """Return a number of working days with its unit."""
        return self._say("{n} 个工作日", n=count)
