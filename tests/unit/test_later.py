"""Papers that come later: the step waits for the investor, and no clock of it runs."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    DateChange,
    Outcome,
    Part,
    PauseKind,
    Signal,
    StepState,
    TaskState,
)
from services.domain.approval import apply, begin, next_instant
from services.domain.case import (
    Accepted,
    ClockReached,
    Conclude,
    Decided,
    EndTask,
    Held,
    IssueTask,
    RaiseSignal,
    Reprojected,
    Repromise,
    Resumed,
    Withdrawn,
)
from services.domain.examination import Supplemented, TakeSupplement
from services.domain.later_events import AskPapers
from services.domain.limits import Pause
from services.domain.route import EDITION, Route, RoutePaper, RouteStep
from services.domain.turn import status_of
from tests.unit.routes import CALENDAR, START, consult, days, decide, route, routes, step, task
from tests.unit.test_approval import DAY, HOUR, Life

DRAWINGS, REPORT = "construction-drawings", "completion-report"
TODAY = CALENDAR.local_date(START)


def needing(one: RouteStep, *papers: RoutePaper) -> RouteStep:
    return replace(one, papers=papers)


def paper(material: str, *items: str, term: int | None = None) -> RoutePaper:
    return RoutePaper(material=material, items=items, term=None if term is None else days(term))


def handed(*materials: str, after: timedelta) -> Supplemented:
    subjects = tuple(f"material/{one}" for one in materials)
    return Supplemented(at=START + after, round=0, subjects=subjects, ref="paper")


def drawn(term: int | None = None, promised_days: int = 20, edition: int = EDITION) -> Route:
    """A scheme, then the drawings are reviewed, then a permit; beside them a filing."""
    return route(
        step(decide("SCHEME", "x")),
        needing(step(decide("REVIEW", "y", "SCHEME")), paper(DRAWINGS, "REVIEW", term=term)),
        step(decide("PERMIT", "x", "REVIEW")),
        promised_days=promised_days,
        edition=edition,
    )


def test_the_investor_is_told_when_the_turn_of_a_step_has_come_and_nothing_is_issued() -> None:
    life = Life(drawn())
    assert life.of(AskPapers) == []
    life.decide(task("SCHEME", "x"), after=DAY)
    (asked,) = life.of(AskPapers)
    assert (asked.step, asked.items, asked.awaited.materials) == (
        "REVIEW",
        ("REVIEW",),
        (DRAWINGS,),
    )
    assert (asked.awaited.since, asked.awaited.until) == (TODAY + DAY, None)
    assert life.issued() == [task("SCHEME", "x")]
    assert life.case.tasks["REVIEW/y"].state is TaskState.WAITING
    assert status_of(life.case) is ApplicationStatus.IN_PROGRESS
    assert next_instant(life.case) is None, "no clock runs"


def test_the_dates_run_from_the_day_the_papers_are_handed_in() -> None:
    life = Life(drawn())
    before = life.case.promised_at
    life.decide(task("SCHEME", "x"), after=DAY)
    life.do(handed(DRAWINGS, after=8 * DAY))
    issued = life.of(IssueTask)[-1]
    handed_on = TODAY + 8 * DAY
    assert issued.task == task("REVIEW", "y")
    assert issued.dates.issued_at == START + 8 * DAY
    assert issued.dates.promised_on == CALENDAR.add_working_days(handed_on, 3)
    status = life.case.steps["REVIEW"]
    assert (status.awaited, status.started_on) == (None, handed_on)
    assert status.waited == Pause(
        kind=PauseKind.PAPERS,
        from_on=TODAY + 2 * DAY,
        until_on=handed_on,
        cap=None,
        notice="MX20260105-000001-1/REVIEW/papers",
        article="目录：后续材料",
    )
    (moved,) = life.of(Repromise)
    assert (moved.before, moved.why, moved.ref) == (before, DateChange.PAPERS, "paper")
    lost = CALENDAR.working_days_between(TODAY + DAY, handed_on)
    planned = CALENDAR.add_working_days(TODAY, 20)
    assert moved.promised_at == CALENDAR.close_of(CALENDAR.add_working_days(planned, lost))
    assert life.case.promised_at == moved.promised_at


def test_the_days_of_waiting_are_not_used_days() -> None:
    life = Life(drawn())
    life.decide(task("SCHEME", "x"), after=DAY)
    life.do(handed(DRAWINGS, after=8 * DAY))
    life.decide(task("REVIEW", "y"), after=9 * DAY)
    life.decide(task("PERMIT", "x"), after=10 * DAY)
    (end,) = life.of(Conclude)
    used = CALENDAR.working_days_between(TODAY, TODAY + 10 * DAY)
    lost = CALENDAR.working_days_between(TODAY + DAY, TODAY + 8 * DAY)
    assert lost > 0
    assert (end.conclusion, end.used_working_days) == (Conclusion.GRANTED, used - lost)


def test_what_is_handed_in_before_its_turn_is_there_when_it_comes() -> None:
    life = Life(drawn())
    assert [type(c) for c in life.do(handed(DRAWINGS, after=HOUR))] == [TakeSupplement]
    assert life.case.papers == (DRAWINGS,)
    life.do(handed(DRAWINGS, after=HOUR))
    assert life.case.papers == (DRAWINGS,), "a corrected paper is one paper"
    life.decide(task("SCHEME", "x"), after=DAY)
    assert life.issued()[-1] == task("REVIEW", "y")
    assert (life.of(AskPapers), life.of(Repromise)) == ([], [])
    assert life.case.steps["REVIEW"].waited is None


def test_handed_in_on_the_day_its_turn_comes_nothing_was_waited() -> None:
    life = Life(drawn())
    life.decide(task("SCHEME", "x"), after=HOUR)
    life.do(handed(DRAWINGS, after=2 * HOUR))
    assert (life.case.steps["REVIEW"].waited, life.of(Repromise)) == (None, [])
    assert life.issued()[-1] == task("REVIEW", "y")


def test_what_is_no_later_paper_of_this_application_is_taken_by_nobody() -> None:
    life = Life(drawn())
    life.do(Supplemented(at=START, round=0, subjects=("material/site-plan", "condition/SCHEME/1")))
    assert life.case.papers == ()


def test_each_piece_is_told_off_until_the_last_one_is_there() -> None:
    both = needing(step(decide("A", "x")), paper(DRAWINGS, "A"), paper(REPORT, "A"))
    life = Life(route(both))
    life.do(handed(REPORT, after=DAY))
    life.do(handed(DRAWINGS, after=2 * DAY))
    told = [asked.awaited.materials for asked in life.of(AskPapers)]
    assert told == [(DRAWINGS, REPORT), (DRAWINGS,)]
    assert [asked.awaited.since for asked in life.of(AskPapers)] == [TODAY, TODAY]
    assert life.issued() == [task("A", "x")]


def test_a_merged_step_waits_as_a_whole_and_starts_as_one() -> None:
    joint = step(decide("A", "x"), decide("B", "y"), consult("A", "z"), code="joint")
    life = Life(route(needing(joint, paper(DRAWINGS, "B"))))
    assert (life.issued(), life.of(AskPapers)[0].items) == ([], ("B",))
    life.do(handed(DRAWINGS, after=DAY))
    assert life.issued() == [task("A", "x"), task("B", "y"), task("A", "z")]


def test_nobody_waits_for_the_paper_of_a_member_that_has_become_vain() -> None:
    joint = step(decide("A", "x"), decide("B", "y", "FIRST"), code="joint")
    life = Life(route(step(decide("FIRST", "x")), needing(joint, paper(DRAWINGS, "B"))))
    life.decide(task("FIRST", "x"), Outcome.REFUSED)
    assert life.of(AskPapers) == []
    assert life.issued()[-1] == task("A", "x")


def test_no_deadline_of_the_whole_speaks_while_a_step_waits() -> None:
    life = Life(drawn(promised_days=2))
    life.decide(task("SCHEME", "x"), after=HOUR)
    life.do(ClockReached(at=START + 60 * DAY))
    assert life.of(RaiseSignal) == []
    life.do(handed(DRAWINGS, after=61 * DAY))
    assert life.case.promised_at > START + 61 * DAY
    assert not life.case.late
    life.tick()
    assert {raised.signal for raised in life.of(RaiseSignal)} == {Signal.WARNING}


def test_withdrawal_ends_the_waiting_and_its_days_are_not_counted() -> None:
    life = Life(drawn())
    life.decide(task("SCHEME", "x"), after=HOUR)
    life.do(Withdrawn(at=START + 9 * DAY))
    (end,) = life.of(Conclude)
    assert (end.conclusion, end.used_working_days) == (Conclusion.WITHDRAWN, 0)
    assert life.case.steps["REVIEW"].awaited is None
    assert life.case.steps["REVIEW"].state is StepState.CANCELLED
    assert next_instant(life.case) is None


def test_a_hold_asks_for_nothing_and_papers_end_the_waiting_though_it_is_held() -> None:
    life = Life(drawn(term=1))
    life.do(Held(at=START))
    life.decide(task("SCHEME", "x"), after=HOUR)
    assert life.of(AskPapers) == []
    life.do(Resumed(at=START + DAY))
    assert life.of(AskPapers)[0].awaited.since == TODAY + DAY
    life.do(Held(at=START + DAY + HOUR))
    assert next_instant(life.case) is None, "nobody is given up while an operator holds it"
    life.do(handed(DRAWINGS, after=2 * DAY))
    assert life.case.steps["REVIEW"].waited is not None
    assert life.issued() == [task("SCHEME", "x")]
    life.do(Resumed(at=START + 4 * DAY))
    assert life.issued()[-1] == task("REVIEW", "y")
    assert life.case.steps["REVIEW"].started_on == TODAY + 4 * DAY


def test_by_earlier_rules_the_morning_after_the_term_gives_up_what_needs_the_paper() -> None:
    life = Life(drawn(term=3, edition=2))
    life.decide(task("SCHEME", "x"), after=HOUR)
    (asked,) = life.of(AskPapers)
    last = CALENDAR.add_working_days(TODAY, 3)
    assert asked.awaited.until == CALENDAR.close_of(last)
    morning = CALENDAR.opening_of(CALENDAR.next_working_day(last + DAY))
    assert next_instant(life.case) == asked.awaited.forfeit_at == morning
    life.do(ClockReached(at=morning - HOUR))
    assert life.case.steps["REVIEW"].state is StepState.WAITING
    life.do(ClockReached(at=morning))
    ended = {end.key: end.reason for end in life.of(EndTask) if end.state is TaskState.CANCELLED}
    assert ended["REVIEW/y"] == "its papers were not handed in within their term"
    assert set(ended) == {"REVIEW/y", "PERMIT/x"}
    (end,) = life.of(Conclude)
    assert end.conclusion is Conclusion.PARTLY_GRANTED
    assert end.used_working_days == 0, "the investor's days are nobody's"


def test_a_paper_on_its_way_at_the_end_of_its_term_is_in_time() -> None:
    life = Life(drawn(term=3))
    life.decide(task("SCHEME", "x"), after=HOUR)
    (asked,) = life.of(AskPapers)
    life.do(ClockReached(at=asked.awaited.until + HOUR))
    subjects = (f"material/{DRAWINGS}",)
    life.do(Supplemented(at=asked.awaited.until, round=0, subjects=subjects))
    assert life.issued()[-1] == task("REVIEW", "y")


def test_only_what_needs_the_paper_is_given_up() -> None:
    joint = step(decide("A", "x"), decide("B", "y"), decide("C", "z"), code="joint")
    papers = (paper(DRAWINGS, "B", term=1), paper(REPORT, "C", term=9))
    life = Life(route(needing(joint, *papers), edition=2))
    life.tick()
    assert life.case.tasks["B/y"].state is TaskState.CANCELLED
    assert life.issued() == []
    assert life.of(AskPapers)[-1].awaited.materials == (REPORT,)
    life.do(handed(REPORT, after=5 * DAY))
    assert life.issued() == [task("A", "x"), task("C", "z")]


def test_a_new_calendar_moves_the_term_and_the_investor_is_told() -> None:
    life = Life(drawn(term=3))
    life.decide(task("SCHEME", "x"), after=HOUR)
    year = CALENDAR.years[0]
    off = {**year.off, date(2026, 1, 7): "new holiday"}
    moved = replace(CALENDAR, version="later", years=(replace(year, off=off),))
    life.do(Reprojected(at=START + 2 * HOUR, calendar=moved))
    first, again = life.of(AskPapers)
    assert again.awaited.until == moved.close_of(moved.add_working_days(TODAY, 3))
    assert again.awaited.until > first.awaited.until


def test_a_case_without_later_papers_is_what_it_was() -> None:
    plain, events = route(step(decide("A", "x")), step(decide("B", "y", "A"))), []
    case = begin(plain, CALENDAR, START)
    for event in (
        Accepted(at=START),
        Decided(at=START + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED),
    ):
        case, commands = apply(case, event)
        events += commands
    assert not any(isinstance(c, AskPapers | Repromise) for c in events)
    assert all((s.awaited, s.waited) == (None, None) for s in case.steps.values())


@st.composite
def later_routes(draw: st.DrawFn) -> Route:
    """Any route in which some steps need papers."""
    plain = draw(routes(most_steps=3))
    steps = []
    for one in (replace(found, rectification=None) for found in plain.steps):
        items = sorted({part.item for part in one.parts})
        named = draw(st.lists(st.sampled_from(["p", "q", "r"]), unique=True, max_size=2))
        papers = tuple(paper(name, draw(st.sampled_from(items))) for name in named)
        steps.append(needing(one, *papers))
    return replace(plain, steps=tuple(steps))


@settings(max_examples=60)
@given(later_routes(), st.data())
def test_no_task_is_ever_issued_without_its_papers_and_every_life_ends(
    of: Route, data: st.DataObject
) -> None:
    life, at = Life(of), START
    there: set[str] = set()
    needs = {
        (one.code, p.material, item) for one in of.steps for p in one.papers for item in p.items
    }
    while life.case.conclusion is None:
        opened = [key for key, found in life.case.tasks.items() if found.state is TaskState.OPEN]
        waiting = [s.awaited for s in life.case.steps.values() if s.awaited is not None]
        awaited = sorted({material for one in waiting for material in one.materials})
        assert opened or awaited, "somebody has the next act"
        at += data.draw(st.integers(1, 40)) * HOUR
        place = data.draw(st.integers(0, len(opened) + len(awaited) - 1))
        if place < len(opened):
            commands = life.do(_decision(life, opened[place], at, data.draw(st.booleans())))
        else:
            name = awaited[place - len(opened)]
            there.add(name)
            commands = life.do(handed(name, after=at - START))
        for one in commands:
            if isinstance(one, IssueTask):
                item = one.key.partition("/")[0]
                assert {m for code, m, user in needs if (code, user) == (one.step, item)} <= there


def _decision(life: Life, key: str, at: datetime, good: bool) -> Decided:
    _, part = life.case.route.parts[key]
    outcomes = {
        Part.DECIDE: (Outcome.REFUSED, Outcome.GRANTED),
        Part.CONSULT: (Outcome.OBJECTION, Outcome.NO_OBJECTION),
    }
    name = f"{life.case.route.application}/{key}/{life.case.tasks[key].round}"
    return Decided(at=at, task=name, outcome=outcomes[part.part][good])
