"""The functional core as a rule-based state machine: any route, any order of events, any fault."""

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from services.contracts.vocabulary import (
    OUTCOMES_OF,
    ApplicationStatus,
    Outcome,
    Part,
    PauseKind,
    StepState,
    TaskState,
    Unit,
)
from services.domain.approval import apply, begin, next_instant
from services.domain.calendar import WorkingCalendar
from services.domain.case import (
    Accepted,
    AnyEvent,
    AskLapse,
    AskRectification,
    Case,
    ClockReached,
    Conclude,
    Decided,
    EndTask,
    Extended,
    Held,
    Ignore,
    IssueTask,
    Lapsed,
    Paused,
    PauseEnded,
    Rectified,
    Release,
    Reprojected,
    Resumed,
    Withdrawn,
)
from services.domain.limits import Ledger
from services.domain.rectifying import (
    AskRectificationLapse,
    EndRectification,
    RectificationLapsed,
)
from services.domain.route import Budget, Route
from services.domain.turn import ENDED_STEPS, ENDED_TASKS, part_key, status_of, task_name
from tests.unit.oracle_days import expected, worked_days
from tests.unit.routes import CALENDAR, START, routes

DAY = timedelta(days=1)
FAR = date(2026, 12, 31)
CALENDARS = tuple(
    replace(
        CALENDAR,
        version=f"notice {n}",
        years=(
            replace(CALENDAR.years[0], off=CALENDAR.years[0].off | {START.date() + n * DAY: "x"}),
        ),
    )
    for n in (2, 5, 9)
)
WORKED = {one.version: worked_days(one, date(2025, 12, 1), FAR) for one in (CALENDAR, *CALENDARS)}

HOURS = st.integers(0, 60).map(lambda hours: timedelta(hours=hours))


def due_by_hand(budget: Budget, start: date) -> date:
    """The due date, counted day by day: an oracle that shares nothing with the code."""
    day, left = start, budget.value
    if budget.unit == "calendar_day":
        day += timedelta(days=left)
        left = 0
    while left:
        day += timedelta(days=1)
        left -= CALENDAR.is_working(day)
    while not CALENDAR.is_working(day):
        day += timedelta(days=1)
    return day


