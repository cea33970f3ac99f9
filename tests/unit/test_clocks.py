"""What stops, lengthens and moves the clocks of a case, by example and against the oracle."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.vocabulary import DateChange, Outcome, PauseKind, Signal, TaskState
from services.domain.approval import apply, apply_all, begin, next_instant
from services.domain.calendar import YearDays
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    AskLapse,
    Case,
    ChangeCalendar,
    ChangeLedger,
    ChangeStatus,
    ClockReached,
    Conclude,
    Decided,
    Extended,
    Ignore,
    Lapsed,
    LiftSignal,
    Paused,
    PauseEnded,
    RaiseSignal,
    Rectified,
    Redate,
    Reprojected,
    Repromise,
    Withdrawn,
)
from services.domain.limits import Ledger
from services.domain.route import RouteStep
from tests.unit.oracle_days import expected, worked_days
from tests.unit.routes import CALENDAR, START, consult, days, decide, route, step, task

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TUESDAY = START + DAY
WORKED = worked_days(CALENDAR, date(2025, 12, 1), date(2027, 12, 31))


def accepted(*steps: RouteStep, promised_days: int = 20) -> Case:
    case, _ = apply(
        begin(route(*steps, promised_days=promised_days), CALENDAR, START), Accepted(at=START)
    )
    return case


def paused(item: str, department: str, at: datetime, until: date, **changes: Any) -> Paused:
    given: dict[str, Any] = {
        "pause": 1,
        "kind": PauseKind.EXPERT_REVIEW,
        "cap": None,
        "notice": "甲〔2026〕1号",
        "article": "行政许可法 45",
        "ref": "p",
    }
    return Paused(at=at, task=task(item, department), until=until, **(given | changes))


def ended(item: str, department: str, at: datetime, pause: int = 1) -> PauseEnded:
    return PauseEnded(at=at, task=task(item, department), pause=pause, ref="e")


def extended(item: str, department: str, at: datetime, **changes: Any) -> Extended:
    given: dict[str, Any] = {
        "extension": 1,
        "budget": days(10),
        "approver": "department_head",
        "article": "行政许可法 42",
        "ref": "x",
    }
    return Extended(at=at, task=task(item, department), **(given | changes))


def dates(case: Case, key: str) -> tuple[date, date | None]:
    found = case.tasks[key].dates
    assert found is not None
    return found.promised_on, found.statutory_on


def of(commands: Sequence[AnyCommand], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


# Pauses


def paused_for_a_week(item: str, department: str, at: datetime) -> Paused:
    return paused(item, department, at, (at + 7 * DAY).date())


@pytest.mark.parametrize("act", [paused_for_a_week, ended, extended])
def test_an_act_on_the_clock_of_no_open_task_changes_nothing(act: Callable[..., AnyEvent]) -> None:
    case = accepted(step(decide("A", "d")))
    after, commands = apply(case, act("B", "d", TUESDAY))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_a_pause_stops_promise_statute_and_the_promise_of_the_whole() -> None:
    case = accepted(step(decide("A", "d")))
    assert dates(case, "A/d") == (date(2026, 1, 8), date(2026, 1, 16))
    paused_, commands = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12)))
    # 6 to 12 January hold six working days, the make-up Saturday of the 10th among them
    assert dates(paused_, "A/d") == (date(2026, 1, 15), date(2026, 1, 26))
    [redate] = of(commands, Redate)
    assert (redate.why, redate.ref) == (DateChange.PAUSED, "p")
    assert redate.before.promised_on == date(2026, 1, 8)
    [whole] = of(commands, Repromise)
    assert whole.before == case.promised_at
    assert whole.promised_at == paused_.promised_at > case.promised_at
    assert of(commands, ChangeStatus)[0].promised_at == paused_.promised_at


def test_a_clock_that_stands_is_not_stopped_again() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12)))
    after, commands = apply(case, paused("A", "d", TUESDAY + DAY, date(2026, 1, 20), pause=2))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_a_pause_of_more_than_a_year_is_a_mistake() -> None:
    case = accepted(step(decide("A", "d")))
    after, commands = apply(case, paused("A", "d", TUESDAY, date(2926, 1, 12)))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_pauses_are_counted_anew_in_each_round() -> None:
    case = accepted(step(decide("A", "d"), decide("B", "e"), code="j", rounds=1))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 6)))
    at = TUESDAY + 2 * DAY
    for item, department, outcome in (("A", "d", Outcome.REFUSED), ("B", "e", Outcome.GRANTED)):
        decided = Decided(at=at, task=task(item, department), outcome=outcome, ref="r")
        case, _ = apply(case, decided)
    case, _ = apply(case, Rectified(at=at + DAY, step="j", round=1))
    again = Paused(
        at=at + 2 * DAY,
        ref="p",
        task=task("A", "d", 2),
        pause=1,
        kind=PauseKind.EXPERT_REVIEW,
        until=date(2026, 1, 20),
        cap=None,
        notice="甲2号",
        article="行政许可法 45",
    )
    case, commands = apply(case, again)
    assert of(commands, Redate)
    assert case.tasks["A/d"].open_pause == 1


def test_a_pause_that_ends_before_its_day_gives_the_rest_back() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 30)))
    case, commands = apply(case, ended("A", "d", TUESDAY + DAY))
    assert dates(case, "A/d") == (date(2026, 1, 10), date(2026, 1, 20))
    assert of(commands, Redate)[0].why is DateChange.PAUSE_ENDED
    assert of(commands, ChangeLedger)[0].ledger.pauses[-1].told_until == date(2026, 1, 30)
    assert case.tasks["A/d"].open_pause is None


def test_a_pause_ends_on_the_day_of_its_notice_by_itself() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 7)))
    before = dates(case, "A/d")
    case, commands = apply(case, ended("A", "d", START + 3 * DAY))
    assert [type(command) for command in commands] == [Ignore]
    assert dates(case, "A/d") == before
    again = paused("A", "d", START + 3 * DAY, date(2026, 1, 9), pause=2)
    case, commands = apply(case, again)
    assert of(commands, Redate)


@pytest.mark.parametrize(("until", "cap"), [(6, None), (7, None), (30, 1)])
def test_an_end_that_moves_no_day_is_not_told(until: int, cap: int | None) -> None:
    case = accepted(step(decide("A", "d")))
    limit = None if cap is None else days(cap)
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, until), cap=limit))
    at = TUESDAY + DAY if until > 6 else TUESDAY + HOUR
    before = dates(case, "A/d")
    decided = Decided(at=at, task=task("A", "d"), outcome=Outcome.GRANTED, ref="r")
    for act in (ended("A", "d", at), decided):
        after, commands = apply(case, act)
        assert not of(commands, Redate)
        [changed] = of(commands, ChangeLedger)
        assert changed.ledger.pauses[-1].told_until is None
    # It is over all the same: it can be stopped anew.
    after, _ = apply(case, ended("A", "d", at))
    assert dates(after, "A/d") == before
    _, commands = apply(after, paused("A", "d", at, date(2026, 1, 12), pause=2))
    assert of(commands, Redate)


def test_the_cap_of_the_law_ends_a_pause_before_its_notice_does() -> None:
    case = accepted(step(decide("A", "d")))
    event = paused("A", "d", TUESDAY, date(2026, 1, 30), cap=days(2))
    case, _ = apply(case, event)
    assert dates(case, "A/d")[0] == date(2026, 1, 10)


@pytest.mark.parametrize("notice", ["", "  "])
def test_without_a_written_notice_the_clock_runs_on(notice: str) -> None:
    case = accepted(step(decide("A", "d")))
    after, commands = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12), notice=notice))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_the_pause_of_one_member_moves_the_promise_of_all_and_its_own_statute_alone() -> None:
    case = accepted(step(decide("A", "d"), decide("B", "e"), consult("A", "u"), code="J"))
    statute = dates(case, "B/e")[1]
    opinion = dates(case, "A/u")[0]
    case, commands = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12)))
    assert dates(case, "A/d")[0] == dates(case, "B/e")[0] == date(2026, 1, 15)
    assert dates(case, "A/u")[0] == date(2026, 1, 14) > opinion
    assert dates(case, "B/e")[1] == statute
    assert {command.key for command in of(commands, Redate)} == {"A/d", "B/e", "A/u"}


def test_a_unit_that_was_asked_about_its_silence_keeps_its_date() -> None:
    case = accepted(step(decide("A", "d"), consult("A", "u"), code="J"))
    ahead = case.tasks["A/u"].dates
    assert ahead is not None
    case, commands = apply(case, ClockReached(at=ahead.promised_at + timedelta(seconds=1)))
    assert of(commands, AskLapse)
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12)))
    assert case.tasks["A/u"].dates == ahead
    case, _ = apply(case, Lapsed(at=case.at, task=task("A", "u")))
    assert case.tasks["A/u"].state is TaskState.LAPSED


def test_the_decision_ends_the_pause_for_the_others() -> None:
    case = accepted(step(decide("A", "d"), decide("B", "e"), code="J"))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 30)))
    case, commands = apply(
        case, Decided(at=TUESDAY + DAY, task=task("A", "d"), outcome=Outcome.GRANTED, ref="r")
    )
    assert dates(case, "B/e")[0] == date(2026, 1, 10)
    assert [c.key for c in of(commands, Redate)] == ["B/e"]
    assert of(commands, ChangeLedger)[0].ledger.pauses[0].until_on == date(2026, 1, 7)


def test_what_is_over_cannot_be_stopped() -> None:
    case = accepted(step(decide("A", "d")))
    late = CALENDAR.close_of(date(2026, 1, 16)) + timedelta(minutes=1)
    after, commands = apply(case, paused("A", "d", late, date(2026, 1, 30)))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_an_act_after_the_close_of_business_counts_for_the_next_day() -> None:
    """Else a pause some minutes after the promise was broken would mend it."""
    case = accepted(step(decide("A", "d")))
    evening = CALENDAR.close_of(date(2026, 1, 8)) + timedelta(minutes=1)
    case, commands = apply_all(
        case, [ClockReached(at=evening), paused("A", "d", evening, date(2026, 1, 30))]
    )
    assert dates(case, "A/d")[0] == date(2026, 1, 8)
    assert Signal.PROMISE_PASSED in case.tasks["A/d"].signals
    assert not of(commands, LiftSignal)
    assert dates(case, "A/d")[1] is not None


def test_a_signal_that_spoke_because_the_pause_came_late_is_lifted_and_may_speak_again() -> None:
    case = accepted(step(decide("A", "d")), promised_days=3)
    passed = CALENDAR.close_of(date(2026, 1, 8)) + timedelta(seconds=1)
    case, commands = apply(case, ClockReached(at=passed))
    assert {c.signal for c in of(commands, RaiseSignal)} == {Signal.WARNING, Signal.PROMISE_PASSED}
    assert case.late
    case, commands = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 9)))
    assert {(c.task, c.signal) for c in of(commands, LiftSignal)} == {
        (task("A", "d"), Signal.WARNING),
        (task("A", "d"), Signal.PROMISE_PASSED),
        (None, Signal.PROMISE_PASSED),
    }
    assert not case.late
    ahead = next_instant(case)
    assert ahead is not None
    case, commands = apply(case, ClockReached(at=ahead))
    assert of(commands, RaiseSignal)[0].signal is Signal.WARNING


@pytest.mark.parametrize("pause", [0, 1])
def test_a_pause_told_twice_is_one_pause(pause: int) -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 12)))
    before = case
    case, commands = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 20), pause=pause))
    assert [type(command) for command in commands] == [Ignore]
    assert case.tasks == before.tasks


def test_a_pause_told_again_after_its_end_does_not_begin_anew() -> None:
    case = accepted(step(decide("A", "d")))
    first = paused("A", "d", TUESDAY, date(2026, 1, 12))
    case, _ = apply_all(case, [first, ended("A", "d", TUESDAY + HOUR)])
    before = case
    case, commands = apply(case, first)
    assert [type(command) for command in commands] == [Ignore]
    assert case.tasks == before.tasks


def test_only_what_the_law_sets_a_limit_can_be_paused() -> None:
    case = accepted(step(decide("A", "d"), consult("A", "u"), code="J"))
    after, commands = apply(case, paused("A", "u", TUESDAY, date(2026, 1, 12)))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_days_of_a_pause_are_not_used_days() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, paused("A", "d", TUESDAY, date(2026, 1, 30), cap=days(3)))
    at = datetime(2026, 1, 12, 2, tzinfo=UTC)
    _, commands = apply(case, Decided(at=at, task=task("A", "d"), outcome=Outcome.GRANTED))
    # 6, 7, 8 January are capped out; 9, 10 (make-up) and 12 are used
    assert of(commands, Conclude)[0].used_working_days == 3


# Extensions


def test_an_extension_lengthens_the_limit_of_the_law_and_leaves_the_promise() -> None:
    case = accepted(step(decide("A", "d"), decide("B", "e"), code="J"))
    promise, other = dates(case, "A/d")[0], dates(case, "B/e")
    case, commands = apply(case, extended("A", "d", TUESDAY))
    assert dates(case, "A/d") == (promise, date(2026, 1, 30))
    assert dates(case, "B/e") == other
    assert [c.why for c in of(commands, Redate)] == [DateChange.EXTENDED]
    assert not of(commands, Repromise)


def test_what_is_over_cannot_be_extended() -> None:
    case = accepted(step(decide("A", "d")))
    late = CALENDAR.close_of(date(2026, 1, 16)) + timedelta(minutes=1)
    _, commands = apply(case, extended("A", "d", late))
    assert [type(command) for command in commands] == [Ignore]


def test_an_extension_told_twice_is_one_extension() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, extended("A", "d", TUESDAY))
    before = case
    case, commands = apply(case, extended("A", "d", TUESDAY))
    assert [type(command) for command in commands] == [Ignore]
    assert case.tasks == before.tasks


def test_pause_and_extension_together_equal_the_oracle() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply_all(
        case,
        [
            paused("A", "d", TUESDAY, date(2026, 1, 12)),
            extended("A", "d", TUESDAY + 8 * DAY),
        ],
    )
    status = case.tasks["A/d"]
    ledger = Ledger(pauses=status.pauses, extensions=status.extensions)
    due, _ = expected(days(10), date(2026, 1, 5), WORKED, ledger, date(2026, 12, 31))
    assert dates(case, "A/d")[1] == due


# Calendar notices

HOLIDAYS = replace(
    CALENDAR,
    version="notice",
    years=(
        replace(CALENDAR.years[0], off=CALENDAR.years[0].off | {date(2026, 1, 7): "new holiday"}),
        YearDays(year=2027, off={}, work={}, source="notice"),
    ),
)


def test_a_calendar_notice_moves_what_has_not_ended() -> None:
    case = accepted(step(decide("A", "d")), step(decide("B", "e")))
    case, _ = apply(
        case, Decided(at=START + HOUR, task=task("B", "e"), outcome=Outcome.GRANTED, ref="r")
    )
    done = case.tasks["B/e"]
    case, commands = apply(case, Reprojected(at=TUESDAY, calendar=HOLIDAYS, ref="n"))
    assert of(commands, ChangeCalendar)[0].version == "notice"
    assert [(c.key, c.why, c.ref) for c in of(commands, Redate)] == [
        ("A/d", DateChange.CALENDAR, "n")
    ]
    assert dates(case, "A/d")[0] == date(2026, 1, 9)
    assert case.tasks["B/e"] == done
    assert of(commands, Repromise)[0].promised_at == case.promised_at


def test_a_case_is_projected_onto_one_calendar_once() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, Reprojected(at=TUESDAY, calendar=HOLIDAYS))
    after, commands = apply(case, Reprojected(at=TUESDAY, calendar=HOLIDAYS))
    assert [type(command) for command in commands] == [Ignore]
    assert after.tasks == case.tasks


def test_what_was_provisional_becomes_final() -> None:
    case = accepted(step(decide("A", "d", promised=300)), promised_days=300)
    found = case.tasks["A/d"].dates
    assert found is not None
    assert found.provisional
    case, commands = apply(case, Reprojected(at=TUESDAY, calendar=HOLIDAYS))
    [redate], [whole] = of(commands, Redate), of(commands, Repromise)
    assert redate.before.provisional
    assert whole.provisional is False
    # the limit of the law ends later still, in a year that nobody has published
    assert redate.dates.provisional is (redate.dates.statutory_on.year > 2027)


def test_the_next_step_is_reckoned_by_the_new_calendar() -> None:
    case = accepted(step(decide("A", "d")), step(decide("B", "e", "A")))
    case, _ = apply(case, Reprojected(at=START + HOUR, calendar=HOLIDAYS))
    case, _ = apply(
        case, Decided(at=TUESDAY, task=task("A", "d"), outcome=Outcome.GRANTED, ref="r")
    )
    assert dates(case, "B/e")[0] == date(2026, 1, 10)


def test_after_the_end_no_clock_is_moved() -> None:
    case = accepted(step(decide("A", "d")))
    case, _ = apply(case, Withdrawn(at=START + HOUR))
    for event in (
        paused("A", "d", TUESDAY, date(2026, 1, 12)),
        ended("A", "d", TUESDAY),
        extended("A", "d", TUESDAY),
        Reprojected(at=TUESDAY, calendar=HOLIDAYS),
    ):
        _, commands = apply(case, event)
        assert [type(command) for command in commands] == [Ignore]


# Silence


def test_silence_of_whoever_decides_is_never_a_licence() -> None:
    """行政许可法 50 knows one deemed approval, the renewal; a lapse is an opinion, nothing more."""
    case = accepted(step(decide("A", "d"), consult("A", "u"), code="J"))
    case, _ = apply(case, ClockReached(at=START + 60 * DAY))
    case, commands = apply(case, Lapsed(at=case.at, task=task("A", "d")))
    assert [type(command) for command in commands] == [Ignore]
    case, _ = apply(case, Lapsed(at=case.at, task=task("A", "u")))
    assert case.tasks["A/d"].state is TaskState.OPEN
    assert "A" not in case.items
