"""Whole plans against simulated departments, in virtual time, through the functional core.

Nothing of the procedure is decided here: `approval.apply` does that, as in the workflow. This
module only plays the world around it: investors who hand in, officers who work off their
department's queue (the earliest promise first, as the window shows it), units that keep silent,
investors who put things right, and one timer for each application. The line of time is working
seconds without nights (`simulation_times.WorkingTime`); the core is told true instants.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any

from services.contracts.vocabulary import Outcome, Part, Silence, TaskState
from services.domain.acceptance import material_subject
from services.domain.approval import apply, begin, next_instant
from services.domain.case import (
    Accepted,
    AnyEvent,
    AskRectification,
    ChangeStep,
    ClockReached,
    Conclude,
    Decided,
    EndTask,
    IssueTask,
    Rectified,
)
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    Examined,
    Received,
    SendNotice,
    Supplemented,
)
from services.domain.later_events import AskPapers
from services.domain.route import Route, RoutePart, RouteStep
from services.domain.simulation_lives import (
    ACCEPTANCE,
    Assumptions,
    Life,
    Load,
    Round,
    Run,
    chain,
)
from services.domain.simulation_stores import ANSWERS
from services.domain.simulation_times import HOUR_S, Chance, WorkingTime
from services.domain.turn import part_key

RouteOf = Callable[[int, date], Route]
"""From the running number of an application and the day it is handed in to its route."""


class _Kind(IntEnum):
    """What happens at a place, in this order: the day's last signature, then the deadline."""

    DONE = 0
    CLOCK = 1
    ANSWER = 2
    ARRIVAL = 3


_Asked = AskRectification | SendNotice | AskPapers
"""What an investor answers, in his own time."""


class _Work:
    """One task, or one look at the papers, on a department's queue or on an officer's desk."""

    __slots__ = ("application", "begun", "command", "dead", "department", "due", "issued", "name")

    def __init__(
        self,
        application: "_Application",
        department: str,
        command: IssueTask | AskExamination,
        issued: int,
    ) -> None:
        self.application, self.department, self.command = application, department, command
        self.issued = issued
        self.begun: int | None = None
        self.dead = False
        if isinstance(command, IssueTask):
            self.name, self.due = f"{command.key}/{command.round}", command.dates.promised_at
        else:
            self.name, self.due = f"examination/{department}/{command.round}", command.until


class _Desk:
    """One department: its free officers, its queue, and what it has done so far."""

    def __init__(self, officers: int) -> None:
        self.officers = self.free = officers
        self.queue: list[tuple[datetime, int, _Work]] = []
        self.tasks = self.late = self.lapsed = self.waited = self.worked = 0


class _Application:
    """One application under way."""

    def __init__(self, number: int, route: Route, at: datetime, place: int, world: "World") -> None:
        self.number = number
        self.case = begin(route, world.line.calendar, at)
        self.parts = world.parts_of(route)
        self.chance = Chance(world.seed, number)
        self.arrived = place
        self.armed: int | None = None
        self.works: dict[str, _Work] = {}
        self.rounds: dict[str, list[Round]] = {}
        self.ended: dict[str, int] = {}


