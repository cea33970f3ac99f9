"""The shapes of the functional core: the state of one application, what happens, what follows.

An event is something that happened; a command is something the shell must write down and pass on.
Instants are UTC. `ref` is the identity of the message that told us: the shell finds reasons and
document numbers by it, so that no free text enters the workflow's history.
"""

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    DateChange,
    Outcome,
    PauseKind,
    Signal,
    StepState,
    TaskState,
)
from services.domain.calendar import WorkingCalendar
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    Examination,
    Examined,
    Received,
    RecordExamination,
    SendNotice,
    StrikeSilence,
    Supplemented,
    TakeSupplement,
)
from services.domain.happening import CaseEvent, Command
from services.domain.later_events import Awaited, PaperCommand, PapersLapsed
from services.domain.limit_events import LimitCommand, LimitEvent, LimitStatus
from services.domain.limits import Extension, Ledger, Pause
from services.domain.rectifying import RectificationLapsed, RectifyingCommand
from services.domain.route import Budget, Route
from services.domain.session_events import SessionMoved, TellSession


class Dates(Struct, frozen=True, kw_only=True):
    """The dates of one issued task; instants are the close of business of the dates.

    `expires_at` is until when silence does not renew the permit; None: it never does.
    """

    issued_at: DateTime
    promised_on: Date
    promised_at: DateTime
    warn_at: DateTime
    statutory_on: Date | None
    statutory_at: DateTime | None
    provisional: bool
    expires_at: DateTime | None = None


class TaskStatus(Struct, frozen=True, kw_only=True):
    """One department's part of a step in its present round.

    `pauses` and `extensions` are the part's own, over all rounds; `..._told` is the number of the
    last one heard of. An `open_pause` can be ended before the day it was given notice until.
    """

    state: TaskState = TaskState.WAITING
    round: int = 1
    outcome: Outcome | None = None
    decided_at: DateTime | None = None
    ref: str | None = None
    dates: Dates | None = None
    signals: tuple[Signal, ...] = ()
    lapse_asked: bool = False
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()
    open_pause: int | None = None
    pauses_told: int = 0
    extensions_told: int = 0
    sent_up_at: DateTime | None = None


