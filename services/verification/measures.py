"""Invariant 8, what work took: the days kept for figures equal a reckoning day by day."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from services.verification.days import ONE, Days, local, span
from services.verification.folders import Folder, Row
from services.verification.report import DATES, Finding
from services.verification.world import Finder, World

OVER = ("decided", "lapsed")
CLOSE_ENOUGH = Decimal("0.002")
"""Shares are kept with three digits."""


def measures(folder: Folder, world: World) -> Iterator[Finding]:
    """8: days used, promised, given by the law, and saved; once an application is over."""
    driven = folder.driven
    if driven is None or driven["saved_days"] is None:
        return
    days = world.days_of(driven["calendar_version"])
    if days is None:
        world.unknown_calendars.add(driven["calendar_version"])
        return
    find = Finder(invariant=DATES, number=folder.number, moving=folder.moving)
    over = [row for row in folder.orchestrator["task"] if row["state"] in OVER]
    handled = {row["task"]: _handled(row, _end(row["ended_at"], days), days) for row in over}
    at_once = Counter(day for found in handled.values() for day in found)
    saved = Decimal()
    for row in over:
        for message in _counts(row, handled[row["task"]], days):
            yield find.within(message, row["task"])
        share = sum((1 - Decimal(1) / at_once[day] for day in handled[row["task"]]), Decimal())
        saved += share
        if abs((row["saved_days"] or Decimal()) - share) > CLOSE_ENOUGH:
            yield find.within(
                f"it saved {row['saved_days']} days, reckoned {share:.3f}", row["task"]
            )
    if abs(driven["saved_days"] - saved) > CLOSE_ENOUGH * max(len(over), 1):
        yield find.within(f"it saved {driven['saved_days']} working days, reckoned {saved:.3f}")


def _end(ended_at: datetime, days: Days) -> date:
    """What ends after the close of business ends on the next working day."""
    day = local(ended_at)
    if ended_at > days.close(day):
        day += ONE
    while not days.works(day):
        day += ONE
    return day


def _handled(row: Row, until: date, days: Days) -> set[date]:
    paused: set[date] = set()
    for pause in orjson.loads(row["ledger"] or "{}").get("pauses", ()):
        if pause["notice"]:
            first, cap = date.fromisoformat(pause["from_on"]), _cap(pause)
            last = date.fromisoformat(pause["until_on"]) if pause["until_on"] else until
            paused |= days.pause(first, max(first, last), cap)
    every = span(local(row["issued_at"]) + ONE, until)
    return {day for day in every if days.works(day) and day not in paused}


def _cap(pause: dict[str, Any]) -> tuple[int, str] | None:
    return (pause["cap"]["value"], pause["cap"]["unit"]) if pause["cap"] else None


def _counts(row: Row, handled: set[date], days: Days) -> Iterator[str]:
    given = row["statutory_on"]
    expected = {
        "used_days": len(handled),
        "promised_days": len(_handled(row, row["promised_on"], days)),
        "statutory_days": None if given is None else len(_handled(row, given, days)),
    }
    for name, number in expected.items():
        if row[name] != number:
            yield f"its {name} are {row[name]}, reckoned {number}"
