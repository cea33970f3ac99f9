"""What a cap leaves, and on which day a pause of so many days ends."""

from datetime import date

import pytest

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.catalogue import Limit
from services.domain.clock_rules import days_left, last_day
from services.domain.limits import Pause
from tests.unit.routes import CALENDAR

MONDAY = date(2026, 1, 12)


def pause(first: date, last: date | None) -> Pause:
    return Pause(
        kind=PauseKind.TESTING,
        from_on=first,
        until_on=last,
        cap=None,
        notice="甲1号",
        article="行政许可法 45",
    )


@pytest.mark.parametrize(
    ("days", "unit", "last"),
    [
        (3, Unit.WORKING_DAY, date(2026, 1, 14)),
        (6, Unit.WORKING_DAY, date(2026, 1, 19)),
        (6, Unit.CALENDAR_DAY, date(2026, 1, 17)),
        (0, Unit.WORKING_DAY, date(2026, 1, 11)),
        (0, Unit.CALENDAR_DAY, date(2026, 1, 11)),
    ],
)
def test_the_first_day_is_one_of_them(days: int, unit: Unit, last: date) -> None:
    assert last_day(days, unit, MONDAY, CALENDAR) == last


@pytest.mark.parametrize(
    ("unit", "used", "left"),
    [
        (Unit.WORKING_DAY, [pause(MONDAY, date(2026, 1, 19))], 4),
        (Unit.CALENDAR_DAY, [pause(MONDAY, date(2026, 1, 19))], 2),
        (Unit.WORKING_DAY, [pause(MONDAY, date(2026, 1, 13))] * 2, 6),
        (Unit.WORKING_DAY, [pause(MONDAY, None)], 10),
        (Unit.WORKING_DAY, [pause(MONDAY, date(2026, 3, 31))], 0),
    ],
)
def test_all_pauses_of_a_kind_share_its_cap(unit: Unit, used: list[Pause], left: int) -> None:
    """One that has not ended has used nothing yet: it cannot be joined by another."""
    assert days_left(Limit(value=10, unit=unit), used, CALENDAR) == left