class StepStatus(Struct, frozen=True, kw_only=True):
    """One step. `started_on` is the day its clocks were set running, `pauses` stop them.

    `asked_on` and `rectify_until` are set while the investor puts things right, `lapse_asked` when
    that time is over and intake's store was asked what came in it; `awaited` while its turn has
    come and it waits for papers; `waited` are the days it did. `papers_asked` are those of which
    intake's store was asked whether they came in their term, `papers_closed` those that did not.
    """

    state: StepState = StepState.WAITING
    round: int = 1
    started_on: Date | None = None
    pauses: tuple[Pause, ...] = ()
    asked_on: Date | None = None
    rectify_until: DateTime | None = None
    lapse_asked: bool = False
    awaited: Awaited | None = None
    waited: Pause | None = None
    papers_asked: tuple[str, ...] = ()
    papers_closed: tuple[str, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """Everything that is known of one application.

    `tasks` is keyed by `item/department`, `steps` by step code. `items` holds the final outcome of
    every item whose step is over; None means it was cancelled. `promised_at` moves only by the
    pauses of the steps. `papers` are the later ones that were handed in. `limits` are those beside
    the tasks' own, by key; `extensions` are those of the joint case.
    """

    route: Route
    calendar: WorkingCalendar
    at: DateTime
    promised_at: DateTime
    tasks: dict[str, TaskStatus]
    steps: dict[str, StepStatus]
    items: dict[str, Outcome | None] = {}
    accepted: bool = False
    held: bool = False
    late: bool = False
    conclusion: Conclusion | None = None
    examination: Examination | None = None
    papers: tuple[str, ...] = ()
    limits: dict[str, LimitStatus] = {}
    extensions: tuple[Extension, ...] = ()


class Accepted(CaseEvent, frozen=True, kw_only=True):
    """The application was accepted: everything that can start, starts."""


class Decided(CaseEvent, frozen=True, kw_only=True):
    """A department decided a task, or gave its opinion."""

    task: str
    outcome: Outcome


class Lapsed(CaseEvent, frozen=True, kw_only=True):
    """A consulted unit let its time pass; its own store found no opinion at that instant."""

    task: str


class Rectified(CaseEvent, frozen=True, kw_only=True):
    """The investor answered the one notice of a merged step."""

    step: str
    round: int


class Withdrawn(CaseEvent, frozen=True, kw_only=True):
    """The investor withdrew the application."""


class Held(CaseEvent, frozen=True, kw_only=True):
    """An operator stopped the issuing of further tasks; what is issued goes on."""


class Resumed(CaseEvent, frozen=True, kw_only=True):
    """An operator lifted the hold."""


class Paused(CaseEvent, frozen=True, kw_only=True):
    """A department stopped a task's clock, with written notice that it needs until `until`."""

    task: str
    pause: int
    kind: PauseKind
    until: Date
    cap: Budget | None
    notice: str
    article: str


class PauseEnded(CaseEvent, frozen=True, kw_only=True):
    """A department needs no more of the time it had given notice of."""

    task: str
    pause: int


class Extended(CaseEvent, frozen=True, kw_only=True):
    """A task's statutory limit was extended, by whoever the catalogue names."""

    task: str
    extension: int
    budget: Budget
    approver: str
    article: str


class Reprojected(CaseEvent, frozen=True, kw_only=True):
    """An operator projected the case onto another calendar: every date is derived anew."""

    calendar: WorkingCalendar


class ClockReached(CaseEvent, frozen=True, kw_only=True):
    """Time passed to `at` without anything else."""


AnyEvent = (
    Accepted
    | Received
    | Examined
    | Supplemented
    | Decided
    | Lapsed
    | Rectified
    | RectificationLapsed
    | PapersLapsed
    | Withdrawn
    | Held
    | Resumed
    | Paused
    | PauseEnded
    | Extended
    | Reprojected
    | LimitEvent
    | SessionMoved
    | ClockReached
)


class IssueTask(Command, frozen=True, kw_only=True):
    """Put a task on a department's queue."""

    task: str
    key: str
    step: str
    round: int
    dates: Dates


class EndTask(Command, frozen=True, kw_only=True):
    """Record how a task ended; `issued` tells whether a department ever saw it."""

    task: str
    key: str
    step: str
    round: int
    state: TaskState
    outcome: Outcome | None
    ref: str
    reason: str = ""
    issued: bool = True


class AskLapse(Command, frozen=True, kw_only=True):
    """Ask a department's store to decide between an opinion in time and silence."""

    task: str
    key: str


class ChangeStep(Command, frozen=True, kw_only=True):
    """Record the new state of a step."""

    step: str
    state: StepState


class ItemResult(Struct, frozen=True, kw_only=True):
    """The final outcome of one item, with the messages that its reasons and number stand in."""

    item: str
    department: str
    outcome: Outcome
    decided_at: DateTime
    refs: tuple[str, ...]
    deliver_by: Date | None = None


class Release(Command, frozen=True, kw_only=True):
    """Give the investor the results of a step, all at once, in the order of the law."""

    step: str
    results: tuple[ItemResult, ...]


class AskRectification(Command, frozen=True, kw_only=True):
    """Send the one notice of a merged step."""

    step: str
    round: int
    items: tuple[str, ...]
    refs: tuple[str, ...]
    until: DateTime


class RaiseSignal(Command, frozen=True, kw_only=True):
    """A deadline spoke; `task` is absent when it is the whole application's."""

    signal: Signal
    task: str | None = None


class LiftSignal(Command, frozen=True, kw_only=True):
    """A deadline spoke too early: an act committed before it had forestalled or moved it."""

    signal: Signal
    task: str | None = None


class ChangeStatus(Command, frozen=True, kw_only=True):
    """Record the status people are shown, and the promise as it now stands."""

    status: ApplicationStatus
    promised_at: DateTime


class Conclude(Command, frozen=True, kw_only=True):
    """The application is over."""

    conclusion: Conclusion
    used_working_days: int
    promised_working_days: int
    in_time: bool


class ChangeLedger(Command, frozen=True, kw_only=True):
    """Record all pauses and extensions of a task as they now stand, and what changed them."""

    task: str
    key: str
    step: str
    ledger: Ledger
    why: DateChange
    ref: str


class Redate(Command, frozen=True, kw_only=True):
    """Move the dates of an open task, and tell its department and the investor why."""

    task: str
    key: str
    step: str
    round: int
    before: Dates
    dates: Dates
    why: DateChange
    ref: str


class Repromise(Command, frozen=True, kw_only=True):
    """Record that the promise of the whole was moved, and why."""

    before: DateTime
    promised_at: DateTime
    provisional: bool
    why: DateChange
    ref: str


class ChangeCalendar(Command, frozen=True, kw_only=True):
    """Record the calendar by which the case is reckoned from now on."""

    version: str


class Ignore(Command, frozen=True, kw_only=True):
    """An event changed nothing: late, duplicate or unknown. It is still written in the journal."""

    event: str
    ref: str
    why: str


AnyCommand = (
    AskExamination
    | RecordExamination
    | CloseExamination
    | StrikeSilence
    | SendNotice
    | TakeSupplement
    | Accept
    | IssueTask
    | EndTask
    | AskLapse
    | ChangeStep
    | Release
    | AskRectification
    | RectifyingCommand
    | RaiseSignal
    | LiftSignal
    | ChangeStatus
    | Conclude
    | ChangeLedger
    | Redate
    | Repromise
    | ChangeCalendar
    | LimitCommand
    | TellSession
    | PaperCommand
    | Ignore
)
