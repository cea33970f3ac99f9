"""The other two services of a life: the departments' desks and the investor's door.

Each keeps its own store and decides by it, as the real ones do: an opinion or a lapse by the row of
the task, an answer to a notice by its term. They know only what has reached them.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.contracts.vocabulary import (
    DEEMED,
    OUTCOMES_OF,
    Conclusion,
    Outcome,
    Part,
    Silence,
    TaskState,
)
from services.domain.case import (
    AskLapse,
    AskRectification,
    Conclude,
    Dates,
    EndTask,
    IssueTask,
    Lapsed,
    Redate,
    Release,
)
from services.domain.examination import Accept, AskExamination, CloseExamination, SendNotice
from services.domain.later_events import AskPapers, AskPapersLapse, PapersLapsed
from services.domain.rectifying import AskRectificationLapse, RectificationLapsed
from services.domain.route import Route, RoutePart
from tests.unit.lives_routes import is_own

OPEN, DONE, CLOSED = "open", "done", "closed"


@dataclass(kw_only=True)
class Desk:
    """A department's row of one task, or of one look at the papers."""

    name: str
    department: str
    part: RoutePart | None
    dates: Dates | None
    state: str = OPEN
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    subjects: tuple[str, ...] = ()
    pauses: int = 0
    paused_until: date | None = None
    extensions: int = 0
    sent_up: bool = False

    @property
    def may_lapse(self) -> bool:
        return self.part is not None and self.part.silence is not Silence.NONE


def is_expired(desk: Desk, now: datetime) -> bool:
    """Whether the permit that a task renews has expired: the law has decided by then."""
    at = None if desk.dates is None else desk.dates.expires_at
    return at is not None and at < now


Say = Callable[[str, Any], Any]


class Departments:
    """The store of all departments. `say(department, event without ref)` sends a message."""

    def __init__(self, route: Route, say: Say, tally: Counter[str]) -> None:
        self._route = route
        self._say = say
        self._tally = tally
        self.tasks: dict[str, Desk] = {}
        self.looks: dict[str, Desk] = {}

    def hear(self, says: Any, now: datetime) -> None:
        match says:
            case IssueTask():
                assert says.task not in self.tasks, "a task is on a queue twice [2]"
                _, part = self._route.parts[says.key]
                self.tasks[says.task] = Desk(
                    name=says.task, department=part.department, part=part, dates=says.dates
                )
            case EndTask():
                desk = self.tasks[says.task]
                if desk.state == OPEN:
                    desk.state, desk.ended_at = TaskState.CANCELLED, says.at
            case Redate():
                self.tasks[says.task].dates = says.dates
            case AskLapse():
                self._arbitrate(self.tasks[says.task], says, now)
            case AskExamination():
                assert says.task not in self.looks
                self.looks[says.task] = Desk(
                    name=says.task,
                    department=says.department,
                    part=None,
                    dates=None,
                    subjects=says.subjects,
                )
            case CloseExamination():
                desk = self.looks[says.task]
                desk.state = CLOSED if desk.state == OPEN else desk.state
            case _:
                raise AssertionError(says)

    def _arbitrate(self, desk: Desk, asked: AskLapse, now: datetime) -> None:
        assert desk.may_lapse, "silence means nothing here"
        assert desk.dates is not None
        assert desk.part is not None
        spoken_by = desk.part.expires_at or desk.dates.promised_at
        assert asked.at >= spoken_by, "a lapse is asked before its time"
        if desk.state != OPEN:
            self._tally["a lapse that lost"] += 1
            return
        at = max(now, asked.at)
        desk.state, desk.outcome, desk.ended_at = (
            TaskState.LAPSED,
            DEEMED[desk.part.silence],
            at,
        )
        self._say(desk.department, Lapsed(at=at, task=desk.name))

    def open(self) -> list[Desk]:
        return [desk for desk in self.tasks.values() if desk.state == OPEN]

    def asked(self) -> list[Desk]:
        return [desk for desk in self.looks.values() if desk.state == OPEN]

    def own(self) -> list[Desk]:
        """Tasks and looks of departments with software of their own, whatever their state."""
        every = (*self.tasks.values(), *self.looks.values())
        return [desk for desk in every if is_own(desk.department)]


