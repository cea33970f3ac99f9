"""The functional core by example: what may happen to an application, and what follows."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Signal,
    StepState,
    TaskState,
)
from services.domain.approval import apply, begin, next_instant
from services.domain.case import (
    Accepted,
    AnyEvent,
    AskLapse,
    AskRectification,
    Case,
    ChangeStatus,
    ClockReached,
    Conclude,
    Decided,
    EndTask,
    Held,
    Ignore,
    IssueTask,
    Lapsed,
    LiftSignal,
    RaiseSignal,
    Rectified,
    Release,
    Resumed,
    Withdrawn,
)
from services.domain.rectifying import AskRectificationLapse, RectificationLapsed
from services.domain.route import Route
from services.domain.turn import status_of
from tests.unit.routes import CALENDAR, START, consult, decide, route, step, task

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Life:
    """One application driven by hand; remembers every command."""

    def __init__(self, of: Route) -> None:
        self.case: Case = begin(of, CALENDAR, START)
        self.commands: list[Any] = []
        self.do(Accepted(at=START))

    def do(self, event: AnyEvent) -> list[Any]:
        self.case, commands = apply(self.case, event)
        self.commands += commands
        return list(commands)

    def decide(
        self, name: str, outcome: Outcome = Outcome.GRANTED, after: timedelta = HOUR
    ) -> list[Any]:
        return self.do(Decided(at=START + after, task=name, outcome=outcome, ref=f"ref {name}"))

    def tick(self) -> list[Any]:
        ahead = next_instant(self.case)
        assert ahead is not None
        return self.do(ClockReached(at=ahead))

    def of(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    def issued(self) -> list[str]:
        return [command.task for command in self.of(IssueTask)]


def test_what_needs_nothing_starts_at_once_and_the_rest_waits() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y")), step(decide("C", "x", "A"))))
    assert life.issued() == [task("A", "x"), task("B", "y")]
    life.decide(task("A", "x"))
    assert life.issued()[2:] == [task("C", "x")]


def test_all_granted_concludes_granted_and_in_time() -> None:
    life = Life(route(step(decide("A", "x"))))
    life.decide(task("A", "x"), after=DAY)
    (end,) = life.of(Conclude)
    assert (end.conclusion, end.used_working_days, end.in_time) == (Conclusion.GRANTED, 1, True)
    assert status_of(life.case) is ApplicationStatus.CONCLUDED
    assert next_instant(life.case) is None


def test_a_refusal_stops_exactly_its_dependants() -> None:
    life = Life(
        route(
            step(decide("A", "x")),
            step(decide("B", "y")),
            step(decide("C", "x", "A")),
            step(decide("D", "y", "C")),
            step(decide("E", "y", "B")),
        )
    )
    life.decide(task("A", "x"), Outcome.REFUSED)
    life.decide(task("B", "y"))
    life.decide(task("E", "y"))
    assert life.issued() == [task("A", "x"), task("B", "y"), task("E", "y")]
    assert life.case.items == {
        "A": Outcome.REFUSED,
        "B": Outcome.GRANTED,
        "C": None,
        "D": None,
        "E": Outcome.GRANTED,
    }
    assert life.of(Conclude)[0].conclusion is Conclusion.PARTLY_GRANTED


def test_only_refusals_conclude_refused() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y", "A"))))
    life.decide(task("A", "x"), Outcome.REFUSED)
    assert life.of(Conclude)[0].conclusion is Conclusion.REFUSED


def test_nothing_leaves_a_merged_step_before_all_have_signed() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), consult("A", "z"), code="joint")))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"))
    assert life.of(Release) == []
    life.decide(task("A", "z"), Outcome.NO_OBJECTION)
    (release,) = life.of(Release)
    assert [(r.item, r.outcome) for r in release.results] == [
        ("A", Outcome.GRANTED),
        ("B", Outcome.GRANTED),
    ]


def test_results_come_in_the_order_of_the_law() -> None:
    joint = step(decide("A", "x"), decide("B", "y"), code="joint")
    ordered = type(joint)(code="joint", parts=joint.parts, group="joint", issue_order=("B", "A"))
    life = Life(route(ordered))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"))
    assert [result.item for result in life.of(Release)[0].results] == ["B", "A"]


def test_an_item_of_two_departments_needs_both() -> None:
    life = Life(route(step(decide("A", "x"), decide("A", "y"))))
    life.decide(task("A", "x"))
    life.decide(task("A", "y"), Outcome.REFUSED)
    (result,) = life.of(Release)[0].results
    assert result.outcome is Outcome.REFUSED
    assert result.refs == (f"ref {task('A', 'y')}",)


def test_one_objection_sends_back_only_what_it_must() -> None:
    life = Life(
        route(step(decide("A", "x"), decide("B", "y"), consult("A", "z"), code="j", rounds=1))
    )
    life.decide(task("A", "x"))
    life.decide(task("A", "z"), Outcome.NO_OBJECTION)
    life.decide(task("B", "y"), Outcome.REFUSED)
    (asked,) = life.of(AskRectification)
    assert (asked.items, asked.refs, asked.round) == (("B",), (f"ref {task('B', 'y')}",), 1)
    assert status_of(life.case) is ApplicationStatus.RECTIFYING
    life.do(Rectified(at=START + DAY, step="j", round=1))
    assert life.issued()[3:] == [task("B", "y", 2)]
    life.decide(task("B", "y", 2), after=DAY + HOUR)
    assert life.of(Conclude)[0].conclusion is Conclusion.GRANTED


def test_time_for_rectification_moves_the_promise_and_is_not_counted() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), code="j", rounds=1)))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"), Outcome.REFUSED, after=DAY)
    life.do(Rectified(at=START + 2 * DAY, step="j", round=1))
    dates = life.case.tasks["B/y"].dates
    assert dates is not None
    # 5 January + 3 working days, of which the 6th (notice) and the 7th (answer) are not counted.
    # The 10th is a make-up working day.
    assert dates.promised_on == date(2026, 1, 10)
    first = CALENDAR.local_date(route(step(decide("A", "x"))).promised_at)
    moved = CALENDAR.working_days_between(first, CALENDAR.local_date(life.case.promised_at))
    assert moved == 2
    life.decide(task("B", "y", 2), after=3 * DAY)
    assert life.of(Conclude)[0].used_working_days == 1


def test_a_unit_has_a_day_to_look_again_when_nothing_of_its_limit_was_left() -> None:
    joint = step(decide("A", "x", promised=1), decide("B", "y", promised=1), code="j", rounds=1)
    life = Life(route(joint))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"), Outcome.REFUSED, after=DAY)
    life.do(Rectified(at=START + DAY + HOUR, step="j", round=1))
    dates = life.case.tasks["B/y"].dates
    assert dates is not None
    assert dates.promised_on == date(2026, 1, 7)


def test_steps_put_right_at_the_same_time_move_the_promise_once() -> None:
    def joint(code: str) -> Any:
        return step(decide(f"{code}1", "x"), decide(f"{code}2", "y"), code=code, rounds=1)

    life = Life(route(joint("J"), joint("K")))
    before = CALENDAR.local_date(life.case.promised_at)
    for code in "JK":
        life.decide(task(f"{code}1", "x"), after=DAY)
        life.decide(task(f"{code}2", "y"), Outcome.REFUSED, after=DAY)
    life.do(Rectified(at=START + 2 * DAY, step="J", round=1))
    life.do(Rectified(at=START + 2 * DAY, step="K", round=1))
    after = CALENDAR.local_date(life.case.promised_at)
    assert CALENDAR.working_days_between(before, after) == 2


def test_what_is_not_put_right_in_time_is_refused() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), code="j", rounds=1, rectify=2)))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"), Outcome.REFUSED)
    assert next_instant(life.case) == CALENDAR.close_of(date(2026, 1, 7))
    life.tick()
    [asked] = life.of(AskRectificationLapse)
    assert life.case.items == {}
    life.do(RectificationLapsed(at=asked.at, step="j", round=1))
    assert life.case.items == {"A": Outcome.GRANTED, "B": Outcome.REFUSED}


def test_rounds_of_rectification_are_bounded() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), code="j", rounds=1)))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"), Outcome.REFUSED)
    life.do(Rectified(at=START + DAY, step="j", round=1))
    life.decide(task("B", "y", 2), Outcome.REFUSED, after=DAY + HOUR)
    assert life.case.items["B"] is Outcome.REFUSED
    assert len(life.of(AskRectification)) == 1


def test_a_sustained_objection_refuses_the_item_it_is_about() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), consult("A", "z"), code="j")))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"))
    life.decide(task("A", "z"), Outcome.OBJECTION)
    assert life.case.items == {"A": Outcome.REFUSED, "B": Outcome.GRANTED}


def test_a_member_whose_prerequisite_failed_leaves_the_others_alone() -> None:
    life = Life(
        route(
            step(decide("A", "x")),
            step(decide("B", "y", "A"), decide("C", "z"), consult("B", "w"), code="j"),
        )
    )
    life.decide(task("A", "x"), Outcome.REFUSED)
    assert life.issued()[1:] == [task("C", "z")]
    life.decide(task("C", "z"))
    assert life.case.items == {"A": Outcome.REFUSED, "B": None, "C": Outcome.GRANTED}


def test_deadlines_speak_once_each_in_order() -> None:
    life = Life(route(step(decide("A", "x", promised=2)), promised_days=2))
    said = []
    while next_instant(life.case) is not None and len(said) < 10:
        said += [(c.signal, c.task) for c in life.tick() if isinstance(c, RaiseSignal)]
    name = task("A", "x")
    assert said == [
        (Signal.WARNING, name),
        (Signal.PROMISE_PASSED, name),
        (Signal.PROMISE_PASSED, None),
        (Signal.STATUTE_PASSED, name),
    ]
    assert life.case.tasks["A/x"].state is TaskState.OPEN


def test_a_decision_at_the_close_of_the_last_day_is_in_time() -> None:
    life = Life(route(step(decide("A", "x", promised=1)), promised_days=1))
    close = CALENDAR.close_of(date(2026, 1, 6))
    life.do(Decided(at=close, task=task("A", "x"), outcome=Outcome.GRANTED))
    assert life.of(RaiseSignal) == []
    assert life.of(Conclude)[0].in_time


def test_a_late_decision_raises_what_no_timer_had_raised() -> None:
    life = Life(route(step(decide("A", "x", promised=1))))
    life.decide(task("A", "x"), after=3 * DAY)
    assert [c.signal for c in life.of(RaiseSignal)] == [Signal.PROMISE_PASSED]


def test_a_message_that_was_late_lifts_the_signal_that_spoke_too_early() -> None:
    life = Life(route(step(decide("A", "x", promised=1)), step(decide("B", "y"))))
    life.tick()
    life.tick()
    assert [c.signal for c in life.of(RaiseSignal)] == [Signal.WARNING, Signal.PROMISE_PASSED]
    life.decide(task("A", "x"), after=HOUR)
    assert [(c.signal, c.task) for c in life.of(LiftSignal)] == [
        (Signal.WARNING, task("A", "x")),
        (Signal.PROMISE_PASSED, task("A", "x")),
    ]


def test_silence_of_a_consulted_unit_is_asked_for_and_counts_as_no_objection() -> None:
    life = Life(route(step(decide("A", "x"), consult("A", "z"), code="j")))
    life.decide(task("A", "x"))
    life.do(Lapsed(at=START + HOUR, task=task("A", "z")))
    assert "its time is not over" in life.of(Ignore)[0].why
    while not life.of(AskLapse):
        life.tick()
    life.do(Lapsed(at=life.case.at, task=task("A", "z")))
    assert life.of(EndTask)[-1].outcome is Outcome.DEEMED_NO_OBJECTION
    assert life.case.items == {"A": Outcome.GRANTED}


def test_an_opinion_is_due_a_day_before_the_step_so_that_silence_cannot_break_the_promise() -> None:
    life = Life(route(step(decide("A", "x"), consult("A", "z"), code="j")))
    dates = {key: status.dates for key, status in life.case.tasks.items()}
    assert dates["A/x"] is not None
    assert dates["A/z"] is not None
    assert dates["A/x"].promised_on == date(2026, 1, 8)
    assert dates["A/z"].promised_on == date(2026, 1, 7)


def test_a_merged_step_is_promised_by_its_earliest_member() -> None:
    life = Life(route(step(decide("A", "x", promised=5), decide("B", "y", promised=2), code="j")))
    assert {c.dates.promised_on for c in life.of(IssueTask)} == {date(2026, 1, 7)}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Accepted(at=START), "accepted already"),
        (Decided(at=START, task=task("A", "x"), outcome=Outcome.NO_OBJECTION), "no outcome"),
        (Decided(at=START, task=task("Z", "z"), outcome=Outcome.GRANTED), "no such task"),
        (Decided(at=START, task=task("A", "x", 2), outcome=Outcome.GRANTED), "no such task"),
        (Lapsed(at=START, task=task("Z", "z")), "no such task"),
        (Rectified(at=START, step="A", round=1), "nothing"),
        (Rectified(at=START, step="Z", round=1), "nothing"),
        (Resumed(at=START), "not held"),
    ],
)
def test_what_cannot_be_is_noted_and_changes_nothing(event: AnyEvent, why: str) -> None:
    life = Life(route(step(decide("A", "x"))))
    before = life.case
    (ignored,) = life.do(event)
    assert why in ignored.why
    assert life.case == before


def test_a_duplicate_decision_changes_nothing() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y"))))
    life.decide(task("A", "x"))
    (ignored,) = life.decide(task("A", "x"), Outcome.REFUSED)
    assert ignored.why == "the task is decided"
    assert life.case.items["A"] is Outcome.GRANTED


def test_the_wrong_round_of_a_rectification_is_noted() -> None:
    life = Life(route(step(decide("A", "x"), decide("B", "y"), code="j", rounds=1)))
    life.decide(task("A", "x"), Outcome.REFUSED)
    life.decide(task("B", "y"))
    (ignored,) = life.do(Rectified(at=START + DAY, step="j", round=2))
    assert "round 1" in ignored.why


def test_nothing_happens_before_acceptance() -> None:
    case = begin(route(step(decide("A", "x"))), CALENDAR, START)
    assert status_of(case) is ApplicationStatus.RECEIVED
    assert next_instant(case) is None
    after, (ignored,) = apply(case, Withdrawn(at=START))
    assert isinstance(ignored, Ignore)
    assert after == case


def test_withdrawal_cancels_everything_open_and_ends_the_case() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y", "A"))))
    commands = life.do(Withdrawn(at=START + HOUR))
    ended = [(c.task, c.issued) for c in commands if isinstance(c, EndTask)]
    assert ended == [(task("A", "x"), True), (task("B", "y"), False)]
    assert status_of(life.case) is ApplicationStatus.WITHDRAWN
    (ignored,) = life.decide(task("A", "x"), after=2 * HOUR)
    assert ignored.why == "the application is concluded"


def test_withdrawal_leaves_what_was_decided_before_it() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "x"), decide("C", "y"), code="j")))
    life.decide(task("A", "x"))
    life.decide(task("B", "x"))
    commands = life.do(Withdrawn(at=START + DAY))
    assert [c.task for c in commands if isinstance(c, EndTask)] == [task("C", "y")]
    assert life.case.items["A"] is Outcome.GRANTED


def test_a_promise_for_the_day_of_issue_gives_no_warning() -> None:
    life = Life(route(step(decide("A", "x", promised=0))))
    life.tick()
    signals = [one.signal for one in life.of(RaiseSignal) if one.task is not None]
    assert signals[:1] == [Signal.PROMISE_PASSED]


def test_a_hold_stops_issuing_and_nothing_else() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y", "A"))))
    life.do(Held(at=START))
    assert isinstance(life.do(Held(at=START))[0], Ignore)
    assert status_of(life.case) is ApplicationStatus.HELD
    life.decide(task("A", "x"))
    assert life.case.items == {"A": Outcome.GRANTED}
    assert life.issued() == [task("A", "x")]
    life.do(Resumed(at=START + DAY))
    assert life.issued() == [task("A", "x"), task("B", "y")]


def test_status_is_told_when_it_changes_and_only_then() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y"))))
    life.decide(task("A", "x"))
    assert [c.status for c in life.of(ChangeStatus)] == [ApplicationStatus.IN_PROGRESS]


def test_time_never_runs_back() -> None:
    life = Life(route(step(decide("A", "x")), step(decide("B", "y"))))
    life.decide(task("A", "x"), after=2 * HOUR)
    life.decide(task("B", "y"), after=HOUR)
    assert life.case.at == START + 2 * HOUR
    assert [c.at for c in life.of(EndTask)] == [START + 2 * HOUR, START + HOUR]
    assert life.case.steps["B"].state is StepState.DONE
