"""The calendars of the lives: what was published first, and three notices that come later."""

from datetime import date, timedelta

from msgspec.structs import replace

from tests.unit.oracle_days import worked_days
from tests.unit.routes import CALENDAR, START

FAR = date(2028, 12, 31)
"""A pause is told for a year at most, and lives last for months."""
NOTICES = tuple(
    replace(
        CALENDAR,
        version=f"notice {n}",
        years=(
            replace(
                CALENDAR.years[0],
                off=CALENDAR.years[0].off | {START.date() + timedelta(days=n): "x"},
                work=CALENDAR.years[0].work | {date(2026, 1, 12 + n): "make-up"},
            ),
        ),
    )
    for n in (2, 5, 9)
)
WORKED = {one.version: worked_days(one, date(2025, 12, 1), FAR) for one in (CALENDAR, *NOTICES)}
