"""The days before a limit began on which its step waited for papers that come later."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from services.domain.calendar import ONE_DAY, WorkingCalendar
from services.domain.later import NOT_COUNTED
from services.domain.limits import DayLine


class Wait(Struct, frozen=True, kw_only=True):
    """A step waited for `materials` from the day on which its turn had come."""

    since: date
    materials: tuple[str, ...]


def wait_of(command: dict[str, Any], before: Wait | None) -> Wait | None:
    """Return what a step waits for, after a command: all that it was ever told to lack."""
    if command["type"] != "AskPapers":
        return before
    awaited = command["awaited"]
    known = () if before is None else before.materials
    since = msgspec.convert(awaited["since"], date)
    return Wait(since=since, materials=tuple(dict.fromkeys((*known, *awaited["materials"]))))


def days_waited(wait: Wait | None, start: date, calendar: WorkingCalendar) -> Iterator[DayLine]:
    """Yield the days between the turn of a step and the day on which its papers were there."""
    if wait is None:
        return
    papers = ", ".join(wait.materials)
    for ordinal in range((wait.since + ONE_DAY).toordinal(), start.toordinal()):
        day = date.fromordinal(ordinal)
        yield DayLine(
            day=day,
            counted=False,
            number=None,
            reason_zh=f"等待申请人提交后续材料（{papers}），不计",
            reason_en=f"waiting for the papers of the investor ({papers}): not counted",
            article=NOT_COUNTED,
            provisional=calendar.is_provisional(day),
        )