class World:
    """Departments, investors and the line of time. `run` may be called once."""

    def __init__(
        self, *, line: WorkingTime, route_of: RouteOf, assumptions: Assumptions, seed: int
    ) -> None:
        self.line, self.seed = line, seed
        self._route_of, self._assumed = route_of, assumptions
        self._desks: dict[str, _Desk] = {}
        self._due: list[tuple[int, _Kind, int, Any]] = []
        self._serial = 0
        self._now = 0
        self._lives: list[Life] = []
        self._touched: list[_Desk] = []
        self._known: dict[int, tuple[Sequence[RouteStep], dict[str, RoutePart]]] = {}

    def run(self, arrivals: Iterable[int]) -> Run:
        """Return what becomes of applications handed in at these places, numbered from 0.

        Raises KeyError for a part or department of which nothing is assumed.
        """
        for number, place in enumerate(arrivals):
            self._at(place, _Kind.ARRIVAL, number)
        while self._due:
            self._now, kind, _, what = heappop(self._due)
            _HAPPENS[kind](self, what)
            while self._touched:
                self._serve(self._touched.pop())
        loads = (_load(name, desk) for name, desk in sorted(self._desks.items()))
        lives = tuple(sorted(self._lives, key=lambda life: life.number))
        return Run(lives=lives, loads=tuple(loads), span=self._now, day=self.line.day)

    def parts_of(self, route: Route) -> dict[str, RoutePart]:
        """Return a route's parts by key; routes that share their steps share this."""
        known = self._known.get(id(route.steps))
        if known is None:
            parts = {part_key(part): part for step in route.steps for part in step.parts}
            known = self._known[id(route.steps)] = (route.steps, parts)
        return known[1]

    def _at(self, place: int, kind: _Kind, what: Any) -> None:
        self._serial += 1
        heappush(self._due, (place, kind, self._serial, what))

    def _arrives(self, number: int) -> None:
        at = self.line.opened(self._now)
        route = self._route_of(number, self.line.date_of(self._now))
        application = _Application(number, route, at, self._now, self)
        first = Accepted(at=at) if route.acceptance is None else Received(at=at)
        self._tell(application, first)

    def _done(self, work: _Work) -> None:
        if work.dead:
            return
        desk = self._desks[work.department]
        desk.free += 1
        desk.worked += self._now - (work.begun or 0)
        self._touched.append(desk)
        self._tell(work.application, self._said(work, self.line.closed(self._now)))

    def _rings(self, application: _Application) -> None:
        if application.armed != self._now:
            return
        application.armed = None
        ahead = next_instant(application.case)
        if ahead is not None and self.line.place_of(ahead) <= self._now:
            self._tell(application, ClockReached(at=ahead))
        self._arm(application)

    def _answers(self, asked: tuple[_Application, _Asked]) -> None:
        application, command = asked
        at = self.line.opened(self._now)
        answer: AnyEvent
        if isinstance(command, AskRectification):
            answer = Rectified(at=at, step=command.step, round=command.round)
        elif isinstance(command, AskPapers):
            answer = _handed_in(command, at)
        else:
            named = (subject for found in command.findings.values() for subject in found)
            subjects = tuple(dict.fromkeys(named))
            answer = Supplemented(at=at, round=command.round, subjects=subjects, complete=True)
        self._tell(application, answer)

    def _tell(self, application: _Application, event: AnyEvent) -> None:
        """Apply an event and what follows from it at once, and carry out what is commanded."""
        events: list[AnyEvent] = [event]
        is_timed = False
        while events:
            application.case, commands = apply(application.case, events.pop(0))
            for command in commands:
                carry_out = _CARRIES_OUT.get(type(command))
                if carry_out is not None:  # the rest is told to people, not to the world
                    carry_out(self, application, command)
                is_timed |= type(command) in _TIMED
                answered = ANSWERS.get(type(command))
                if answered is not None:
                    events.append(answered(command))
                if isinstance(command, AskPapers) and not self._awaits(application, command):
                    events.append(_handed_in(command, command.at))
        if is_timed:
            self._arm(application)

    def _arm(self, application: _Application) -> None:
        """Keep one timer, for the earliest instant; one that rings too early does no harm."""
        ahead = next_instant(application.case)
        if ahead is None:
            return
        place = max(self.line.place_of(ahead), self._now)
        if application.armed is None or place < application.armed:
            application.armed = place
            self._at(place, _Kind.CLOCK, application)

    def _issue(self, application: _Application, command: IssueTask) -> None:
        department = application.parts[command.key].department
        work = _Work(application, department, command, self._now)
        application.works[command.key] = work
        self._queue(work, command.step, silent=self._is_silent(work, command))

    def _examine(self, application: _Application, command: AskExamination) -> None:
        work = _Work(application, command.department, command, self._now)
        application.works[command.task] = work
        self._queue(work, ACCEPTANCE, silent=False)

    def _queue(self, work: _Work, step: str, *, silent: bool) -> None:
        desk = self._desk(work.department)
        desk.tasks += 1
        rounds = work.application.rounds.setdefault(step, [])
        if not rounds or rounds[-1].issued != self._now:
            rounds.append(Round(self._now))
        if not silent:
            self._serial += 1
            heappush(desk.queue, (work.due, self._serial, work))
            self._touched.append(desk)

    def _desk(self, department: str) -> _Desk:
        desk = self._desks.get(department)
        if desk is None:
            desk = self._desks[department] = _Desk(self._assumed.officers[department])
        return desk

    def _serve(self, desk: _Desk) -> None:
        """Give free officers the next tasks of their queue."""
        while desk.free and desk.queue:
            work = heappop(desk.queue)[2]
            if work.dead:
                continue
            desk.free -= 1
            desk.waited += self._now - work.issued
            work.begun = self._now
            times = self._assumed.examine
            if isinstance(work.command, IssueTask):
                times = self._assumed.hours[work.command.key]
            seconds = times.at(self._share(work, "hours")) * HOUR_S
            self._at(self._now + max(round(seconds), 1), _Kind.DONE, work)

    def _end(self, application: _Application, ended: EndTask) -> None:
        """Take a task off its queue or desk; one that was never issued is on neither."""
        work = application.works.pop(ended.key, None)
        if work is None:
            return
        desk = self._take_away(work, free=ended.state is not TaskState.DECIDED)
        desk.lapsed += ended.state is TaskState.LAPSED
        desk.late += ended.state is not TaskState.CANCELLED and ended.at > work.due
        self._note(work, ended.step)

    def _close(self, application: _Application, closed: CloseExamination) -> None:
        work = application.works.pop(closed.task)
        desk = self._take_away(work, free=True)
        desk.lapsed += closed.silent
        self._note(work, ACCEPTANCE)

    def _take_away(self, work: _Work, *, free: bool) -> _Desk:
        """Take a task away; `free` the officer who is at it."""
        work.dead = True
        desk = self._desks[work.department]
        if free and work.begun is not None:
            desk.free += 1
            desk.worked += self._now - work.begun
            self._touched.append(desk)
        return desk

    def _note(self, work: _Work, step: str) -> None:
        """Note whose part of a round was the last to end."""
        latest = work.application.rounds[step][-1]
        latest.ended, latest.department = self._now, work.department
        latest.begun = self._now if work.begun is None else work.begun

    def _ask(self, application: _Application, command: AskRectification | SendNotice) -> None:
        step = command.step if isinstance(command, AskRectification) else ACCEPTANCE
        share = application.chance(f"{step}/{command.round}/answer")
        took = max(round(self._assumed.answer.at(share) * HOUR_S), 1)
        self._at(self._now + took, _Kind.ANSWER, (application, command))

    def _awaits(self, application: _Application, command: AskPapers) -> bool:
        """Whether the investor takes his time; then he hands in all that is awaited at once."""
        share = application.chance(f"{command.step}/papers")
        took = round(self._assumed.papers.at(share) * HOUR_S)
        if took:
            self._at(self._now + took, _Kind.ANSWER, (application, command))
        return took > 0

    def _change(self, application: _Application, command: ChangeStep) -> None:
        application.ended[command.step] = self._now

    def _accept(self, application: _Application, _: Accept) -> None:
        application.ended[ACCEPTANCE] = self._now

    def _conclude(self, application: _Application, command: Conclude) -> None:
        life = Life(
            number=application.number,
            arrived=application.arrived,
            ended=self._now,
            conclusion=command.conclusion,
            used_days=command.used_working_days,
            promised_days=command.promised_working_days,
            in_time=command.in_time,
            chain=chain(application.case.route, application.rounds, application.ended),
        )
        self._lives.append(life)

    def _said(self, work: _Work, at: datetime) -> AnyEvent:
        """Return what a department says of a task, or of the papers."""
        command = work.command
        if isinstance(command, IssueTask):
            part = work.application.parts[command.key].part
            return Decided(at=at, task=command.task, outcome=self._outcome(work, part))
        work.application.works.pop(command.task)
        self._note(work, ACCEPTANCE)
        missing = self._share(work, "incomplete") < self._assumed.incomplete
        findings = command.subjects[:1] if missing else ()
        return Examined(at=at, task=command.task, department=work.department, findings=findings)

    def _outcome(self, work: _Work, part: Part) -> Outcome:
        share = self._share(work, "outcome")
        if part is Part.DECIDE:
            return Outcome.REFUSED if share < self._assumed.refused else Outcome.GRANTED
        return Outcome.OBJECTION if share < self._assumed.objected else Outcome.NO_OBJECTION

    def _is_silent(self, work: _Work, command: IssueTask) -> bool:
        counts = work.application.parts[command.key].silence is Silence.NO_OBJECTION
        return counts and self._share(work, "silent") < self._assumed.silent

    @staticmethod
    def _share(work: _Work, what: str) -> float:
        return work.application.chance(f"{work.name}/{what}")


