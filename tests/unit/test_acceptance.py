"""Acceptance by the departments (行政许可法 32): one notice in time, or accepted from receipt."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from services.contracts.vocabulary import (
    AcceptanceKind,
    ApplicationStatus,
    Conclusion,
    LimitStart,
    Outcome,
)
from services.domain.acceptance import examination_name, promise_from, users_of
from services.domain.approval import apply, begin, next_instant
from services.domain.case import (
    AnyEvent,
    Case,
    ClockReached,
    Conclude,
    Decided,
    Held,
    Ignore,
    IssueTask,
    Reprojected,
    Resumed,
    Withdrawn,
)
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    Examined,
    ExaminerState,
    Received,
    RecordExamination,
    SendNotice,
    Supplemented,
    TakeSupplement,
)
from services.domain.limit_events import RedateExamination
from services.domain.planner import route as route_of
from services.domain.route import EDITION, Route, RouteAcceptance, Statute
from services.domain.turn import status_of
from tests.unit import builders
from tests.unit.routes import CALENDAR, NUMBER, START, days, decide, route, routes, step

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FORM, PLAN, TITLE = "material/form", "material/plan", "material/title"
CONDITION = "condition/A/1"
# START is Monday 5 January 2026; Saturday the 10th is worked: the fifth working day.
ANSWER_BY = CALENDAR.close_of(date(2026, 1, 9))
NOTICE_FROM = CALENDAR.opening_of(date(2026, 1, 10))
NOTICE_UNTIL = CALENDAR.close_of(date(2026, 1, 10))
OVER = NOTICE_UNTIL + timedelta(seconds=1)


def examined_route(*, receipt: bool = False) -> Route:
    """A of x, B of y at once, then C of z; x and y share the plan."""
    first = decide("A", "x", promised=2)
    if receipt:
        statute = Statute(budget=days(7), start=LimitStart.RECEIPT, article="建筑法 8")
        first = replace(first, statute=statute)
    return with_acceptance(
        route(step(first), step(decide("B", "y", promised=6)), step(decide("C", "z", "A"))),
        uses={"form": ("x",), "plan": ("x", "y"), "title": ("z",)},
    )


def with_acceptance(of: Route, uses: dict[str, tuple[str, ...]]) -> Route:
    departments = {p.department for s in of.steps for p in s.parts if p.part == "decide"}
    return replace(
        of,
        acceptance=RouteAcceptance(
            departments=tuple(sorted(departments)),
            uses=uses,
            budget=days(5),
            article="行政许可法 32(4)",
        ),
    )


class Life:
    """A case and what it commanded."""

    def __init__(self, of: Route | None = None) -> None:
        self.case: Case = begin(of or examined_route(), CALENDAR, START)
        self.commands: list[Any] = []
        self.do(Received(at=START))

    def do(self, *events: AnyEvent) -> list[Any]:
        found: list[Any] = []
        for event in events:
            self.case, commands = apply(self.case, event)
            found += commands
        self.commands += found
        return found

    def says(self, department: str, *findings: str, at: datetime = START + HOUR) -> list[Any]:
        number = self.case.examination.examiners[department].number  # type: ignore[union-attr]  # received
        return self.do(
            Examined(
                at=at,
                task=examination_name(NUMBER, department, number),
                department=department,
                findings=findings,
                ref=f"{department}-{number}",
            )
        )

    def all(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    def one(self, kind: type[Any]) -> Any:
        [found] = self.all(kind)
        return found


def test_all_departments_that_decide_look_at_the_same_time() -> None:
    life = Life()
    asked = life.all(AskExamination)
    assert [(one.department, one.until) for one in asked] == [(d, ANSWER_BY) for d in "xyz"]
    assert asked[0].subjects == (FORM, PLAN)
    assert life.all(IssueTask) == []
    assert status_of(life.case) is ApplicationStatus.RECEIVED


def test_it_is_accepted_on_the_day_of_the_last_word_and_promised_anew() -> None:
    life = Life()
    later = START + 2 * DAY
    life.says("x")
    life.says("y", at=START + DAY)
    assert life.all(Accept) == []
    life.says("z", at=later)
    accept = life.one(Accept)
    assert (accept.kind, accept.on) == (AcceptanceKind.EXPLICIT, date(2026, 1, 7))
    assert accept.received_on == date(2026, 1, 5)
    # B takes six working days from the 7th: 8, 9, 10 (worked), 12, 13, 14.
    assert accept.promised_at == CALENDAR.close_of(date(2026, 1, 14)) == life.case.promised_at
    assert accept.promised_days == 6
    assert {one.key for one in life.all(IssueTask)} == {"A/x", "B/y"}
    assert life.case.steps["A"].started_on == date(2026, 1, 7)
    assert status_of(life.case) is ApplicationStatus.IN_PROGRESS


def test_there_is_one_notice_over_all_departments_and_no_second_beside_it() -> None:
    life = Life()
    life.says("x", FORM, CONDITION)
    life.says("y", PLAN)
    assert life.all(SendNotice) == []
    life.says("z")
    notice = life.one(SendNotice)
    assert notice.findings == {"x": (FORM, CONDITION), "y": (PLAN,)}
    assert notice.refs == ("x-1", "y-1")
    assert status_of(life.case) is ApplicationStatus.SUPPLEMENTING
    assert next_instant(life.case) is None, "the investor's time is not the departments'"


def test_what_was_found_goes_out_on_the_last_day_though_somebody_is_silent() -> None:
    life = Life()
    life.says("x", FORM)
    assert next_instant(life.case) == NOTICE_FROM
    life.do(ClockReached(at=NOTICE_FROM))
    notice = life.one(SendNotice)
    assert notice.at < NOTICE_UNTIL
    assert notice.silent == ("y", "z")
    assert [(c.department, c.silent) for c in life.all(CloseExamination)] == [
        ("y", True),
        ("z", True),
    ]
    life.says("y", PLAN, at=NOTICE_FROM + HOUR)
    assert len(life.all(SendNotice)) == 1
    assert life.one(RecordExamination).department == "x"
    assert isinstance(life.commands[-1], Ignore)


def test_without_a_notice_in_time_it_is_accepted_from_the_day_of_receipt() -> None:
    life = Life()
    life.says("x")
    assert next_instant(life.case) == OVER
    life.do(ClockReached(at=NOTICE_UNTIL))
    assert life.all(Accept) == []
    life.do(ClockReached(at=OVER))
    accept = life.one(Accept)
    assert (accept.kind, accept.on) == (AcceptanceKind.DEEMED, date(2026, 1, 5))
    assert accept.silent == ("y", "z")
    assert life.case.steps["A"].started_on == date(2026, 1, 5)
    by_key = {one.key: one for one in life.all(IssueTask)}
    assert by_key["A/x"].dates.statutory_on == CALENDAR.add_working_days(date(2026, 1, 5), 7)
    assert by_key["B/y"].dates.promised_on == CALENDAR.add_working_days(date(2026, 1, 5), 6)


def test_a_notice_that_is_too_late_is_none() -> None:
    life = Life()
    life.says("x")
    life.says("y", at=START + HOUR)
    life.says("z", TITLE, at=OVER)
    assert life.all(SendNotice) == []
    assert life.one(Accept).kind is AcceptanceKind.DEEMED


def test_on_the_last_day_the_silent_may_still_speak() -> None:
    life = Life()
    life.says("x")
    life.says("y")
    life.do(ClockReached(at=NOTICE_FROM))
    life.says("z", TITLE, at=NOTICE_FROM + HOUR)
    assert life.one(SendNotice).findings == {"z": (TITLE,)}


def noticed(*, x: tuple[str, ...] = (FORM, CONDITION), z: tuple[str, ...] = ()) -> Life:
    life = Life()
    life.says("x", *x)
    life.says("y")
    life.says("z", *z)
    assert life.one(SendNotice).round == 1
    return life


def test_it_is_answered_piece_by_piece() -> None:
    life = noticed()
    before = len(life.all(AskExamination))
    found = life.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,)))
    assert [(type(c), c.outstanding) for c in found] == [(TakeSupplement, (CONDITION,))]
    assert len(life.all(AskExamination)) == before
    life.do(Supplemented(at=START + 2 * DAY, round=1, subjects=(CONDITION,)))
    again = life.all(AskExamination)[before:]
    assert [(c.department, c.round, c.subjects) for c in again] == [("x", 2, (FORM, CONDITION))]
    assert again[0].until == CALENDAR.close_of(date(2026, 1, 12)), "a new limit from the last piece"
    life.says("x", at=START + 3 * DAY)
    assert life.one(Accept).on == date(2026, 1, 8)


def test_only_who_asked_looks_again_unless_a_shared_paper_changed() -> None:
    life = noticed(x=(PLAN,))
    before = len(life.all(AskExamination))
    life.do(Supplemented(at=START + DAY, round=1, subjects=(PLAN,)))
    assert [c.department for c in life.all(AskExamination)[before:]] == ["x", "y"]


def test_a_second_notice_names_only_what_was_not_supplied_of_the_first() -> None:
    life = noticed()
    life.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,), complete=True))
    found = life.says("x", CONDITION, PLAN, at=START + 2 * DAY)
    assert [c.why for c in found if isinstance(c, Ignore)] == [
        f"not of this department, or not of the first notice: {PLAN}"
    ]
    second = life.all(SendNotice)[1]
    assert (second.round, second.findings) == (2, {"x": (CONDITION,)})
    life.do(Supplemented(at=START + 3 * DAY, round=2, subjects=(CONDITION,)))
    life.says("x", FORM, at=START + 3 * DAY + HOUR)
    assert life.one(Accept).kind is AcceptanceKind.EXPLICIT


def test_silence_after_an_answer_accepts_from_the_day_of_the_answer() -> None:
    life = noticed()
    life.do(Supplemented(at=START + 9 * DAY, round=1, subjects=(FORM, CONDITION)))
    ahead = next_instant(life.case)
    assert ahead is not None
    life.do(ClockReached(at=ahead))
    accept = life.one(Accept)
    assert (accept.kind, accept.on) == (AcceptanceKind.DEEMED, date(2026, 1, 14))
    assert accept.silent == ("x",)


def test_a_correction_is_seen_again_by_who_has_seen_the_old_paper() -> None:
    life = Life()
    life.says("x", PLAN)
    before = len(life.all(AskExamination))
    life.do(Supplemented(at=START + DAY, round=0, subjects=(PLAN,)))
    asked = life.all(AskExamination)[before:]
    assert [(c.department, c.task) for c in asked] == [("x", examination_name(NUMBER, "x", 2))]
    assert asked[0].until == ANSWER_BY, "within the same limit"
    for department in "xyz":
        life.says(department, at=START + DAY + HOUR)
    assert life.all(SendNotice) == []
    assert life.one(Accept)


def test_a_paper_that_was_allowed_to_follow_is_taken_after_the_acceptance() -> None:
    life = Life()
    for department in "xyz":
        life.says(department)
    issued = len(life.all(IssueTask))
    found = life.do(Supplemented(at=START + DAY, round=0, subjects=("material/later",)))
    assert [type(c) for c in found] == [TakeSupplement]
    assert len(life.all(IssueTask)) == issued


@pytest.mark.parametrize("stranger", [TITLE, "condition/B/1", "material/none", "condition/Q/1"])
def test_a_department_names_only_what_is_its_own(stranger: str) -> None:
    life = Life()
    found = life.says("x", stranger, FORM)
    assert [type(c) for c in found] == [Ignore, RecordExamination]
    life.says("y")
    life.says("z")
    assert life.one(SendNotice).findings == {"x": (FORM,)}


def test_a_limit_from_receipt_counts_from_the_receipt() -> None:
    life = Life(examined_route(receipt=True))
    for department in "xyz":
        life.says(department, at=START + 2 * DAY)
    dates = {one.key: one.dates for one in life.all(IssueTask)}
    assert dates["A/x"].statutory_on == CALENDAR.add_working_days(date(2026, 1, 5), 7)
    assert dates["B/y"].statutory_on == CALENDAR.add_working_days(date(2026, 1, 7), 19)


def test_an_answered_notice_moves_the_receipt() -> None:
    life = Life(examined_route(receipt=True))
    life.says("x", FORM)
    life.says("y")
    life.says("z")
    life.do(Supplemented(at=START + 2 * DAY, round=1, subjects=(FORM,)))
    life.says("x", at=START + 3 * DAY)
    [issued] = [one for one in life.all(IssueTask) if one.key == "A/x"]
    assert issued.dates.statutory_on == CALENDAR.add_working_days(date(2026, 1, 7), 7)


def test_a_withdrawal_takes_it_off_every_queue() -> None:
    life = Life()
    life.says("x")
    life.do(Withdrawn(at=START + DAY))
    assert [(c.department, c.silent) for c in life.all(CloseExamination)] == [
        ("y", False),
        ("z", False),
    ]
    assert life.one(Conclude).conclusion is Conclusion.WITHDRAWN
    assert next_instant(life.case) is None
    assert [type(c) for c in life.says("y")] == [Ignore]


def test_a_hold_lasts_over_the_acceptance() -> None:
    life = Life()
    life.do(Held(at=START))
    for department in "xyz":
        life.says(department)
    assert life.one(Accept)
    assert life.all(IssueTask) == []
    life.do(Resumed(at=START + DAY))
    assert {one.key for one in life.all(IssueTask)} == {"A/x", "B/y"}


def test_saying_it_again_changes_nothing() -> None:
    life = Life()
    again = Received(at=START)
    said = Examined(at=START + HOUR, task=examination_name(NUMBER, "x", 1), department="x")
    assert [type(c) for c in life.do(again)] == [Ignore]
    life.do(said)
    assert [type(c) for c in life.do(said)] == [Ignore]
    unknown = replace(said, department="q", task=examination_name(NUMBER, "q", 1))
    assert [type(c) for c in life.do(unknown)] == [Ignore]
    assert [type(c) for c in life.do(Supplemented(at=START, round=1))] == [Ignore]


def test_a_decision_before_the_acceptance_is_nothing() -> None:
    life = Life()
    task = f"{NUMBER}/A/x/1"
    assert [type(c) for c in life.do(Decided(at=START, task=task, outcome=Outcome.GRANTED))] == [
        Ignore
    ]


def test_the_case_survives_the_wire() -> None:
    life = noticed()
    told = msgspec.to_builtins(life.case)
    assert msgspec.convert(told, Case) == life.case
    assert "acceptance" not in msgspec.to_builtins(route(step(decide("A", "x"))))


@pytest.mark.parametrize("start", [builders.START + n * DAY for n in range(0, 40, 7)])
def test_the_promise_of_the_route_is_the_planners(start: date) -> None:
    plan = builders.planned(builders.catalogue(), start=start)
    of = route_of(plan, NUMBER, builders.CALENDAR)
    assert promise_from(of, start, builders.CALENDAR) == plan.promised_on


def test_the_planner_says_who_looks_and_at_what() -> None:
    catalogue = builders.catalogue(
        county={"acceptance": "by_departments"},
        materials=(
            {"id": "form", "name": builders.name("form")},
            {"id": "later", "name": builders.name("later"), "secondary": True},
            {"id": "a-result", "name": builders.name("a"), "result_of": "A-FILING"},
        ),
        items=(
            builders.item("A-FILING", "planning", materials=({"material": "form"},)),
            builders.item(
                "C-FIRE",
                "fire",
                materials=(
                    {"material": "form"},
                    {"material": "later", "may_follow": {"value": 10}},
                    {"material": "a-result"},
                ),
            ),
        ),
        groups=(),
    )
    plan = builders.planned(catalogue)
    assert plan.acceptance is not None
    assert plan.acceptance.departments == ("fire", "planning")
    of = route_of(plan, NUMBER, builders.CALENDAR)
    assert of.acceptance is not None
    assert of.acceptance.uses == {"form": ("fire", "planning")}
    assert of.acceptance.budget.value == 5
    assert users_of(of, "condition/C-FIRE/1") == {"fire"}


def test_a_county_that_accepts_on_the_spot_has_the_plans_it_had() -> None:
    plan = builders.planned(builders.catalogue())
    assert plan.acceptance is None
    assert "acceptance" not in plan.model_dump()
    assert "acceptance" not in builders.catalogue().model_dump()["county"]
    assert route_of(plan, NUMBER, builders.CALENDAR).acceptance is None


@st.composite
def examined_routes(draw: st.DrawFn) -> Route:
    """Any route, whose departments use some of four materials."""
    of = draw(routes())
    deciding = sorted({p.department for s in of.steps for p in s.parts if p.part == "decide"})
    users = st.lists(st.sampled_from(deciding), unique=True, min_size=1).map(tuple)
    return with_acceptance(of, {name: draw(users) for name in ("m-a", "m-b", "m-c", "m-d")})


@given(of=examined_routes(), start=st.dates(date(2026, 1, 5), date(2026, 6, 1)))
@settings(max_examples=100, deadline=None)
def test_a_promise_never_ends_before_any_of_its_steps(of: Route, start: date) -> None:
    ends = promise_from(of, start, CALENDAR)
    assert ends >= start
    later = promise_from(of, start + DAY, CALENDAR)
    assert later >= ends


class AcceptanceLife(RuleBasedStateMachine):
    """Any order of answers, silence, supplements and corrections leads to an acceptance."""

    @initialize(of=examined_routes())
    def submit(self, of: Route) -> None:
        self.life = Life(of)
        self.now = START
        self.first: set[str] | None = None

    @property
    def examination(self) -> Any:
        return self.life.case.examination

    def is_open(self) -> bool:
        return hasattr(self, "life") and not self.life.case.accepted

    def asked(self) -> bool:
        return self.is_open() and bool(self.examination.asked) and not self.examination.is_waiting

    @precondition(asked)
    @rule(data=st.data(), later=st.integers(0, 30))
    def answer(self, data: st.DataObject, later: int) -> None:
        self.now = self.now + later * HOUR
        department = data.draw(st.sampled_from(sorted(self.examination.asked)))
        subjects = [f"material/{m}" for m in ("m-a", "m-b", "m-c", "m-d")]
        found = data.draw(st.lists(st.sampled_from(subjects), unique=True))
        self.life.says(department, *found, at=self.now)

    @precondition(lambda self: self.is_open() and self.examination.is_waiting)
    @rule(data=st.data(), later=st.integers(0, 200), complete=st.booleans())
    def supplement(self, data: st.DataObject, later: int, complete: bool) -> None:
        self.now = self.now + later * HOUR
        left = list(self.examination.outstanding)
        given_ = data.draw(st.lists(st.sampled_from(left), unique=True)) if left else []
        self.life.do(
            Supplemented(
                at=self.now,
                round=self.examination.round,
                subjects=tuple(given_),
                complete=complete,
            )
        )

    @rule()
    def come_again(self) -> None:
        """A message delivered twice."""
        before = self.life.case.examination
        self.life.do(Received(at=START))
        assert self.life.case.examination == before

    @precondition(is_open)
    @rule(subject=st.sampled_from(["material/m-a", "material/m-b"]), late=st.integers(0, 40))
    def correct(self, subject: str, late: int) -> None:
        """Sometimes it is heard of late: after an answer to the old paper, or after the notice."""
        before = self.examination
        at = max(START, self.now - late * HOUR)
        self.life.do(Supplemented(at=at, round=0, subjects=(subject,)))
        if self.life.case.route.edition > 1 and before.is_waiting and before == self.examination:
            assert subject not in before.outstanding

    @precondition(lambda self: hasattr(self, "life") and bool(self.examination.closings))
    @rule(data=st.data(), early=st.integers(-5, 30))
    def answer_heard_of_late(self, data: st.DataObject, early: int) -> None:
        """The department's commit says whether it was silent, and nothing becomes of the rest."""
        before = self.examination
        task = data.draw(st.sampled_from(sorted(before.closings)))
        department = task.split("/")[2]
        at = before.closings[task] - early * HOUR
        self.life.do(Examined(at=at, task=task, department=department, findings=("material/m-a",)))
        was_in_time = early > 0
        assert (task in self.examination.closings) != was_in_time
        silent = len(before.silent) - was_in_time
        assert len(self.examination.silent) == silent
        assert self.examination.findings == before.findings

    @precondition(lambda self: self.is_open() and next_instant(self.life.case) is not None)
    @rule()
    def wait(self) -> None:
        ahead = next_instant(self.life.case)
        assert ahead is not None
        self.now = max(self.now, ahead)
        assert self.life.do(ClockReached(at=self.now)), "nothing happened at an instant asked for"

    @invariant()
    def lawful(self) -> None:
        if not hasattr(self, "life"):
            return
        notices = self.life.all(SendNotice)
        for notice in notices:
            named = {s for found in notice.findings.values() for s in found}
            assert named, "a notice that asks for nothing"
            if self.first is None:
                self.first = named
            assert named <= self.first, "a later notice names what the first did not"
        assert [n.round for n in notices] == sorted({n.round for n in notices})
        accepted = self.life.all(Accept)
        assert len(accepted) == int(self.life.case.accepted) <= 1
        if not accepted:
            assert self.life.all(IssueTask) == []
            waits, ahead = self.examination.is_waiting, next_instant(self.life.case)
            assert waits == (ahead is None), "stuck"
        for one in accepted:
            if one.kind is AcceptanceKind.DEEMED:
                assert one.on == one.received_on
                assert one.silent
            else:
                assert one.on == CALENDAR.local_date(one.at)
        states = [one.state for one in self.examination.examiners.values()]
        assert self.life.case.accepted <= (ExaminerState.ASKED not in states)


AcceptanceLife.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAcceptanceLife = AcceptanceLife.TestCase


@pytest.mark.parametrize(("edition", "told"), [(EDITION, ["z"]), (2, [])])
def test_whoever_has_not_answered_is_told_that_a_calendar_has_moved_his_time(
    edition: int, told: list[str]
) -> None:
    life = Life(replace(examined_route(), edition=edition))
    for department in sorted(life.case.examination.examiners)[:-1]:
        life.says(department)
    year = CALENDAR.years[0]
    moved = replace(year, off=year.off | {date(2026, 1, 6): "台风"})
    newer = replace(CALENDAR, version="newer", years=(moved,))
    said = life.do(Reprojected(at=START + 2 * HOUR, calendar=newer))
    found = [one for one in said if isinstance(one, RedateExamination)]
    assert [one.department for one in found] == told
    assert {one.until for one in found} <= {life.case.examination.answer_by}
