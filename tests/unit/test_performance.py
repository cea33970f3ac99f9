"""What handling took and saved, in working days; whom to commend; months."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.limits import Pause, day_of_act
from services.domain.performance import (
    Month,
    Record,
    Thresholds,
    handled_on,
    is_commended,
    saved_days,
)
from services.domain.route import Budget
from services.domain.turn import working_days_used
from tests.unit.routes import CALENDAR

FIRST = date(2025, 12, 1)
DAYS = st.integers(0, 120).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def pauses(draw: st.DrawFn) -> Pause:
    start = draw(DAYS)
    cap = draw(st.none() | st.integers(0, 20))
    return Pause(
        kind=PauseKind.HEARING,
        from_on=start,
        until_on=draw(st.none() | st.integers(0, 40).map(lambda n: start + timedelta(days=n))),
        cap=None if cap is None else Budget(value=cap, unit=draw(st.sampled_from(Unit))),
        notice=draw(st.sampled_from(["通知", None])),
        article="行政许可法 45",
    )


@given(DAYS, DAYS, st.lists(pauses(), max_size=4))
def test_days_are_those_the_core_counts(start: date, end: date, stopped: list[Pause]) -> None:
    found = handled_on(start, end, CALENDAR, stopped)
    assert len(found) == max(working_days_used(start, end, CALENDAR, stopped), 0)
    assert list(found) == sorted(set(found))
    assert all(start < day <= end and CALENDAR.is_working(day) for day in found)


@given(DAYS, DAYS, pauses())
def test_a_pause_takes_days_out_and_never_adds_any(start: date, end: date, pause: Pause) -> None:
    whole = set(handled_on(start, end, CALENDAR))
    left = set(handled_on(start, end, CALENDAR, [pause]))
    assert left <= whole
    if pause.notice is None:
        assert left == whole


@given(DAYS, st.integers(0, 30), st.integers(-72, 72))
def test_what_ends_in_time_has_used_no_more_than_was_promised(
    start: date, budget: int, hours: int
) -> None:
    """Days used and punctuality never contradict each other."""
    promised = CALENDAR.add_working_days(start, budget)
    close = CALENDAR.close_of(promised)
    ended: datetime = close + timedelta(hours=hours)
    last = CALENDAR.next_working_day(day_of_act(ended, CALENDAR))
    used = len(handled_on(start, last, CALENDAR))
    in_time = ended <= close
    assert (used <= len(handled_on(start, promised, CALENDAR))) == in_time


@given(st.lists(st.sets(DAYS, max_size=20), max_size=6))
def test_shares_add_up_to_what_handling_at_once_saved(handled: list[set[date]]) -> None:
    shares = saved_days(handled)
    together: set[date] = set().union(*handled)
    assert sum(shares) == pytest.approx(sum(len(days) for days in handled) - len(together))
    for days, share in zip(handled, shares, strict=True):
        assert 0 <= share <= len(days)


def test_one_after_another_saves_nothing() -> None:
    one, two = FIRST, FIRST + timedelta(days=1)
    assert saved_days([[one], [two]]) == (0, 0)
    assert saved_days([[one, two], [one]]) == (0.5, 0.5)
    assert saved_days([]) == ()


GOOD = Record(volume=10, on_time=1.0, cards=0, ratings=3, rating=4.5)
LEAST = Thresholds(volume=10, ratings=3, rating=4.5)


def test_enough_work_in_time_without_a_card_and_well_rated_is_commended() -> None:
    assert is_commended(GOOD, LEAST)


@pytest.mark.parametrize(
    "bad",
    [
        {"volume": 9},
        {"on_time": 0.9999},
        {"cards": 1},
        {"ratings": 2},
        {"rating": 4.49},
        {"rating": None},
    ],
)
def test_nothing_makes_up_for_anything_else(bad: dict[str, float]) -> None:
    assert not is_commended(replace(GOOD, **bad), LEAST)


def test_nobody_is_commended_unrated() -> None:
    unrated = replace(GOOD, ratings=0, rating=None)
    assert not is_commended(unrated, replace(LEAST, ratings=0))


@given(st.dates(date(2001, 1, 1), date(2099, 12, 31)))
def test_every_day_is_in_its_month(day: date) -> None:
    month = Month(year=day.year, month=day.month)
    assert month.first <= day <= month.last
    assert month.last + timedelta(days=1) == month.following.first
    assert month.following.before == month
    assert str(month) == day.isoformat()[:7]
