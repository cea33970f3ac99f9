"""What was decided days ago and is heard of today: in time then, and followed up from today on."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.contracts.vocabulary import Outcome, TaskState
from services.domain.approval import apply_all, begin, next_instant
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    AskLapse,
    AskRectification,
    Case,
    ClockReached,
    Decided,
    EndTask,
    Ignore,
    IssueTask,
    Lapsed,
    LiftSignal,
    RaiseSignal,
    Withdrawn,
)
from services.domain.examination import Supplemented
from services.domain.route import Route
from services.domain.supervision_facts import seen
from services.orchestrator.clock_turns import lasting_lifts
from services.orchestrator.lateness import clock_first
from services.orchestrator.rebuild import replay
from tests.unit.lives_shell import travelled
from tests.unit.routes import CALENDAR, NUMBER, START, consult, decide, route, step, task
from tests.unit.test_limit_clocks import paused
from tests.unit.test_rebuild_replay import written

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = START + HOUR
FRIDAY = START + 4 * DAY
JOINT = step(
    decide("A", "d", promised=2), consult("A", "e", promised=2), code="J", rounds=1, rectify=3
)
AFTER = step(decide("B", "f", "A", promised=2))


def said(name: str, outcome: Outcome = Outcome.GRANTED, at: datetime = MONDAY) -> Decided:
    return Decided(at=at, task=name, outcome=outcome, ref=name)


def heard(events: list[AnyEvent], now: datetime, of: Route) -> tuple[Case, tuple[AnyCommand, ...]]:
    """Accept at START, deliver at `now`; what is rebuilt from the journal must be the same."""
    first: list[AnyEvent] = [Accepted(at=START)]
    begun, told = apply_all(begin(of, CALENDAR, START), first)
    delivered = travelled(clock_first(events, now, CALENDAR), list[AnyEvent])
    case, commands = apply_all(begun, delivered)
    journal = [written(1, first, told), written(2, delivered, commands)]
    life = {"number": NUMBER, "turn": 2, "submitted_at": START}
    assert replay(life, journal, of, CALENDAR) == case
    return case, commands


def of(commands: tuple[AnyCommand, ...], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


def test_a_notice_is_dated_when_the_objection_is_heard_of() -> None:
    events: list[AnyEvent] = [
        said(task("A", "d")),
        said(task("A", "e"), Outcome.OBJECTION),
    ]
    case, commands = heard(events, FRIDAY, route(JOINT, AFTER))
    [asked] = of(commands, AskRectification)
    # three working days after Friday the 9th; Saturday the 10th is worked
    assert (asked.at, asked.until) == (FRIDAY, CALENDAR.close_of(date(2026, 1, 13)))
    assert [(one.at, one.state) for one in of(commands, EndTask)] == [
        (MONDAY, TaskState.DECIDED)
    ] * 2, "in time"
    raised = [(one.task, one.signal) for one in of(commands, RaiseSignal)]
    assert raised, "the promise was over on Wednesday"
    assert {(one.task, one.signal) for one in lasting_lifts(commands)} == set(raised)
    assert [task.signals for task in case.tasks.values()] == [()] * 3
    assert seen(route(JOINT, AFTER), commands, []).facts == ()


def test_no_silence_is_applied_over_an_opinion_that_was_in_time() -> None:
    events: list[AnyEvent] = [said(task("A", "e"), Outcome.NO_OBJECTION)]
    case, commands = heard(events, FRIDAY, route(JOINT))
    assert len(of(commands, AskLapse)) == 1, "its own store is asked, and knows that it has spoken"
    after, then = apply_all(case, [Lapsed(at=FRIDAY + HOUR, task=task("A", "e"))])
    assert [type(one) for one in then] == [Ignore]
    assert after.tasks["A/e"].outcome is Outcome.NO_OBJECTION


def test_the_next_task_begins_when_it_is_issued() -> None:
    plan = route(step(decide("A", "d", promised=2)), AFTER)
    case, commands = heard([said(task("A", "d"))], FRIDAY, plan)
    [issued] = of(commands, IssueTask)
    assert issued.dates.issued_at == FRIDAY
    assert issued.dates.promised_on == date(2026, 1, 12), "two working days after Friday"
    assert (next_instant(case) or START) > FRIDAY, "nothing speaks against who has just got it"


def test_who_was_late_stays_late() -> None:
    plan = route(step(decide("A", "d", promised=2)), AFTER)
    thursday = START + 3 * DAY
    _, commands = heard([said(task("A", "d"), at=thursday)], FRIDAY, plan)
    kept = seen(plan, commands, []).facts
    assert [(one.task, one.kind) for one in kept] == [(task("A", "d"), "promise_passed")]
    assert {one.signal for one in of(commands, LiftSignal)} == set()


@pytest.mark.parametrize(
    ("events", "now", "first"),
    [
        ([said("a", at=MONDAY)], FRIDAY, True),
        ([Lapsed(at=MONDAY, task="a")], FRIDAY, True),
        ([said("a", at=MONDAY), said("b", at=FRIDAY)], FRIDAY, True),
        ([said("a", at=MONDAY)], MONDAY + HOUR, False),
        ([said("a", at=MONDAY + HOUR)], MONDAY, False),
        ([said("a", at=START + 5 * DAY)], START + 6 * DAY, False),  # it is heard of on a Sunday
        ([said("a", at=MONDAY), paused("b", MONDAY, date(2026, 1, 20))], FRIDAY, False),
        ([said("a", at=MONDAY), Withdrawn(at=MONDAY)], FRIDAY, False),
        ([Supplemented(at=MONDAY, round=0, subjects=("material/x",))], FRIDAY, False),
    ],
)
def test_when_the_clock_comes_first(events: list[AnyEvent], now: datetime, first: bool) -> None:
    found = clock_first(events, now, CALENDAR)
    assert found == ([ClockReached(at=now), *events] if first else events)