class ApprovalLife(RuleBasedStateMachine):
    @initialize(of=routes())
    def submit(self, of: Route) -> None:
        self.route = of
        self.now: datetime = START
        self.case: Case = begin(of, CALENDAR, START)
        self.parts = {part_key(p): (s, p) for s in of.steps for p in s.parts}
        self.issued: list[IssueTask] = []
        self.ended: list[EndTask] = []
        self.released: list[str] = []
        self.asked: set[str] = set()
        self.questions: set[tuple[str, int]] = set()
        self.notices: list[tuple[str, int, date]] = []
        self.concluded = 0
        self.history: list[AnyEvent] = []
        self.do(Accepted(at=START))

    def do(self, event: AnyEvent) -> tuple[Any, ...]:
        before = self.case
        self.case, commands = apply(before, event)
        assert (self.case, commands) == apply(before, event), "not a function"
        self.history.append(event)
        assert self.case.at >= before.at
        if before.conclusion is not None:
            assert [type(c) for c in commands] == [Ignore]
            assert self.case.items == before.items
        for command in commands:
            self.check(command)
        return commands

    def check(self, command: Any) -> None:
        match command:
            case IssueTask():
                self.check_issue(command)
            case EndTask():
                self.ended.append(command)
            case AskLapse():
                assert command.task not in self.asked
                self.asked.add(command.task)
                assert self.parts[command.key][1].part is Part.CONSULT
            case AskRectificationLapse():
                assert (command.step, command.round) not in self.questions
                self.questions.add((command.step, command.round))
            case AskRectification():
                rule = next(s.rectification for s in self.route.steps if s.code == command.step)
                assert rule is not None
                assert command.round <= rule.rounds, "more rounds than the catalogue allows"
                last = CALENDAR.local_date(command.until)
                self.notices.append((command.step, command.round, last))
            case EndRectification():
                [notice] = [n for n in self.notices if n[:2] == (command.step, command.round)]
                assert command.from_on <= command.until_on <= notice[2], "longer than its notice"
            case Release():
                step = next(s for s in self.route.steps if s.code == command.step)
                for part in step.parts:
                    assert self.case.tasks[part_key(part)].state not in {
                        TaskState.OPEN,
                        TaskState.WAITING,
                    }
                self.released += [result.item for result in command.results]
            case Conclude():
                self.concluded += 1

    def check_issue(self, command: IssueTask) -> None:
        step, part = self.parts[command.key]
        assert all(self.case.items.get(item) is Outcome.GRANTED for item in part.requires)
        assert command.task == task_name(self.route.application, part, command.round)
        if command.round == 1 and self.case.calendar is CALENDAR:
            today = CALENDAR.local_date(command.at)
            joint = min(due_by_hand(p.promised, today) for p in step.parts if p.part is Part.DECIDE)
            if part.part is Part.DECIDE:
                assert command.dates.promised_on == joint
            else:
                assert command.dates.promised_on <= joint
            if part.statute is not None:
                assert command.dates.statutory_on == due_by_hand(part.statute.budget, today)
        self.issued.append(command)

    def open_keys(self) -> list[str]:
        return [k for k, t in self.case.tasks.items() if t.state is TaskState.OPEN]

    def is_open(self) -> bool:
        return bool(self.open_keys())

    @precondition(is_open)
    @rule(data=st.data(), late=HOURS)
    def decide(self, data: st.DataObject, late: timedelta) -> None:
        key = data.draw(st.sampled_from(self.open_keys()))
        _, part = self.parts[key]
        outcome = data.draw(st.sampled_from(sorted(OUTCOMES_OF[part.part])))
        name = task_name(self.route.application, part, self.case.tasks[key].round)
        self.now += late
        self.do(Decided(at=self.now - late / 2, task=name, outcome=outcome, ref="r"))
        assert self.case.tasks[key].state is not TaskState.OPEN or self.case.tasks[key].round > 1

    @rule(data=st.data())
    def say_something_again(self, data: st.DataObject) -> None:
        """Duplicates and stragglers: once something was applied, saying it again does nothing."""
        event = data.draw(st.sampled_from(self.history))
        if isinstance(event, Decided | Lapsed | Rectified | Accepted):
            issued, ended = len(self.issued), len(self.ended)
            self.do(event)
            assert (issued, ended) == (len(self.issued), len(self.ended))

    @rule(outcome=st.sampled_from(Outcome), key=st.text("abc/", max_size=5))
    def say_nonsense(self, outcome: Outcome, key: str) -> None:
        before = self.case
        self.do(Decided(at=before.at, task=key, outcome=outcome))
        self.do(Rectified(at=before.at, step=key, round=1))
        assert self.case.items == before.items

    @precondition(lambda self: next_instant(self.case) is not None)
    @rule()
    def wait(self) -> None:
        ahead = next_instant(self.case)
        assert ahead is not None
        commands = self.do(ClockReached(at=ahead))
        assert commands, "the clock was asked for an instant at which nothing happens"
        self.now = max(self.now, ahead)
        after = next_instant(self.case)
        assert after is None or after != ahead or len(commands) > 0

    @precondition(lambda self: any(self.lapsing()))
    @rule(data=st.data())
    def lapse(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.lapsing()))
        status = self.case.tasks[key]
        name = task_name(self.route.application, self.parts[key][1], status.round)
        self.do(Lapsed(at=self.now, task=name, ref="l"))

    def lapsing(self) -> list[str]:
        return [k for k in self.open_keys() if self.case.tasks[k].lapse_asked]

    def rectifying(self) -> list[str]:
        return [k for k, s in self.case.steps.items() if s.state is StepState.RECTIFYING]

    @precondition(lambda self: bool(self.rectifying()))
    @rule(data=st.data(), later=HOURS)
    def rectify(self, data: st.DataObject, later: timedelta) -> None:
        code = data.draw(st.sampled_from(self.rectifying()))
        until = self.case.steps[code].rectify_until
        assert until is not None
        at = min(self.now + later, until - timedelta(seconds=1))
        if at < self.case.at:
            return
        self.now = max(self.now, at)
        kept = {
            part_key(p): self.case.tasks[part_key(p)]
            for p in next(s for s in self.route.steps if s.code == code).parts
        }
        self.do(Rectified(at=at, step=code, round=self.case.steps[code].round))
        for key, old in kept.items():
            if old.outcome in {Outcome.GRANTED, Outcome.NO_OBJECTION}:
                assert self.case.tasks[key] == old, "a signature that stood was asked for again"

    def unanswered(self) -> list[str]:
        return [k for k in self.rectifying() if self.case.steps[k].lapse_asked]

    @precondition(lambda self: bool(self.unanswered()))
    @rule(data=st.data(), later=HOURS)
    def close_notice(self, data: st.DataObject, later: timedelta) -> None:
        """Intake's store found no answer: the step is over, its time is not counted."""
        code = data.draw(st.sampled_from(self.unanswered()))
        status = self.case.steps[code]
        self.now += later
        self.do(RectificationLapsed(at=self.now, step=code, round=status.round))
        assert self.case.steps[code].state in ENDED_STEPS
        assert len(self.case.steps[code].pauses) == len(status.pauses) + 1

    @precondition(lambda self: bool(self.unanswered()))
    @rule(data=st.data(), hours=st.integers(1, 20))
    def answer_heard_of_late(self, data: st.DataObject, hours: int) -> None:
        """What intake had taken in time comes after the term, and counts."""
        code = data.draw(st.sampled_from(self.unanswered()))
        status = self.case.steps[code]
        assert status.rectify_until is not None
        at = status.rectify_until - hours * timedelta(hours=1)
        self.do(Rectified(at=at, step=code, round=status.round))
        assert self.case.steps[code].round == status.round + 1

    @precondition(is_open)
    @rule(data=st.data(), late=HOURS, length=st.integers(0, 9), cap=st.integers(0, 4) | st.none())
    def pause(self, data: st.DataObject, late: timedelta, length: int, cap: int | None) -> None:
        """A department stops a clock; sometimes the message comes late, or twice."""
        key = data.draw(st.sampled_from(self.open_keys()))
        self.now += late
        at = self.now - late / 2
        event = Paused(
            at=at,
            ref="p",
            task=self.name_of(key),
            pause=self.case.tasks[key].pauses_told + data.draw(st.integers(0, 1)),
            kind=PauseKind.EXPERT_REVIEW,
            until=CALENDAR.local_date(at) + length * DAY,
            cap=None if cap is None else Budget(value=cap, unit=data.draw(st.sampled_from(Unit))),
            notice=data.draw(st.sampled_from(["甲1号", ""])),
            article="行政许可法 45",
        )
        before = self.case.promised_at
        self.do(event)
        assert self.case.promised_at >= before

    @precondition(is_open)
    @rule(data=st.data(), late=HOURS)
    def end_pause(self, data: st.DataObject, late: timedelta) -> None:
        key = data.draw(st.sampled_from(self.open_keys()))
        self.now += late
        number = self.case.tasks[key].open_pause or 1
        before = self.case.promised_at
        self.do(PauseEnded(at=self.now, ref="e", task=self.name_of(key), pause=number))
        assert self.case.promised_at <= before

    @precondition(is_open)
    @rule(data=st.data(), value=st.integers(1, 10))
    def extend(self, data: st.DataObject, value: int) -> None:
        key = data.draw(st.sampled_from(self.open_keys()))
        promises = {k: t.dates and t.dates.promised_on for k, t in self.case.tasks.items()}
        self.do(
            Extended(
                at=self.now,
                ref="x",
                task=self.name_of(key),
                extension=self.case.tasks[key].extensions_told + data.draw(st.integers(0, 1)),
                budget=Budget(value=value, unit=data.draw(st.sampled_from(Unit))),
                approver="department_head",
                article="行政许可法 42",
            )
        )
        assert promises == {k: t.dates and t.dates.promised_on for k, t in self.case.tasks.items()}

    @rule(calendar=st.sampled_from(CALENDARS))
    def reproject(self, calendar: WorkingCalendar) -> None:
        # What waits may start, or become vain: a term may have run out since the last event.
        ended = {k: t for k, t in self.case.tasks.items() if t.state in ENDED_TASKS}
        over = self.case.conclusion is not None
        self.do(Reprojected(at=self.now, ref="n", calendar=calendar))
        assert over or self.case.calendar.version == calendar.version
        assert {k: self.case.tasks[k] for k in ended} == ended

    def name_of(self, key: str) -> str:
        return task_name(self.route.application, self.parts[key][1], self.case.tasks[key].round)

    @rule()
    def hold(self) -> None:
        self.do(Held(at=self.now))

    @rule()
    def resume(self) -> None:
        self.do(Resumed(at=self.now))

    @precondition(lambda self: len(self.history) > 12)
    @rule()
    def withdraw(self) -> None:
        self.do(Withdrawn(at=self.now))
        assert self.case.conclusion is not None

    @invariant()
    def conserved(self) -> None:
        if not hasattr(self, "case"):
            return
        over = self.case.conclusion is not None
        assert self.concluded == int(over)
        status = status_of(self.case)
        assert over == (status in {ApplicationStatus.CONCLUDED, ApplicationStatus.WITHDRAWN})
        if over:
            assert self.open_keys() == []
            assert all(s.state in ENDED_STEPS for s in self.case.steps.values())
        elif not self.case.held:
            assert self.open_keys() or self.rectifying(), "the case is stuck"

    @invariant()
    def dates_follow_from_the_ledger(self) -> None:
        """Every date of an open task is what an oracle makes of start, budget and ledger."""
        if not hasattr(self, "case"):
            return
        for key in self.open_keys():
            step, part = self.parts[key]
            status, begun = self.case.tasks[key], self.case.steps[step.code]
            if status.lapse_asked or part.part is Part.CONSULT:
                continue
            assert status.dates is not None
            assert begun.started_on is not None
            mine = [self.case.tasks[part_key(p)] for p in step.parts]
            joint = Ledger(pauses=(*begun.pauses, *(p for t in mine for p in t.pauses)))
            own = Ledger(pauses=(*begun.pauses, *status.pauses), extensions=status.extensions)
            promised = min(
                self.oracle(p.promised, begun.started_on, joint)
                for p in step.parts
                if p.part is Part.DECIDE
            )
            assert status.dates.promised_on == promised
            assert part.statute is not None
            statutory = self.oracle(part.statute.budget, begun.started_on, own)
            assert status.dates.statutory_on == statutory

    def oracle(self, budget: Budget, start: date, ledger: Ledger) -> date:
        return expected(budget, start, WORKED[self.case.calendar.version], ledger, FAR)[0]

    @invariant()
    def each_once(self) -> None:
        if not hasattr(self, "case"):
            return
        names = [command.task for command in self.issued]
        assert len(names) == len(set(names))
        ends = [command.task for command in self.ended if command.issued]
        assert len(ends) == len(set(ends))
        assert len(self.released) == len(set(self.released))


ApprovalLife.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestApprovalLife = ApprovalLife.TestCase
