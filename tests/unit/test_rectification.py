"""Rectification: an answer in time counts however late it is told; its days are not counted."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.vocabulary import FAVOURABLE, Conclusion, Outcome, StepState
from services.domain.approval import next_instant
from services.domain.case import (
    AskRectification,
    ClockReached,
    Conclude,
    Decided,
    Ignore,
    IssueTask,
    Rectified,
    Release,
    Withdrawn,
)
from services.domain.rectifying import (
    AskRectificationLapse,
    EndRectification,
    RectificationLapsed,
)
from services.domain.turn import part_key
from tests.unit.routes import CALENDAR, START, decide, route, step, task
from tests.unit.test_approval import DAY, HOUR, Life

UNTIL = CALENDAR.close_of(date(2026, 1, 7))


def asked(*, rounds: int = 1, rectify: int = 2, promised_days: int = 20, edition: int = 2) -> Life:
    """A merged step of two, one of whom has refused on 5 January; the notice lasts to the 7th."""
    joint = step(decide("A", "x"), decide("B", "y"), code="j", rounds=rounds, rectify=rectify)
    life = Life(route(joint, promised_days=promised_days, edition=edition))
    life.decide(task("A", "x"))
    life.decide(task("B", "y"), Outcome.REFUSED)
    return life


def taken_out(life: Life) -> list[tuple[date, date]]:
    """The days taken out, as the journal and the step have them."""
    told = [(one.from_on, one.until_on) for one in life.of(EndRectification)]
    assert told == [(p.from_on, p.until_on) for p in life.case.steps["j"].pauses]
    return told


def test_an_answer_in_time_counts_though_its_message_comes_after_the_term() -> None:
    life = asked()
    life.tick()
    life.do(Rectified(at=START + DAY, step="j", round=1))
    assert life.issued()[2:] == [task("B", "y", 2)]
    assert taken_out(life) == [(date(2026, 1, 5), date(2026, 1, 6))]
    life.decide(task("B", "y", 2), after=4 * DAY)
    assert life.of(Conclude)[0].conclusion is Conclusion.GRANTED


def test_when_the_term_is_over_intake_is_asked_once_and_nothing_else_happens() -> None:
    life = asked()
    assert next_instant(life.case) == UNTIL
    life.tick()
    [question] = life.of(AskRectificationLapse)
    assert (question.step, question.round, question.at) == ("j", 1, UNTIL)
    assert next_instant(life.case) is None
    assert life.do(ClockReached(at=UNTIL + DAY)) == []
    assert life.case.steps["j"].state is StepState.RECTIFYING


def test_silence_ends_the_step_and_its_days_are_not_counted() -> None:
    life = asked(promised_days=1)
    life.tick()
    life.do(RectificationLapsed(at=UNTIL + 3 * HOUR, step="j", round=1))
    assert taken_out(life) == [(date(2026, 1, 5), date(2026, 1, 7))]
    [end] = life.of(Conclude)
    assert (end.conclusion, end.used_working_days) == (Conclusion.PARTLY_GRANTED, 0)
    assert end.in_time


def test_what_passes_until_intake_has_spoken_is_not_the_investors() -> None:
    life = asked()
    life.tick()
    life.do(RectificationLapsed(at=UNTIL + 5 * DAY, step="j", round=1))
    assert taken_out(life) == [(date(2026, 1, 5), date(2026, 1, 7))], "no longer than the notice"
    assert life.of(Conclude)[0].used_working_days == 4, "8, 9, 10 (worked) and 12 January"


def test_a_withdrawal_ends_the_time_that_is_not_counted() -> None:
    life = asked(promised_days=1)
    life.do(Withdrawn(at=START + 2 * DAY))
    assert taken_out(life) == [(date(2026, 1, 5), date(2026, 1, 7))]
    [end] = life.of(Conclude)
    assert (end.used_working_days, end.in_time) == (0, True)


def test_a_withdrawal_that_is_told_after_the_term_ends_it_when_it_was_made() -> None:
    life = asked()
    life.tick()
    life.do(Withdrawn(at=START + DAY))
    assert taken_out(life) == [(date(2026, 1, 5), date(2026, 1, 6))]
    assert life.do(RectificationLapsed(at=UNTIL, step="j", round=1)) == [
        Ignore(at=UNTIL, event="RectificationLapsed", ref="", why="the application is concluded")
    ]


def test_a_lapse_before_its_time_or_of_another_round_changes_nothing() -> None:
    life = asked()
    [ignored] = life.do(RectificationLapsed(at=START + HOUR, step="j", round=1))
    assert ignored.why == "its time is not over"
    [ignored] = life.do(RectificationLapsed(at=START + HOUR, step="j", round=2))
    assert ignored.why == "round 1 is to be answered, not 2"
    [ignored] = life.do(RectificationLapsed(at=START + HOUR, step="q", round=1))
    assert ignored.why == "nothing of this step is to be put right"


def test_a_lapse_that_lost_against_an_answer_changes_nothing() -> None:
    life = asked()
    life.tick()
    life.do(Rectified(at=UNTIL - HOUR, step="j", round=1))
    before = life.case
    [ignored] = life.do(RectificationLapsed(at=UNTIL, step="j", round=1))
    assert ignored.why == "nothing of this step is to be put right"
    assert life.case.tasks == before.tasks


def test_what_began_by_earlier_rules_ends_by_them() -> None:
    """Its history holds no question: the end of the term was the end of the step."""
    life = asked(edition=1)
    life.tick()
    assert life.of(AskRectificationLapse) == life.of(EndRectification) == []
    assert life.case.items == {"A": Outcome.GRANTED, "B": Outcome.REFUSED}
    assert life.case.steps["j"].pauses == ()


def test_earlier_rules_count_an_answer_by_its_arrival() -> None:
    life = asked(edition=1, rectify=5)
    life.do(ClockReached(at=START + 2 * DAY))
    life.do(Rectified(at=START + DAY, step="j", round=1))
    [pause] = life.case.steps["j"].pauses
    assert pause.until_on == date(2026, 1, 7)


def test_earlier_rules_leave_the_days_of_a_withdrawal_counted() -> None:
    life = asked(edition=1, promised_days=1)
    promised = life.case.promised_at
    life.do(Withdrawn(at=START + 2 * DAY))
    assert life.case.steps["j"].pauses == ()
    assert life.case.promised_at == promised
    [end] = life.of(Conclude)
    assert (end.used_working_days, end.in_time) == (2, False)


class Rounds:
    """A merged step lived to its end: who objects, and how each notice ends, are drawn."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.size = self.draw(st.integers(2, 4))
        self.rounds, self.term = self.draw(st.integers(0, 3)), self.draw(st.integers(1, 5))
        parts = (decide(f"I{n}", f"d{n}", promised=9) for n in range(self.size))
        joint = step(*parts, code="j", rounds=self.rounds, rectify=self.term)
        self.life = Life(route(joint, promised_days=30))
        self.at = START

    def decide_all(self) -> set[str]:
        """Let every open task be decided; return the parts that object."""
        adverse = set()
        for key, one in list(self.life.case.tasks.items()):
            if one.state != "open":
                continue
            self.at += self.draw(st.integers(1, 30)) * HOUR
            outcome = self.draw(st.sampled_from((Outcome.GRANTED, Outcome.REFUSED)))
            item, department = key.split("/")
            name = task(item, department, one.round)
            self.life.do(Decided(at=self.at, task=name, outcome=outcome))
            if outcome not in FAVOURABLE:
                adverse.add(key)
        return adverse

    def end_notice(self) -> None:
        """Answer in time (sometimes told late), or not at all."""
        [status] = self.life.case.steps.values()
        until = status.rectify_until
        assert until is not None
        late, answers = self.draw(st.booleans()), self.draw(st.booleans())
        before = until - self.draw(st.integers(1, 40)) * HOUR
        answered = max(self.at, min(before, until - timedelta(seconds=1)))
        answers &= answered < until
        self.at = answered
        if late or not answers:
            self.at = until + self.draw(st.integers(0, 99)) * HOUR
            self.life.do(ClockReached(at=self.at))
        event: Any = Rectified(at=answered, step="j", round=status.round)
        if not answers:
            event = RectificationLapsed(at=self.at, step="j", round=status.round)
        self.life.do(event)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_it_is_bounded_in_days_and_rounds_and_reopens_only_who_objected(
    data: st.DataObject,
) -> None:
    lived = Rounds(data)
    life = lived.life
    for _ in range(lived.rounds + 2):
        seen = len(life.of(IssueTask))
        signed = {k: t for k, t in life.case.tasks.items() if t.state == "decided"}
        adverse = lived.decide_all()
        if life.case.conclusion is not None:
            break
        assert adverse, "a notice without an objection"
        lived.end_notice()
        again = {one.key for one in life.of(IssueTask)[seen:]}
        assert again in (set(), adverse), "others than those who objected see it again"
        assert all(life.case.tasks[key] == one for key, one in signed.items() if key not in again)
    assert life.case.conclusion is not None, "more rounds than the catalogue allows"
    notices = life.of(AskRectification)
    assert len(notices) <= lived.rounds
    for notice, (first, last) in zip(notices, taken_out(life), strict=True):
        assert CALENDAR.local_date(notice.at) == first
        assert CALENDAR.working_days_between(first, last) <= lived.term, "longer than its notice"
    [released] = life.of(Release)
    assert {one.item for one in released.results} == {
        part_key(part).partition("/")[0] for part in life.case.route.steps[0].parts
    }
