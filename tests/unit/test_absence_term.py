"""On which days somebody is absent, by the county's working days."""

from datetime import date, datetime
from typing import Any

import pytest

from services.departments import absences
from services.domain.calendar import ZONE
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings
from services.runtime.web.problems import Problem

DAYS = Shelf(CatalogueSettings()).calendar
MONDAY = datetime(2026, 3, 2, 11, tzinfo=ZONE)
SATURDAY = datetime(2026, 3, 7, 20, tzinfo=ZONE)


def opening(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 9, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "first", "last", "expected", "counted"),
    [
        (MONDAY, None, None, (None, None), None),
        (MONDAY, None, date(2026, 3, 2), (None, opening(3, 3)), 1),
        (MONDAY.replace(hour=8), None, date(2026, 3, 2), (None, opening(3, 3)), 1),
        (MONDAY.replace(hour=8), date(2026, 3, 2), None, (opening(3, 2), None), None),
        (SATURDAY, None, None, (None, None), None),
        (SATURDAY, None, date(2026, 3, 9), (None, opening(3, 10)), 1),
        (MONDAY.replace(hour=18), None, date(2026, 3, 3), (None, opening(3, 4)), 1),
        (MONDAY, date(2026, 3, 5), date(2026, 3, 6), (opening(3, 5), opening(3, 9)), 2),
        (MONDAY, date(2026, 3, 7), date(2026, 3, 9), (opening(3, 9), opening(3, 10)), 1),
        (MONDAY, date(2026, 4, 3), date(2026, 4, 6), (opening(4, 3), opening(4, 7)), 1),
        (MONDAY, date(2026, 4, 5), None, (opening(4, 7), None), None),
    ],
    ids=[
        *("now", "today", "early", "early, a day", "on Saturday", "on Saturday until Monday"),
        *("evening", "weekend", "from Saturday", "holiday", "open end"),
    ],
)
def test_from_a_working_day_to_the_next_one(
    now: datetime,
    first: date | None,
    last: date | None,
    expected: tuple[Any, Any],
    counted: int | None,
) -> None:
    since, until = absences.term(DAYS, now, first, last)
    assert (since, until) == expected
    if until is not None:
        assert absences.working_days(DAYS, since or now, until) == counted


@pytest.mark.parametrize(
    ("first", "last", "pointers"),
    [
        (date(2026, 3, 1), None, ["#/since"]),
        (None, date(2026, 3, 1), ["#/until"]),
        (date(2026, 4, 4), date(2026, 4, 6), ["#/until"]),
        (date.max, date.max, ["#/since", "#/until"]),
    ],
    ids=["over", "backwards", "all free", "far away"],
)
def test_what_cannot_be(first: date | None, last: date | None, pointers: list[str]) -> None:
    with pytest.raises(Problem) as told:
        absences.term(DAYS, MONDAY, first, last)
    assert [fault.pointer for fault in told.value.errors] == pointers
