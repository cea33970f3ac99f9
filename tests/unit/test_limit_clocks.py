"""The limits beside those of the tasks: joint case, first review, delivery, the notice."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import (
    Approver,
    Authority,
    DateChange,
    LimitKind,
    Outcome,
    PauseKind,
    Signal,
)
from services.domain.approval import apply, begin, next_instant
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    Case,
    ClockReached,
    Decided,
    Ignore,
    LiftSignal,
    Paused,
    RaiseSignal,
    Rectified,
    Release,
    Reprojected,
    Withdrawn,
)
from services.domain.limit_clocks import SIGNALS
from services.domain.limit_events import EndLimit, JointExtended, MoveNotice, SentUp, SetLimit
from services.domain.limits import Ledger, explain
from services.domain.route import (
    JointLimit,
    Route,
    RouteLimit,
    RouteLimits,
    RoutePart,
    RouteStep,
)
from tests.unit.lives_shell import travelled
from tests.unit.routes import CALENDAR, NUMBER, START, consult, days, decide, route, step, task
from tests.unit.test_acceptance import Life

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TUESDAY = START + DAY
JOINT = JointLimit(budget=days(45), article="行政许可法 42(2)", extension=days(15))
REVIEW = RouteLimit(budget=days(20), article="行政许可法 43")
DELIVERY = RouteLimit(budget=days(10), article="行政许可法 44")
A, B = task("A", "d"), task("B", "e")


def limited(*steps: RouteStep, **changes: Any) -> Route:
    licences = tuple(part.item for step_ in steps for part in step_.parts)
    given_: dict[str, Any] = {"joint": JOINT, "delivery": DELIVERY, "licences": licences}
    return replace(route(*steps), limits=RouteLimits(**(given_ | changes)))


def above(part: RoutePart) -> RoutePart:
    return replace(part, authority=Authority.HIGHER_LEVEL)


def accepted(of: Route) -> tuple[Case, tuple[AnyCommand, ...]]:
    return apply(begin(of, CALENDAR, START), Accepted(at=START))


def of(commands: Sequence[AnyCommand], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


def granted(name: str, at: datetime) -> Decided:
    return Decided(at=at, task=name, outcome=Outcome.GRANTED, ref="g")


def extended(at: datetime, **changes: Any) -> JointExtended:
    given_: dict[str, Any] = {
        "budget": days(15),
        "approver": Approver.GOVERNMENT_HEAD,
        "article": "行政许可法 42(2)",
        "ref": "x",
    }
    return JointExtended(at=at, **(given_ | changes))


def paused(name: str, at: datetime, until: date) -> Paused:
    return Paused(
        at=at,
        ref="p",
        task=name,
        pause=1,
        kind=PauseKind.HEARING,
        until=until,
        cap=None,
        notice="甲〔2026〕1号",
        article="行政许可法 45",
    )


def run(case: Case, *events: AnyEvent) -> tuple[Case, list[AnyCommand]]:
    commands: list[AnyCommand] = []
    for event in events:
        case, found = apply(case, event)
        commands += found
    return case, commands


def until_spoken(case: Case) -> tuple[Case, list[RaiseSignal]]:
    """Let the clock run until it has nothing more to say."""
    said: list[RaiseSignal] = []
    while (ahead := next_instant(case)) is not None:
        case, commands = apply(case, ClockReached(at=ahead))
        said += of(commands, RaiseSignal)
    return case, said


TWO = step(decide("A", "d"), decide("B", "e"), code="J")


# The joint case


def test_the_joint_case_has_its_own_limit_from_the_acceptance() -> None:
    case, commands = accepted(limited(TWO))
    [found] = of(commands, SetLimit)
    assert (found.kind, found.start, found.task) == (LimitKind.JOINT, date(2026, 1, 5), None)
    # 45 working days after 5 January 2026: the 10th is a make-up day, 16 February is off
    assert found.due_on == date(2026, 3, 9)
    assert (found.before, found.why) == (None, None)
    lines = explain(found.budget, found.start, CALENDAR, found.ledger)
    assert lines[-1].day == found.due_on
    assert case.limits["joint"].due_at == CALENDAR.close_of(found.due_on)


def test_a_route_without_limits_says_nothing_of_them() -> None:
    case, commands = accepted(route(TWO))
    assert of(commands, SetLimit) == []
    assert case.limits == {}


def test_the_joint_limit_that_is_passed_is_a_fact() -> None:
    case, _ = accepted(limited(TWO))
    case, said = until_spoken(case)
    [passed] = [one for one in said if one.signal is Signal.JOINT_LIMIT_PASSED]
    assert passed.task is None
    assert passed.at == CALENDAR.close_of(date(2026, 3, 9)) + timedelta(seconds=1)
    after, commands = run(case, granted(A, passed.at + DAY), granted(B, passed.at + DAY))
    [ended] = [one for one in of(commands, EndLimit) if one.kind is LimitKind.JOINT]
    assert ended.in_time is False
    assert after.limits == {}


def test_a_joint_case_that_ends_in_time_says_so() -> None:
    case, _ = accepted(limited(TWO))
    case, commands = run(case, granted(A, TUESDAY), granted(B, TUESDAY))
    assert [(one.kind, one.in_time) for one in of(commands, EndLimit)] == [
        (LimitKind.DELIVERY, True),
        (LimitKind.JOINT, True),
    ]
    assert of(commands, RaiseSignal) == []
    assert case.conclusion is not None


def test_a_message_that_comes_after_the_limit_makes_the_fact_all_the_same() -> None:
    """The timer had not spoken yet: the end of the case itself is over the limit."""
    case, _ = accepted(limited(TWO))
    late = CALENDAR.close_of(date(2026, 3, 9)) + HOUR
    _, commands = run(case, granted(A, late), granted(B, late))
    said = [one.signal for one in of(commands, RaiseSignal)]
    assert said.count(Signal.JOINT_LIMIT_PASSED) == 1


def test_pauses_of_any_part_move_the_joint_limit_and_are_told() -> None:
    case, _ = accepted(limited(TWO))
    case, commands = apply(case, paused(A, TUESDAY, date(2026, 1, 12)))
    [moved] = of(commands, SetLimit)
    # 6 to 12 January hold six working days
    assert moved.due_on == date(2026, 3, 17)
    assert (moved.before, moved.why, moved.ref) == (
        CALENDAR.close_of(date(2026, 3, 9)),
        DateChange.PAUSED,
        "p",
    )
    _, commands = apply(case, granted(A, TUESDAY + DAY))
    [again] = [one for one in of(commands, SetLimit) if one.kind is LimitKind.JOINT]
    assert (again.due_on, again.why) == (date(2026, 3, 11), DateChange.PAUSE_ENDED)


def test_the_head_of_the_government_extends_it_once() -> None:
    case, _ = accepted(limited(TWO))
    case, commands = apply(case, extended(TUESDAY))
    [moved] = of(commands, SetLimit)
    assert (moved.due_on, moved.why, moved.ref) == (date(2026, 3, 30), DateChange.EXTENDED, "x")
    assert moved.ledger.extensions[0].approver == "government_head"
    promised = case.promised_at
    again, commands = apply(case, extended(TUESDAY + DAY))
    assert [type(one) for one in commands] == [Ignore]
    assert again.extensions == case.extensions
    assert again.promised_at == promised


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": days(16)},
        {"budget": replace(days(15), unit="calendar_day")},
        {"approver": Approver.DEPARTMENT_HEAD},
        {"at": CALENDAR.close_of(date(2026, 3, 9)) + HOUR},
    ],
    ids=["too long", "another unit", "another approver", "over"],
)
def test_what_the_law_does_not_allow_extends_nothing(changes: dict[str, Any]) -> None:
    case, _ = accepted(limited(TWO))
    after, commands = apply(case, extended(**({"at": TUESDAY} | changes)))
    assert Ignore in [type(one) for one in commands]
    assert after.extensions == ()
    assert after.limits["joint"].due_on == date(2026, 3, 9)


@pytest.mark.parametrize("with_limits", [True, False])
def test_what_is_no_joint_case_is_not_extended(with_limits: bool) -> None:
    alone = step(decide("A", "d"))
    plan = limited(alone, joint=None) if with_limits else route(alone)
    case, _ = accepted(plan)
    after, commands = apply(case, extended(TUESDAY))
    assert [type(one) for one in commands] == [Ignore]
    assert after.extensions == ()


def test_an_extension_that_was_given_in_time_lifts_what_was_told_meanwhile() -> None:
    case, _ = accepted(limited(TWO))
    in_time = CALENDAR.close_of(date(2026, 3, 9)) - HOUR
    case, said = run(case, ClockReached(at=in_time + 2 * HOUR))
    assert Signal.JOINT_LIMIT_PASSED in [one.signal for one in of(said, RaiseSignal)]
    case, commands = apply(case, extended(in_time))
    assert [one.signal for one in of(commands, LiftSignal)] == [Signal.JOINT_LIMIT_PASSED]
    assert case.limits["joint"].passed is False


def test_the_joint_limit_stands_while_the_investor_puts_things_right() -> None:
    joint = step(decide("A", "d"), decide("B", "e"), code="J", rounds=1, rectify=60)
    case, _ = accepted(limited(joint))
    refused = Decided(at=TUESDAY, task=A, outcome=Outcome.REFUSED, ref="r")
    case, _ = run(case, refused, granted(B, TUESDAY))
    assert next_instant(case) == case.steps["J"].rectify_until
    long_after = CALENDAR.close_of(date(2026, 3, 12))
    case, commands = apply(case, ClockReached(at=long_after))
    assert of(commands, RaiseSignal) == []
    # asked in time, so the limit is not over, and it may still be extended
    case, commands = apply(case, extended(long_after))
    assert of(commands, Ignore) == []
    case, commands = apply(case, Rectified(at=long_after + DAY, step="J", round=1))
    [moved] = [one for one in of(commands, SetLimit) if one.kind is LimitKind.JOINT]
    assert moved.why in {DateChange.RECTIFIED}
    assert moved.due_on > date(2026, 5, 1)
    assert of(commands, RaiseSignal) == []


def test_a_calendar_notice_moves_the_joint_limit() -> None:
    case, _ = accepted(limited(TWO))
    [year] = CALENDAR.years
    newer = replace(
        CALENDAR, version="newer", years=(replace(year, off=year.off | {date(2026, 3, 2): "off"}),)
    )
    _, commands = apply(case, Reprojected(at=TUESDAY, ref="c", calendar=newer))
    [moved] = of(commands, SetLimit)
    assert (moved.due_on, moved.why, moved.calendar) == (
        date(2026, 3, 10),
        DateChange.CALENDAR,
        "newer",
    )


def test_a_withdrawal_ends_every_limit() -> None:
    case, _ = accepted(limited(TWO))
    case, _ = apply(case, granted(A, TUESDAY))
    case, commands = apply(case, Withdrawn(at=TUESDAY + DAY))
    assert {one.kind for one in of(commands, EndLimit)} == {LimitKind.JOINT, LimitKind.DELIVERY}
    assert case.limits == {}


# Delivery


def test_a_licence_that_waits_for_its_step_is_to_be_delivered_within_ten_days() -> None:
    case, _ = accepted(limited(TWO))
    case, commands = apply(case, granted(A, TUESDAY))
    [found] = of(commands, SetLimit)
    assert (found.kind, found.task, found.start) == (LimitKind.DELIVERY, A, date(2026, 1, 6))
    assert found.due_on == date(2026, 1, 19)
    case, commands = apply(case, granted(B, TUESDAY + DAY))
    [release] = of(commands, Release)
    assert [one.deliver_by for one in release.results] == [date(2026, 1, 19), date(2026, 1, 20)]
    delivery = [one for one in of(commands, EndLimit) if one.kind is LimitKind.DELIVERY]
    assert [(one.task, one.in_time) for one in delivery] == [(A, True)]


def test_a_licence_that_is_delivered_late_is_a_fact_about_its_task() -> None:
    case, _ = accepted(limited(TWO, joint=None))
    case, _ = apply(case, granted(A, TUESDAY))
    over = CALENDAR.close_of(date(2026, 1, 19)) + timedelta(seconds=1)
    case, said = until_spoken(case)
    overdue = [one for one in said if one.signal is Signal.DELIVERY_OVERDUE]
    assert [(one.task, one.at) for one in overdue] == [(A, over)]
    _, commands = apply(case, granted(B, over - DAY))
    [ended] = [one for one in of(commands, EndLimit) if one.task == A]
    # the act of the other department was in time; the investor has the licence too late
    assert ended.in_time is False
    lifted = [(one.task, one.signal) for one in of(commands, LiftSignal)]
    assert (A, Signal.DELIVERY_OVERDUE) in lifted, "which is no delay of its department"
    _, late = apply(case, granted(B, over + DAY))
    assert Signal.DELIVERY_OVERDUE not in [one.signal for one in of(late, LiftSignal)]
    by_earlier, _ = accepted(replace(limited(TWO, joint=None), edition=2))
    case, _ = until_spoken(apply(by_earlier, granted(A, TUESDAY))[0])
    _, commands = apply(case, granted(B, over - DAY))
    assert Signal.DELIVERY_OVERDUE not in [one.signal for one in of(commands, LiftSignal)]


def test_what_was_told_after_a_withdrawal_is_taken_back() -> None:
    case, _ = accepted(limited(TWO))
    case, _ = run(case, granted(A, TUESDAY), ClockReached(at=CALENDAR.close_of(date(2026, 5, 6))))
    raised = {(one.task, one.signal) for one in _raised(case)}
    assert {signal for _, signal in raised} >= {Signal.DELIVERY_OVERDUE, Signal.JOINT_LIMIT_PASSED}
    _, commands = apply(case, Withdrawn(at=TUESDAY + DAY))
    assert {(one.task, one.signal) for one in of(commands, LiftSignal)} >= raised
    assert {one.in_time for one in of(commands, EndLimit)} == {True}


def _raised(case: Case) -> list[Any]:
    """The signals that stand, of tasks and of limits."""
    _, commands = apply(case, ClockReached(at=case.at))
    assert of(commands, RaiseSignal) == []
    found = [
        RaiseSignal(at=case.at, signal=signal, task=f"{NUMBER}/{key}/1")
        for key, one in case.tasks.items()
        if one.outcome is None
        for signal in one.signals
    ]
    spoken = [one for one in case.limits.values() if one.passed]
    return found + [
        RaiseSignal(at=case.at, signal=SIGNALS[one.kind], task=one.task) for one in spoken
    ]


def test_nothing_is_to_be_delivered_of_what_is_no_licence_or_not_decided() -> None:
    case, commands = accepted(limited(TWO, joint=None, licences=("B",)))
    case, commands = apply(case, granted(A, TUESDAY))
    assert of(commands, SetLimit) == []
    objected = step(decide("A", "d"), consult("A", "u"), decide("B", "e"), code="J")
    case, _ = accepted(limited(objected, joint=None))
    case, commands = apply(case, granted(A, TUESDAY))
    assert of(commands, SetLimit) == []
    spoken = Decided(at=TUESDAY, task=task("A", "u"), outcome=Outcome.NO_OBJECTION, ref="n")
    _, commands = apply(case, spoken)
    assert [one.kind for one in of(commands, SetLimit)] == [LimitKind.DELIVERY]
    case, _ = accepted(limited(TWO, joint=None, delivery=None))
    _, commands = run(case, granted(A, TUESDAY), granted(B, TUESDAY))
    assert [one.deliver_by for one in of(commands, Release)[0].results] == [None, None]


def test_a_step_that_is_over_delivers_nothing_more() -> None:
    case, _ = accepted(limited(step(decide("A", "d")), step(decide("B", "e"))))
    case, commands = apply(case, granted(A, TUESDAY))
    assert of(commands, SetLimit) == []
    assert set(case.limits) == {"joint"}


def test_a_refusal_is_no_licence() -> None:
    case, _ = accepted(limited(TWO))
    refused = Decided(at=TUESDAY, task=A, outcome=Outcome.REFUSED, ref="r")
    _, commands = run(case, refused, granted(B, TUESDAY))
    found = {one.item: one.deliver_by for one in of(commands, Release)[0].results}
    assert found == {"A": None, "B": date(2026, 1, 19)}


def test_the_delivery_stands_while_the_investor_puts_things_right() -> None:
    joint = step(decide("A", "d"), decide("B", "e"), code="J", rounds=1, rectify=40)
    case, _ = accepted(limited(joint, joint=None))
    refused = Decided(at=TUESDAY, task=B, outcome=Outcome.REFUSED, ref="r")
    case, _ = run(case, granted(A, TUESDAY), refused)
    case, commands = apply(case, ClockReached(at=CALENDAR.close_of(date(2026, 1, 30))))
    assert Signal.DELIVERY_OVERDUE not in [one.signal for one in of(commands, RaiseSignal)]
    answered = Rectified(at=CALENDAR.close_of(date(2026, 2, 2)), step="J", round=1)
    case, commands = apply(case, answered)
    [moved] = [one for one in of(commands, SetLimit) if one.kind is LimitKind.DELIVERY]
    assert moved.due_on == date(2026, 2, 17)


# First review


def reviewed(**changes: Any) -> Case:
    of_ = limited(step(above(decide("A", "d"))), joint=None, review=REVIEW, **changes)
    case, commands = accepted(of_)
    [found] = of(commands, SetLimit)
    assert (found.kind, found.task) == (LimitKind.FIRST_REVIEW, A)
    assert found.due_on == date(2026, 1, 30)
    return case


def test_the_first_review_ends_when_the_task_goes_up() -> None:
    case = reviewed()
    case, commands = apply(case, SentUp(at=TUESDAY, ref="u", task=A))
    assert [(one.kind, one.in_time) for one in of(commands, EndLimit)] == [
        (LimitKind.FIRST_REVIEW, True)
    ]
    _, commands = apply(case, SentUp(at=TUESDAY, ref="u", task=A))
    assert [type(one) for one in commands] == [Ignore]
    _, said = until_spoken(case)
    assert Signal.FIRST_REVIEW_OVERDUE not in [one.signal for one in said]


def test_a_first_review_that_is_late_is_a_fact() -> None:
    case = reviewed()
    case, said = until_spoken(case)
    [overdue] = [one for one in said if one.signal is Signal.FIRST_REVIEW_OVERDUE]
    assert (overdue.task, overdue.at) == (
        A,
        CALENDAR.close_of(date(2026, 1, 30)) + timedelta(seconds=1),
    )


def test_what_was_sent_up_in_time_lifts_what_was_told_before_the_message_came() -> None:
    case = reviewed()
    case, _ = until_spoken(case)
    case, commands = apply(case, SentUp(at=TUESDAY, ref="u", task=A))
    assert Signal.FIRST_REVIEW_OVERDUE in [one.signal for one in of(commands, LiftSignal)]
    assert [one.in_time for one in of(commands, EndLimit)] == [True]


def test_a_decision_ends_the_first_review_too() -> None:
    _, commands = apply(reviewed(), granted(A, TUESDAY))
    assert [one.kind for one in of(commands, EndLimit)] == [LimitKind.FIRST_REVIEW]


def test_a_pause_stops_the_first_review_and_an_extension_does_not() -> None:
    case = reviewed()
    _, commands = apply(case, paused(A, TUESDAY, date(2026, 1, 12)))
    [moved] = of(commands, SetLimit)
    assert (moved.due_on, moved.why) == (date(2026, 2, 9), DateChange.PAUSED)
    assert moved.ledger == Ledger(pauses=moved.ledger.pauses)


@pytest.mark.parametrize("name", [A, task("C", "d")])
def test_what_no_higher_authority_decides_has_no_first_review(name: str) -> None:
    case, commands = accepted(limited(step(decide("A", "d")), joint=None, review=REVIEW))
    assert of(commands, SetLimit) == []
    _, commands = apply(case, SentUp(at=TUESDAY, ref="u", task=name))
    assert [type(one) for one in commands] == [Ignore]


# The notice of what is missing


def test_a_calendar_notice_moves_the_limit_of_the_notice_and_says_so() -> None:
    life = Life()
    before = life.case.examination
    assert before is not None
    [year] = CALENDAR.years
    off = date(2026, 1, 7)
    newer = replace(
        CALENDAR, version="newer", years=(replace(year, off=year.off | {off: "typhoon"}),)
    )
    after, commands = apply(life.case, Reprojected(at=START + HOUR, ref="c", calendar=newer))
    assert after.examination is not None
    [moved] = of(commands, MoveNotice)
    assert (moved.before, moved.until) == (before.notice_until, after.examination.notice_until)
    assert moved.until > moved.before
    assert (moved.answer_by, moved.why, moved.ref) == (
        after.examination.answer_by,
        DateChange.CALENDAR,
        "c",
    )
    same = replace(CALENDAR, version="same")
    _, commands = apply(life.case, Reprojected(at=START + HOUR, ref="c", calendar=same))
    assert of(commands, MoveNotice) == []


# Whatever happens


@settings(deadline=None)
@given(
    minutes=st.lists(st.integers(1, 40_000), min_size=1, max_size=12),
    picks=st.lists(st.integers(0, 4), min_size=12, max_size=12),
)
def test_every_limit_ends_on_the_day_its_explanation_ends(
    minutes: list[int], picks: list[int]
) -> None:
    """What stands of each limit explains itself, and speaks when it is over and never before."""
    joint = step(above(decide("A", "d")), decide("B", "e"), code="J", rounds=1)
    case, commands = accepted(limited(joint, review=REVIEW))
    at, known = START, {}
    found: Sequence[AnyCommand] = commands
    for minute, pick in zip(minutes, picks, strict=False):
        for one in found:
            if isinstance(one, SetLimit):
                known[one.kind, one.task] = one
                lines = explain(one.budget, one.start, CALENDAR, one.ledger)
                assert lines[-1].day == one.due_on
            if isinstance(one, EndLimit):
                limit = known.pop((one.kind, one.task))
                assert one.in_time == (one.at <= limit.due_at + timedelta(microseconds=999_999))
        assert {(s.kind, s.task): s.due_at for s in case.limits.values()} == {
            key: one.due_at for key, one in known.items()
        }
        at += timedelta(minutes=minute)
        events: list[AnyEvent] = [
            granted(A, at),
            Decided(at=at, task=B, outcome=Outcome.REFUSED, ref="r"),
            paused(A, at, (at + 9 * DAY).date()),
            ClockReached(at=at),
            extended(at),
        ]
        case, found = apply(case, events[pick])


def test_a_licence_whose_decision_is_heard_of_too_late_is_a_fact_too() -> None:
    """Decided in time, told by a message that came after the ten days: released only then."""
    case, _ = accepted(limited(step(decide("A", "d", promised=30)), joint=None))
    case, _ = apply(case, ClockReached(at=CALENDAR.close_of(date(2026, 1, 22))))
    case, commands = apply(case, granted(A, TUESDAY))
    [limit] = of(commands, SetLimit)
    assert (limit.task, limit.due_on) == (A, date(2026, 1, 19))
    assert [(one.task, one.in_time) for one in of(commands, EndLimit)] == [(A, False)]
    assert of(commands, RaiseSignal) == [], "it is no delay of its department"
    assert of(commands, Release)[0].results[0].deliver_by == date(2026, 1, 19)
    before, _ = accepted(
        replace(limited(step(decide("A", "d", promised=30)), joint=None), edition=2)
    )
    before, _ = apply(before, ClockReached(at=CALENDAR.close_of(date(2026, 1, 22))))
    _, commands = apply(before, granted(A, TUESDAY))
    assert [one.signal for one in of(commands, RaiseSignal)] == [Signal.DELIVERY_OVERDUE]


def test_the_pauses_are_told_in_the_routes_order_whatever_the_state_has_gone_through() -> None:
    first, second = decide("B", "e", promised=9), decide("A", "d", promised=9)
    begun, _ = accepted(limited(step(first), step(second)))
    stopped, _ = apply(begun, paused(B, TUESDAY, date(2026, 1, 9)))
    again = paused(A, TUESDAY + HOUR, date(2026, 1, 12))
    _, told = apply(stopped, again)
    after, told_after = apply(travelled(stopped, Case), again)
    assert told_after == told, "a rebuild compares what is told with what was told"
    [limit] = [one for one in of(told, SetLimit) if one.kind is LimitKind.JOINT]
    assert [one.from_on for one in limit.ledger.pauses] == [date(2026, 1, 6)] * 2
    assert [one.until_on for one in limit.ledger.pauses] == [date(2026, 1, 9), date(2026, 1, 12)]
    assert after.limits == apply(stopped, again)[0].limits
