"""The end of the term of a paper that comes later: intake's store says what came in it."""

from datetime import date, timedelta

from msgspec.structs import replace

from services.contracts.vocabulary import Conclusion, StepState, TaskState
from services.domain.approval import next_instant
from services.domain.case import (
    ClockReached,
    Conclude,
    EndTask,
    Held,
    Ignore,
    Reprojected,
    Resumed,
    Withdrawn,
)
from services.domain.examination import Supplemented
from services.domain.later import FORFEITED
from services.domain.later_events import AskPapers, AskPapersLapse, GiveUpPapers, PapersLapsed
from tests.unit.routes import CALENDAR, START, decide, route, step, task
from tests.unit.test_approval import DAY, HOUR, Life
from tests.unit.test_later import DRAWINGS, REPORT, TODAY, drawn, handed, needing, paper

LAST = CALENDAR.add_working_days(TODAY, 3)
UNTIL = CALENDAR.close_of(LAST)
MORNING = CALENDAR.opening_of(CALENDAR.next_working_day(LAST + DAY))


def awaiting() -> Life:
    """The drawings are awaited until the third working day."""
    life = Life(drawn(term=3))
    life.decide(task("SCHEME", "x"), after=HOUR)
    return life


def given_up(life: Life) -> set[str]:
    return {end.key for end in life.of(EndTask) if end.reason == FORFEITED}


def closed(*materials: str, at: timedelta = HOUR, step: str = "REVIEW") -> PapersLapsed:
    return PapersLapsed(at=MORNING + at, step=step, materials=materials or (DRAWINGS,), ref="said")


def test_when_the_term_is_over_intake_is_asked_and_nothing_is_given_up() -> None:
    life = awaiting()
    assert next_instant(life.case) == MORNING
    life.do(ClockReached(at=MORNING - HOUR))
    assert life.of(AskPapersLapse) == []
    life.do(ClockReached(at=MORNING))
    assert life.of(AskPapersLapse) == [
        AskPapersLapse(at=MORNING, step="REVIEW", materials=(DRAWINGS,))
    ]
    life.do(ClockReached(at=MORNING + DAY))
    assert len(life.of(AskPapersLapse)) == len(life.of(AskPapers)) == 1, "each is said once"
    assert (given_up(life), next_instant(life.case)) == (set(), None)
    assert life.case.steps["REVIEW"].state is StepState.WAITING


def test_a_paper_in_time_counts_however_late_it_is_heard_of() -> None:
    life = awaiting()
    before = life.case.promised_at
    life.do(ClockReached(at=MORNING))
    handed_in = Supplemented(at=UNTIL, round=0, subjects=(f"material/{DRAWINGS}",))
    life.do(ClockReached(at=MORNING + 3 * DAY))
    life.do(handed_in)
    assert life.issued()[-1] == task("REVIEW", "y")
    assert given_up(life) == set()
    status = life.case.steps["REVIEW"]
    assert status.waited is not None
    assert (status.waited.from_on, status.waited.until_on) == (TODAY + DAY, LAST)
    assert status.started_on == CALENDAR.local_date(MORNING + 3 * DAY), "no clock ran before"
    lost = CALENDAR.working_days_between(before.date(), life.case.promised_at.date())
    assert lost == 3, "the days that the message took are not the investor's"


def test_what_intake_has_closed_is_given_up_and_the_days_after_the_term_are_nobodys() -> None:
    life = awaiting()
    life.do(ClockReached(at=MORNING))
    life.do(closed(at=2 * DAY))
    assert life.of(GiveUpPapers) == [
        GiveUpPapers(at=MORNING + 2 * DAY, step="REVIEW", materials=(DRAWINGS,))
    ]
    assert given_up(life) == {"REVIEW/y"}
    assert life.case.tasks["PERMIT/x"].state is TaskState.CANCELLED
    (end,) = life.of(Conclude)
    after = CALENDAR.working_days_between(LAST, CALENDAR.local_date(MORNING + 2 * DAY))
    assert (end.conclusion, end.used_working_days) == (Conclusion.PARTLY_GRANTED, after)


def test_only_what_needs_the_paper_is_given_up() -> None:
    joint = step(decide("A", "x"), decide("B", "y"), decide("C", "z"), code="joint")
    papers = (paper(DRAWINGS, "B", term=3), paper(REPORT, "C", term=9))
    life = Life(route(needing(joint, *papers)))
    first = life.of(AskPapers)[-1].awaited
    life.tick()
    assert life.of(AskPapersLapse)[-1].materials == (DRAWINGS,)
    assert next_instant(life.case) not in (None, first.forfeit_at), "of the other paper"
    life.do(closed(step="joint"))
    assert given_up(life) == {"B/y"}
    assert life.issued() == []
    again = life.of(AskPapers)[-1].awaited
    assert (again.materials, again.forfeit_at) == ((REPORT,), next_instant(life.case))
    life.tick()
    assert [one.materials for one in life.of(AskPapersLapse)] == [(DRAWINGS,), (REPORT,)]
    life.do(handed(REPORT, after=20 * DAY))
    assert life.issued() == [task("A", "x"), task("C", "z")]


