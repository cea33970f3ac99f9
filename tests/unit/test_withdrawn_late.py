"""A withdrawal that is heard of after deadlines have spoken: what was said since is taken back."""

import pytest

from services.contracts.vocabulary import Conclusion, Signal
from services.domain.case import ClockReached, Conclude, LiftSignal, RaiseSignal, Withdrawn
from services.domain.turn import working_days_used
from tests.unit.routes import CALENDAR, START, decide, route, step
from tests.unit.test_approval import DAY, HOUR, Life

BROKEN = Signal.PROMISE_PASSED


def late(edition: int = 3) -> Life:
    """The promise of the whole has passed, and everybody was told."""
    life = Life(route(step(decide("A", "x", promised=9)), promised_days=3, edition=edition))
    life.do(ClockReached(at=life.case.promised_at + DAY))
    assert [one.signal for one in life.of(RaiseSignal) if one.task is None] == [BROKEN]
    return life


def test_a_withdrawal_in_time_breaks_no_promise_however_late_it_is_heard_of() -> None:
    life = late()
    withdrawn_at = life.case.promised_at
    life.do(Withdrawn(at=withdrawn_at))
    assert [one for one in life.of(LiftSignal) if one.task is None] == [
        LiftSignal(at=withdrawn_at, signal=BROKEN)
    ]
    (end,) = life.of(Conclude)
    used = working_days_used(
        CALENDAR.local_date(START), CALENDAR.local_date(withdrawn_at), CALENDAR, ()
    )
    assert (end.conclusion, end.at, end.in_time) == (Conclusion.WITHDRAWN, withdrawn_at, True)
    assert end.used_working_days == used == end.promised_working_days
    assert not life.case.late


def test_a_withdrawal_after_the_promise_leaves_it_broken() -> None:
    life = late()
    life.do(Withdrawn(at=life.case.promised_at + HOUR))
    assert [one for one in life.of(LiftSignal) if one.task is None] == []
    (end,) = life.of(Conclude)
    assert (end.at, end.in_time) == (life.case.promised_at + HOUR, False)
    assert life.case.late


@pytest.mark.parametrize("edition", [1, 2])
def test_by_earlier_rules_it_ended_when_it_was_heard_of(edition: int) -> None:
    life = late(edition)
    life.do(Withdrawn(at=life.case.promised_at))
    (end,) = life.of(Conclude)
    assert (life.of(LiftSignal), end.at, end.in_time) == ([], life.case.at, False)