def _handed_in(asked: AskPapers, at: datetime) -> Supplemented:
    subjects = tuple(material_subject(one) for one in asked.awaited.materials)
    return Supplemented(at=at, round=0, subjects=subjects)


_HAPPENS: dict[_Kind, Callable[[World, Any], None]] = {
    _Kind.DONE: World._done,
    _Kind.CLOCK: World._rings,
    _Kind.ANSWER: World._answers,
    _Kind.ARRIVAL: World._arrives,
}
_CARRIES_OUT: dict[type, Callable[[World, _Application, Any], None]] = {
    IssueTask: World._issue,
    EndTask: World._end,
    AskExamination: World._examine,
    CloseExamination: World._close,
    AskRectification: World._ask,
    SendNotice: World._ask,
    ChangeStep: World._change,
    Accept: World._accept,
    Conclude: World._conclude,
}
_TIMED = {AskPapers, IssueTask, AskExamination, AskRectification, SendNotice, Accept}
"""What may bring the next instant of a case forward; all else only puts it off."""


def _load(department: str, desk: _Desk) -> Load:
    return Load(
        department=department,
        officers=desk.officers,
        tasks=desk.tasks,
        late=desk.late,
        lapsed=desk.lapsed,
        waited=desk.waited,
        worked=desk.worked,
    )