def test_what_was_not_asked_or_is_there_is_not_given_up() -> None:
    life = awaiting()
    [early] = life.do(closed(at=-HOUR))
    assert (type(early), early.why) == (Ignore, "no such papers are awaited")
    life.do(ClockReached(at=MORNING))
    for strange in (closed(REPORT), closed(step="SCHEME"), closed(step="NONE")):
        assert [type(one) for one in life.do(strange)] == [Ignore]
    life.do(handed(DRAWINGS, after=HOUR))
    assert [type(one) for one in life.do(closed())] == [Ignore]
    assert given_up(life) == set()


def test_while_it_is_held_nobody_is_asked_and_what_was_closed_is_given_up_afterwards() -> None:
    life = awaiting()
    life.do(Held(at=START + 2 * HOUR))
    life.do(ClockReached(at=MORNING))
    assert life.of(AskPapersLapse) == []
    life.do(Resumed(at=MORNING + HOUR))
    assert len(life.of(AskPapersLapse)) == 1
    life.do(Held(at=MORNING + 2 * HOUR))
    life.do(closed(at=3 * HOUR))
    assert given_up(life) == set()
    life.do(Resumed(at=MORNING + 4 * HOUR))
    assert given_up(life) == {"REVIEW/y"}


def test_no_calendar_moves_a_term_that_intake_was_asked_about() -> None:
    life = awaiting()
    life.do(ClockReached(at=MORNING))
    year = CALENDAR.years[0]
    off = {**year.off, date(2026, 1, 7): "new holiday"}
    moved = replace(CALENDAR, version="later", years=(replace(year, off=off),))
    life.do(Reprojected(at=MORNING + HOUR, calendar=moved))
    awaited = life.case.steps["REVIEW"].awaited
    assert awaited is not None
    assert awaited.until == UNTIL


def opened_up(day: date) -> Reprojected:
    """A later notice makes this day off a working day, so terms would end sooner."""
    year = CALENDAR.years[0]
    work = {**year.work, day: "made up"}
    moved = replace(CALENDAR, version="later", years=(replace(year, work=work),))
    return Reprojected(at=START + 3 * HOUR, calendar=moved)


def test_a_calendar_never_shortens_a_term_that_was_told_and_may_prolong_it() -> None:
    life = Life(drawn(term=6))
    life.decide(task("SCHEME", "x"), after=HOUR)
    last = CALENDAR.add_working_days(TODAY, 6)
    until = CALENDAR.close_of(last)
    sunday = date(2026, 1, 11)
    assert not CALENDAR.is_working(sunday)
    life.do(opened_up(sunday))
    morning = CALENDAR.opening_of(CALENDAR.next_working_day(last + DAY))
    assert next_instant(life.case) == morning
    life.do(ClockReached(at=until))
    assert life.of(AskPapersLapse) == [], "the term that he was told lasts"
    assert [one.awaited.until for one in life.of(AskPapers)] == [until]
    life.do(ClockReached(at=morning))
    assert len(life.of(AskPapersLapse)) == 1
    other = awaiting()
    off = {**CALENDAR.years[0].off, LAST: "new holiday"}
    longer = replace(CALENDAR, version="later", years=(replace(CALENDAR.years[0], off=off),))
    other.do(Reprojected(at=START + 2 * HOUR, calendar=longer))
    told = [one.awaited.until for one in other.of(AskPapers)]
    assert told == [UNTIL, longer.close_of(longer.next_working_day(LAST))]


def test_each_paper_is_told_its_own_term() -> None:
    joint = step(decide("A", "x"), decide("B", "y"), decide("C", "z"), code="joint")
    papers = (paper(DRAWINGS, "B", term=3), paper(REPORT, "C", term=9), paper("plain", "A"))
    (asked,) = Life(route(needing(joint, *papers))).of(AskPapers)
    later = CALENDAR.close_of(CALENDAR.add_working_days(TODAY, 9))
    assert asked.awaited.until == UNTIL
    assert asked.awaited.untils == {DRAWINGS: UNTIL, REPORT: later}


def test_withdrawn_after_the_term_no_day_after_it_was_the_investors() -> None:
    life = awaiting()
    life.do(ClockReached(at=MORNING))
    life.do(Withdrawn(at=MORNING + 5 * DAY))
    waited = life.case.steps["REVIEW"].waited
    assert waited is not None
    assert waited.until_on == LAST
