"""Words that were said in time and are heard of late, before an application is accepted."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.vocabulary import AcceptanceKind, AcceptanceState
from services.domain.acceptance import examination_name
from services.domain.case import AnyEvent, ClockReached, Ignore
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    Examined,
    ExaminerState,
    RecordExamination,
    SendNotice,
    StrikeSilence,
    Supplemented,
    TakeSupplement,
)
from tests.unit.routes import CALENDAR, NUMBER, START
from tests.unit.test_acceptance import (
    CONDITION,
    DAY,
    FORM,
    HOUR,
    NOTICE_FROM,
    NOTICE_UNTIL,
    OVER,
    PLAN,
    TITLE,
    Life,
    examined_route,
    noticed,
)


def by_earlier_rules() -> Life:
    return Life(replace(examined_route(), edition=1))


def look(department: str, *findings: str, at: Any, number: int = 1) -> Examined:
    return Examined(
        at=at,
        ref="late",
        task=examination_name(NUMBER, department, number),
        department=department,
        findings=findings,
    )


def asked(found: list[Any]) -> list[tuple[str, int]]:
    return [
        (one.department, int(one.task.rpartition("/")[2]))
        for one in found
        if isinstance(one, AskExamination)
    ]


def test_a_correction_keeps_what_else_was_found() -> None:
    life = Life()
    life.says("x", PLAN, CONDITION)
    assert asked(life.do(Supplemented(at=START + DAY, round=0, subjects=(PLAN,)))) == [("x", 2)]
    life.says("y", at=START + 2 * DAY)
    life.says("z")
    life.do(ClockReached(at=NOTICE_FROM))
    notice = life.one(SendNotice)
    assert notice.findings == {"x": (CONDITION,)}, "found in time, and never put right"
    assert notice.silent == ("x",)


def test_a_new_look_replaces_what_was_found_before() -> None:
    life = Life()
    life.says("x", PLAN, CONDITION)
    life.do(Supplemented(at=START + DAY, round=0, subjects=(PLAN,)))
    life.says("x", FORM, at=START + 2 * DAY)
    life.says("y", at=START + 2 * DAY)
    life.says("z", at=START + 2 * DAY)
    assert life.one(SendNotice).findings == {"x": (FORM,)}


def test_what_others_found_is_not_touched_by_a_correction() -> None:
    life = Life()
    life.says("x", FORM)
    life.says("z", TITLE)
    life.do(Supplemented(at=START + DAY, round=0, subjects=(TITLE,)))
    life.says("y", at=START + DAY)
    life.says("z", at=START + DAY)
    assert life.one(SendNotice).findings == {"x": (FORM,)}


def test_who_looked_before_the_correction_looks_again_though_heard_of_after_it() -> None:
    life = Life()
    life.do(Supplemented(at=START + 2 * HOUR, round=0, subjects=(PLAN,)))
    found = life.do(look("x", PLAN, FORM, at=START + HOUR))
    assert asked(found) == [("x", 2)]
    assert life.case.examination is not None
    assert life.case.examination.examiners["x"].findings == (FORM,)
    assert asked(life.do(look("y", at=START + 3 * HOUR))) == [], "it saw the new paper"
    life.says("z")
    life.do(look("x", at=START + 4 * HOUR, number=2))
    assert life.one(Accept).kind is AcceptanceKind.EXPLICIT


def test_by_earlier_rules_a_correction_asks_from_the_beginning() -> None:
    life = by_earlier_rules()
    life.says("x", PLAN, CONDITION)
    life.do(Supplemented(at=START + DAY, round=0, subjects=(PLAN,)))
    life.says("y")
    life.says("z")
    life.do(ClockReached(at=OVER))
    assert life.one(Accept).silent == ("x",)


def test_a_correction_that_was_on_its_way_is_a_piece_of_the_answer() -> None:
    """Nobody is asked to hand in again what lay there before the notice went out."""
    life = noticed()
    found = life.do(Supplemented(at=START, round=0, subjects=(FORM,)))
    [taken] = [one for one in found if isinstance(one, TakeSupplement)]
    assert (taken.outstanding, taken.state) == ((CONDITION,), AcceptanceState.SUPPLEMENTING)
    found = life.do(Supplemented(at=START + 2 * DAY, round=1, subjects=(CONDITION,)))
    assert asked(found) == [("x", 2)]


def test_a_correction_that_answers_all_of_the_notice_begins_a_new_limit() -> None:
    life = noticed(x=(FORM,))
    found = life.do(Supplemented(at=START + HOUR, round=0, subjects=(FORM,)))
    assert asked(found) == [("x", 2)]
    assert life.case.examination is not None
    assert life.case.examination.received_on == CALENDAR.local_date(START)


def test_a_paper_that_may_follow_answers_nothing() -> None:
    life = noticed()
    event = Supplemented(at=START + DAY, round=0, subjects=("material/later",), complete=True)
    [taken] = life.do(event)
    assert taken.outstanding == (FORM, CONDITION)


def test_by_earlier_rules_a_correction_after_the_notice_is_only_taken() -> None:
    life = by_earlier_rules()
    life.says("x", FORM)
    life.says("y")
    life.says("z")
    [taken] = life.do(Supplemented(at=START, round=0, subjects=(FORM,)))
    assert (taken.outstanding, taken.at) == ((FORM,), START + HOUR)
    assert life.do(Supplemented(at=START, round=7)) == [
        Ignore(at=START, event="Supplemented", ref="", why="no such notice is to be answered")
    ]


def test_a_piece_that_crosses_the_last_one_is_seen_too() -> None:
    """Intake takes pieces until it is told that the answer was complete."""
    life = noticed()
    life.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,), complete=True))
    life.says("x", at=START + DAY + HOUR)
    assert life.one(Accept)
    life = noticed()
    life.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,), complete=True))
    found = life.do(Supplemented(at=START + DAY, round=1, subjects=(PLAN,)))
    assert asked(found) == [("y", 2)], "x is looking already"
    answered = by_earlier_rules()
    answered.says("x", FORM)
    answered.says("y")
    answered.says("z")
    answered.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,)))
    [ignored] = answered.do(Supplemented(at=START + DAY, round=1, subjects=(PLAN,)))
    assert isinstance(ignored, Ignore)


def struck(life: Life) -> StrikeSilence:
    found: StrikeSilence = life.one(StrikeSilence)
    assert life.case.examination is not None
    assert found.department not in life.case.examination.silent
    return found


def test_an_answer_in_time_is_no_silence_though_the_notice_went_out_without_it() -> None:
    life = Life()
    life.says("x", FORM)
    life.says("y")
    life.do(ClockReached(at=NOTICE_FROM))
    assert life.one(SendNotice).silent == ("z",)
    life.do(look("z", TITLE, at=START + DAY))
    found = struck(life)
    assert (found.at, found.arrived_at) == (START + DAY, NOTICE_FROM)
    assert (found.findings, found.ref) == ((TITLE,), "late")
    assert (found.state, found.round) == (AcceptanceState.SUPPLEMENTING, 1)
    assert (found.outstanding, found.silent) == ((FORM,), ())
    assert life.one(SendNotice).findings == {"x": (FORM,)}, "there is one notice, and it is out"
    life.do(Supplemented(at=NOTICE_FROM + DAY, round=1, subjects=(FORM,)))
    life.says("x", at=NOTICE_FROM + 2 * DAY)
    assert life.one(Accept).silent == ()


def test_an_answer_in_time_is_no_silence_though_it_is_accepted() -> None:
    life = Life()
    life.says("x")
    life.do(ClockReached(at=OVER))
    accept = life.one(Accept)
    assert accept.silent == ("y", "z")
    life.do(look("z", TITLE, at=NOTICE_UNTIL))
    found = struck(life)
    assert (found.state, found.silent) == (AcceptanceState.ACCEPTED, ("y",))
    assert life.all(SendNotice) == []
    assert life.one(Accept) == accept, "what the applicant was not told in time stays untold"
    assert life.case.examination is not None
    assert life.case.examination.examiners["z"].state is ExaminerState.DELAYED


@pytest.mark.parametrize("at", [OVER, OVER + DAY])
def test_an_answer_after_the_limit_stays_a_silence(at: Any) -> None:
    life = Life()
    life.says("x")
    life.do(ClockReached(at=OVER + 2 * DAY))
    [ignored] = life.do(look("z", TITLE, at=at))
    assert isinstance(ignored, Ignore)
    assert life.case.examination is not None
    assert life.case.examination.silent == ("y", "z")


def test_after_the_notice_went_out_an_answer_is_late() -> None:
    life = Life()
    life.says("x", FORM)
    life.do(ClockReached(at=NOTICE_FROM))
    [ignored] = life.do(look("z", at=NOTICE_FROM))
    assert isinstance(ignored, Ignore)


def test_an_answer_of_the_first_round_can_come_in_the_second() -> None:
    life = Life()
    life.says("x", FORM, PLAN)
    life.do(ClockReached(at=NOTICE_FROM))
    life.do(Supplemented(at=NOTICE_FROM + DAY, round=1, subjects=(FORM, PLAN)))
    assert life.case.examination is not None
    assert life.case.examination.asked == ("x", "y")
    life.do(look("y", at=START + DAY))
    assert struck(life).state is AcceptanceState.EXAMINING
    assert life.case.examination.asked == ("x", "y"), "it has the changed plan still to see"
    life.do(look("y", at=START + DAY))
    assert isinstance(life.commands[-1], Ignore), "struck out once"


@pytest.mark.parametrize("again", [1, 2])
def test_by_earlier_rules_what_comes_late_is_late(again: int) -> None:
    life = by_earlier_rules()
    life.says("x", FORM)
    life.do(ClockReached(at=NOTICE_FROM))
    event: AnyEvent = look("z", at=START + again * HOUR)
    [ignored] = life.do(event)
    assert isinstance(ignored, Ignore)
    assert [one.department for one in life.all(RecordExamination)] == ["x"]


@pytest.mark.parametrize(
    ("found", "notice"), [((FORM, CONDITION), {"x": (CONDITION,)}), ((FORM,), None)]
)
def test_on_the_last_morning_nobody_is_asked_anew_and_silent_at_once(
    found: tuple[str, ...], notice: dict[str, tuple[str, ...]] | None
) -> None:
    life = Life()
    life.do(look("y", at=START + HOUR), look("z", at=START + HOUR))
    life.do(Supplemented(at=START + DAY, round=0, subjects=(FORM,)))
    life.do(ClockReached(at=NOTICE_FROM))
    said = life.do(look("x", *found, at=START + HOUR))
    assert asked(said) == [], "the time to ask is over: it has answered in time"
    assert life.all(CloseExamination) == []
    if notice is None:
        assert life.one(Accept).kind is AcceptanceKind.EXPLICIT, "what it missed was put right"
        assert life.one(Accept).silent == ()
    else:
        assert life.one(SendNotice).findings == notice
        assert (life.one(SendNotice).refs, life.one(SendNotice).silent) == (("late",), ())
