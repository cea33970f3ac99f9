"""What was decided days ago and is heard of today: in time then, and followed up from today on."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

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
    Held,
    Ignore,
    IssueTask,
    Lapsed,
    LiftSignal,
    PauseEnded,
    RaiseSignal,
    Rectified,
    Resumed,
    Withdrawn,
)
from services.domain.examination import Examined, Supplemented
from services.domain.later_events import PapersLapsed
from services.domain.rectifying import RectificationLapsed
from services.domain.route import EDITION, Route
from services.domain.supervision_facts import seen
from services.orchestrator.clock_turns import lasting_lifts
from services.orchestrator.lateness import Standing, bears, clock_first
from services.orchestrator.rebuild import replay
from tests.unit.lives_shell import travelled
from tests.unit.routes import CALENDAR, NUMBER, START, consult, decide, route, step, task
from tests.unit.test_later import DRAWINGS, drawn
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


@pytest.mark.parametrize("edition", [1, EDITION])
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
    ],
)
def test_when_the_clock_comes_first(
    events: list[AnyEvent], now: datetime, first: bool, edition: int
) -> None:
    found = clock_first(events, now, CALENDAR, Standing(edition=edition))
    assert found == ([ClockReached(at=now), *events] if first else events)


HANDED = Supplemented(at=MONDAY, round=0, subjects=("material/x",))
SAID = said("a", at=MONDAY)
PAUSE = paused("b", MONDAY, date(2026, 1, 20))
LOOKED = Examined(at=MONDAY, task="t", department="d")
CLOCK = ClockReached(at=FRIDAY)


@pytest.mark.parametrize(
    ("events", "delivered"),
    [
        ([HANDED], [CLOCK, HANDED]),
        ([Rectified(at=MONDAY, step="J", round=1)], None),
        ([RectificationLapsed(at=MONDAY, step="J", round=1)], None),
        ([PapersLapsed(at=MONDAY, step="J", materials=("x",))], None),
        ([Resumed(at=MONDAY)], None),
        ([PAUSE, HANDED], [PAUSE, CLOCK, HANDED]),
        ([HANDED, PAUSE, SAID], [HANDED, PAUSE, CLOCK, SAID]),
        ([PAUSE], [PAUSE]),
        ([PauseEnded(at=MONDAY, task="a", pause=1)], [PauseEnded(at=MONDAY, task="a", pause=1)]),
        ([LOOKED, HANDED], [LOOKED, CLOCK, HANDED]),
        ([HANDED, Withdrawn(at=MONDAY)], [HANDED, Withdrawn(at=MONDAY)]),
        ([Held(at=MONDAY)], [Held(at=MONDAY)]),
    ],
)
def test_of_what_the_clock_comes_first(
    events: list[AnyEvent], delivered: list[AnyEvent] | None
) -> None:
    found = clock_first(events, FRIDAY, CALENDAR, Standing(edition=EDITION))
    assert found == ([CLOCK, *events] if delivered is None else delivered)
    assert bears(events, FRIDAY, CALENDAR)
    assert not bears(events, MONDAY + HOUR, CALENDAR)
    assert not bears([SAID], FRIDAY, CALENDAR), "by every edition the clock comes first of it"
    if not isinstance(events[-1], Decided):
        assert clock_first(events, FRIDAY, CALENDAR, Standing(edition=2)) == events


@pytest.mark.parametrize(("answer_by", "first"), [(2, True), (3, False)])
def test_an_answer_heard_of_after_the_limit_of_the_notice_comes_too_late(
    answer_by: int, first: bool
) -> None:
    """Asked until Wednesday, the notice was due on Thursday; until Thursday, on Friday."""
    until = CALENDAR.close_of(date(2026, 1, 5 + answer_by))
    events: list[AnyEvent] = [LOOKED]
    found = clock_first(events, FRIDAY, CALENDAR, Standing(edition=EDITION, answer_by=until))
    assert found == ([CLOCK, LOOKED] if first else [LOOKED])


def handed_in_late(edition: int) -> tuple[Case, list[Any]]:
    """The drawings came on Monday; that is heard of on Friday."""
    plan = replace(drawn(), edition=edition)
    begun, _ = apply_all(
        begin(plan, CALENDAR, START), [Accepted(at=START), said(task("SCHEME", "x"), at=START)]
    )
    events: list[AnyEvent] = [Supplemented(at=MONDAY, round=0, subjects=(f"material/{DRAWINGS}",))]
    delivered = clock_first(events, FRIDAY, CALENDAR, Standing(edition=edition))
    case, commands = apply_all(begun, delivered)
    return case, of(commands, IssueTask)


def test_a_step_that_waited_for_a_paper_begins_when_that_is_heard_of() -> None:
    case, [issued] = handed_in_late(EDITION)
    assert issued.dates.issued_at == FRIDAY
    assert issued.dates.promised_on == date(2026, 1, 13), "three working days after Friday"
    assert case.steps["REVIEW"].waited is None, "it came on the day its turn came"
    _, [before] = handed_in_late(2)
    assert before.dates.issued_at == MONDAY, "by earlier rules it was half over when it was issued"


@pytest.mark.parametrize("kind", ["pause", "end"])
def test_acts_that_only_move_dates_need_no_clock(kind: str) -> None:
    """Heard of late, they lead to the dates that they would have led to at once."""
    plan = route(step(decide("A", "d", promised=2)))
    begun, _ = apply_all(begin(plan, CALENDAR, START), [Accepted(at=START)])
    pause = paused(task("A", "d"), MONDAY, date(2026, 1, 20))
    acts: list[AnyEvent] = [pause]
    if kind == "end":
        acts.append(PauseEnded(at=MONDAY + DAY, task=task("A", "d"), pause=1))
    at_once, _ = apply_all(begun, acts)
    late, _ = apply_all(begun, [ClockReached(at=FRIDAY), *acts])
    assert late.tasks["A/d"].dates == at_once.tasks["A/d"].dates
    assert late.promised_at == at_once.promised_at