def outcome_of(desk: Desk, *, adverse: bool) -> Outcome:
    assert desk.part is not None
    bad = {Outcome.REFUSED, Outcome.OBJECTION}
    return next(o for o in sorted(OUTCOMES_OF[desk.part.part]) if (o in bad) is adverse)


def may_pause(desk: Desk, day: date) -> bool:
    """What the departments' service asks before it stops or lengthens a clock."""
    if desk.part is None or desk.part.part is not Part.DECIDE or desk.dates is None:
        return False
    last = desk.dates.statutory_on
    return last is not None and day <= last and not is_paused(desk, day)


def is_paused(desk: Desk, day: date) -> bool:
    return desk.paused_until is not None and desk.paused_until >= day


@dataclass(kw_only=True)
class Door:
    """What intake knows: its projection of the application, and what the investor handed in."""

    say: Callable[[Any], Any]
    tally: Counter[str]
    notices: dict[str, AskRectification] = field(default_factory=dict)
    missing: SendNotice | None = None
    outstanding: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    given: set[str] = field(default_factory=set)
    closed: set[tuple[str, str]] = field(default_factory=set)
    looking: bool = False
    withdrawn: bool = False
    results: dict[str, Outcome] = field(default_factory=dict)
    ended: dict[str, EndTask] = field(default_factory=dict)
    conclusions: list[Conclusion] = field(default_factory=list)
    turns: int = 0

    def hear(self, says: tuple[Any, ...], now: datetime) -> None:
        self.turns += 1
        for command in says:
            match command:
                case Release():
                    for result in command.results:
                        assert result.item not in self.results, "a result is shown twice [3]"
                        self.results[result.item] = result.outcome
                case EndTask():
                    assert command.task not in self.ended, "a task's end is shown twice [3]"
                    self.ended[command.task] = command
                case Conclude():
                    self.conclusions.append(command.conclusion)
                case _:
                    self._hear_of_papers(command, now)

    def _hear_of_papers(self, command: Any, now: datetime) -> None:
        """What the investor is asked for."""
        match command:
            case AskRectification():
                self.notices[command.step] = command
            case AskRectificationLapse():
                self._arbitrate(command, now)
            case AskPapersLapse():
                self._close(command, now)
            case AskPapers():
                # A calendar tells anew of what is on its way: the store knows that it has come.
                asked = dict.fromkeys((*self.papers, *command.awaited.materials))
                self.papers = tuple(one for one in asked if one not in self.given)
            case AskExamination():
                self.looking, self.missing = True, None
            case SendNotice():
                self.looking, self.missing = False, command
                self.outstanding = tuple(dict.fromkeys(_subjects(command)))
            case Accept():
                self.looking = False
            case _:
                pass

    def _arbitrate(self, asked: AskRectificationLapse, now: datetime) -> None:
        """Close the notice, unless it was answered: then its answer is on its way."""
        notice = self.notices.get(asked.step)
        if notice is None or notice.round != asked.round or self.withdrawn:
            self.tally["a notice that was answered before it was closed"] += 1
            return
        del self.notices[asked.step]
        self.say(RectificationLapsed(at=max(now, asked.at), step=asked.step, round=asked.round))

    def _close(self, asked: AskPapersLapse, now: datetime) -> None:
        """Close what was not handed in; the rest is on its way."""
        lacking = tuple(one for one in asked.materials if one in self.papers)
        if not lacking or self.withdrawn:
            self.tally["papers that were handed in before they were closed"] += 1
            return
        self.tally["papers that were closed"] += 1
        self.papers = tuple(one for one in self.papers if one not in lacking)
        self.closed |= {(asked.step, one) for one in lacking}
        self.say(PapersLapsed(at=max(now, asked.at), step=asked.step, materials=lacking))

    @property
    def is_over(self) -> bool:
        return bool(self.conclusions) or self.withdrawn

    def waiting(self, now: datetime) -> list[AskRectification]:
        return [one for one in self.notices.values() if now < one.until]


def _subjects(notice: SendNotice) -> Iterator[str]:
    for found in notice.findings.values():
        yield from found
