"""The shapes of the functional core: the state of one application, what happens, what follows.

An event is something that happened; a command is something the shell must write down and pass on.
Instants are UTC. `ref` is the identity of the message that told us: the shell finds reasons and
document numbers by it, so that no free text enters the workflow's history.
"""

from datetime import date, datetime

from msgspec import Struct

from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Signal,
    StepState,
    TaskState,
)
from services.domain.calendar import WorkingCalendar
from services.domain.route import Route


class Dates(Struct, frozen=True, kw_only=True):
    """The dates of one issued task; instants are the close of business of the dates."""

    issued_at: datetime
    promised_on: date
    promised_at: datetime
    warn_at: datetime
    statutory_on: date | None
    statutory_at: datetime | None
    provisional: bool


class TaskStatus(Struct, frozen=True, kw_only=True):
    """One department's part of a step in its present round."""

    state: TaskState = TaskState.WAITING
    round: int = 1
    outcome: Outcome | None = None
    decided_at: datetime | None = None
    ref: str | None = None
    dates: Dates | None = None
    signals: tuple[Signal, ...] = ()
    lapse_asked: bool = False


class StepStatus(Struct, frozen=True, kw_only=True):
    """One step; `asked_on` and `rectify_until` are set while the investor puts things right."""

    state: StepState = StepState.WAITING
    round: int = 1
    asked_on: date | None = None
    rectify_until: datetime | None = None


class Case(Struct, frozen=True, kw_only=True):
    """Everything that is known of one application.

    `tasks` is keyed by `item/department`, `steps` by step code. `items` holds the final outcome of
    every item whose step is over; None means it was cancelled. `promised_at` moves only by the
    working days that the investor took for rectification, up to `excused_until`.
    """

    route: Route
    calendar: WorkingCalendar
    at: datetime
    promised_at: datetime
    tasks: dict[str, TaskStatus]
    steps: dict[str, StepStatus]
    items: dict[str, Outcome | None] = {}
    accepted: bool = False
    held: bool = False
    late: bool = False
    excused_days: int = 0
    excused_until: date | None = None
    conclusion: Conclusion | None = None


class CaseEvent(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what can happen."""

    at: datetime
    ref: str = ""


class Accepted(CaseEvent):
    """The application was accepted: everything that can start, starts."""


class Decided(CaseEvent):
    """A department decided a task, or gave its opinion."""

    task: str
    outcome: Outcome


class Lapsed(CaseEvent):
    """A consulted unit let its time pass; its own store found no opinion at that instant."""

    task: str


class Rectified(CaseEvent):
    """The investor answered the one notice of a merged step."""

    step: str
    round: int


class Withdrawn(CaseEvent):
    """The investor withdrew the application."""


class Held(CaseEvent):
    """An operator stopped the issuing of further tasks; what is issued goes on."""


class Resumed(CaseEvent):
    """An operator lifted the hold."""


class ClockReached(CaseEvent):
    """Time passed to `at` without anything else."""


AnyEvent = Accepted | Decided | Lapsed | Rectified | Withdrawn | Held | Resumed | ClockReached


class Command(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what the shell must carry out, in order, in one transaction."""

    at: datetime


class IssueTask(Command):
    """Put a task on a department's queue."""

    task: str
    key: str
    step: str
    round: int
    dates: Dates


class EndTask(Command):
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


class AskLapse(Command):
    """Ask a department's store to decide between an opinion in time and silence."""

    task: str
    key: str


class ChangeStep(Command):
    """Record the new state of a step."""

    step: str
    state: StepState


class ItemResult(Struct, frozen=True, kw_only=True):
    """The final outcome of one item, with the messages that its reasons and number stand in."""

    item: str
    department: str
    outcome: Outcome
    decided_at: datetime
    refs: tuple[str, ...]


class Release(Command):
    """Give the investor the results of a step, all at once, in the order of the law."""

    step: str
    results: tuple[ItemResult, ...]


class AskRectification(Command):
    """Send the one notice of a merged step."""

    step: str
    round: int
    items: tuple[str, ...]
    refs: tuple[str, ...]
    until: datetime


class RaiseSignal(Command):
    """A deadline spoke; `task` is absent when it is the whole application's."""

    signal: Signal
    task: str | None = None


class LiftSignal(Command):
    """A deadline spoke too early: the decision had been committed before it."""

    signal: Signal
    task: str


class ChangeStatus(Command):
    """Record the status people are shown, and the promise as it now stands."""

    status: ApplicationStatus
    promised_at: datetime


class Conclude(Command):
    """The application is over."""

    conclusion: Conclusion
    used_working_days: int
    promised_working_days: int
    in_time: bool


class Ignore(Command):
    """An event changed nothing: late, duplicate or unknown. It is still written in the journal."""

    event: str
    ref: str
    why: str


AnyCommand = (
    IssueTask
    | EndTask
    | AskLapse
    | ChangeStep
    | Release
    | AskRectification
    | RaiseSignal
    | LiftSignal
    | ChangeStatus
    | Conclude
    | Ignore
)
