"""The traffic light of the queue: which share of a limit is used, and how many days are left."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from services.contracts.vocabulary import PauseKind
from services.departments.pages.queue_clock import LAST_DAY, OVER, Light, light
from services.domain.calendar import WorkingCalendar
from services.domain.limits import Pause

CALENDAR = WorkingCalendar(version="plain weeks", years=())
MONDAY = date(2026, 3, 2)


def on(day: int, hour: int = 9) -> datetime:
    """An instant of March 2026 on the clock of the county."""
    return datetime.combine(MONDAY.replace(day=day), time(hour), UTC) - timedelta(hours=8)


DUE, SINCE = on(6, 17), on(2, 10)


def seen(
    now: datetime,
    *,
    due: datetime = DUE,
    since: datetime = SINCE,
    pauses: Sequence[Pause] = (),
    paused_until: date | None = None,
) -> Light:
    return light(
        CALENDAR, since=since, due_at=due, now=now, pauses=pauses, paused_until=paused_until
    )


@pytest.mark.parametrize(
    ("now", "share", "left"),
    [
        (on(2, 16), 0.0, 4),  # the day of the starting act is not counted (民法典 201)
        (on(3, 13), 0.125, 3),
        (on(4, 17), 0.5, 2),
        (on(5, 8), 0.5, 1),
        (on(5, 17), 0.75, 1),
        (on(6, 17), 1.0, 0),
    ],
)
def test_a_limit_is_used_up_by_hours_of_business(now: datetime, share: float, left: int) -> None:
    found = seen(now)
    assert found.share == pytest.approx(share)
    assert (found.left, found.over, found.is_late) == (left, 0, False)


def test_a_weekend_uses_nothing() -> None:
    friday, sunday = on(6, 17), on(8, 12)
    due = on(11, 17)
    assert seen(friday, due=due).share == seen(sunday, due=due).share


def test_behind_the_limit_it_is_late_and_counts_working_days() -> None:
    found = seen(on(6, 18))
    assert found.share > OVER
    assert (found.is_late, found.over, found.left) == (True, 0, 0)
    assert seen(on(9)).over == 1
    assert seen(on(10)).over == 2


def test_the_last_day_is_never_green() -> None:
    found = seen(on(3, 10), due=on(3, 17))
    assert found.is_today
    assert found.share == LAST_DAY
    assert not seen(on(3, 18), due=on(3, 17)).is_today


def test_days_on_which_the_clock_stood_still_count_for_nothing() -> None:
    pause = Pause(
        kind=PauseKind.HEARING,
        from_on=date(2026, 3, 3),
        until_on=date(2026, 3, 5),
        cap=None,
        notice="告〔2026〕1号",
        article="行政许可法 45",
    )
    due = on(11, 17)
    found = seen(on(5, 12), due=due, pauses=[pause], paused_until=date(2026, 3, 5))
    assert (found.share, found.left) == (0.0, 4)
    assert found.paused_until == date(2026, 3, 5)
    after = seen(on(6, 17), due=due, pauses=[pause], paused_until=date(2026, 3, 5))
    assert after.share == pytest.approx(0.25)
    assert after.paused_until is None


def test_on_the_spot_is_used_up_within_its_day() -> None:
    since, due = on(2, 9), on(2, 17)
    assert seen(on(2, 16), since=since, due=due).share == pytest.approx(7 / 8)
    assert seen(since, since=since, due=since).share == OVER


def test_it_only_grows() -> None:
    instants = [on(2, 9) + timedelta(hours=n) for n in range(24 * 9)]
    shares = [seen(now).share for now in instants]
    assert all(earlier <= later for earlier, later in pairwise(shares))
