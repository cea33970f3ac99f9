"""What one turn changes in the investor's eyes: the parts of one `application.progressed`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, assert_never

from services.contracts.clocks import ClockResumed
from services.contracts.events import (
    AcceptanceProgress,
    ClockNotice,
    Concluded,
    DeadlineSignal,
    Due,
    PapersAwaited,
    RectificationAsked,
    Result,
    SessionProgress,
    StepProgress,
    TaskProgress,
)
from services.contracts.limits import CaseExtended, JointLimitTold
from services.contracts.vocabulary import ApplicationStatus
from services.domain.case import (
    ChangeCalendar,
    ChangeStatus,
    ChangeStep,
    Conclude,
    Dates,
    Ignore,
    LiftSignal,
    RaiseSignal,
    Repromise,
)
from services.domain.later_events import AskPapers, GiveUpPapers
from services.domain.rectifying import EndRectification
from services.domain.session_events import TellSession
from services.orchestrator import session_turns

Plain: TypeAlias = (
    ChangeStep
    | ChangeStatus
    | RaiseSignal
    | LiftSignal
    | Conclude
    | Repromise
    | ChangeCalendar
    | EndRectification
    | TellSession
    | AskPapers
    | GiveUpPapers
    | Ignore
)


@dataclass
class Told:
    """What one turn changes in the investor's eyes, gathered command by command."""

    status: ApplicationStatus | None = None
    promised_at: datetime | None = None
    provisional: bool = False
    settled: bool = False
    tasks: dict[str, TaskProgress] = field(default_factory=dict)
    steps: dict[str, StepProgress] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    signals: list[DeadlineSignal] = field(default_factory=list)
    lifted: list[DeadlineSignal] = field(default_factory=list)
    rectifications: list[RectificationAsked] = field(default_factory=list)
    clocks: list[ClockNotice] = field(default_factory=list)
    resumed: list[ClockResumed] = field(default_factory=list)
    extended: CaseExtended | None = None
    joint: JointLimitTold | None = None
    sessions: list[SessionProgress] = field(default_factory=list)
    concluded: Concluded | None = None
    acceptance: AcceptanceProgress | None = None
    papers: dict[str, PapersAwaited] = field(default_factory=dict)

    def take(self, command: Plain) -> None:
        """Take in a command that says all there is to tell."""
        match command:
            case ChangeStep():
                self.steps[command.step] = StepProgress(step=command.step, state=command.state)
            case ChangeStatus():
                self.status, self.promised_at = command.status, command.promised_at
            case RaiseSignal():
                self.signals.append(_signal(command))
                same = (command.task, command.signal)
                self.lifted = [one for one in self.lifted if (one.task, one.signal) != same]
            case LiftSignal():
                self.lifted.append(_signal(command))
            case Repromise():
                self.provisional |= command.provisional
                self.settled = not command.provisional
            case AskPapers():
                self.papers[command.step] = _awaited(command)
            case TellSession():
                self.sessions.append(session_turns.progress(command))
            case Conclude():
                self.concluded = Concluded(
                    conclusion=command.conclusion,
                    at=command.at,
                    used_working_days=command.used_working_days,
                    promised_working_days=command.promised_working_days,
                    in_time=command.in_time,
                )
            case ChangeCalendar() | EndRectification() | GiveUpPapers() | Ignore():
                pass  # stands in the journal only
            case _:
                assert_never(command)


def _signal(command: RaiseSignal | LiftSignal) -> DeadlineSignal:
    return DeadlineSignal(task=command.task, signal=command.signal, at=command.at)


def _awaited(command: AskPapers) -> PapersAwaited:
    awaited = command.awaited
    return PapersAwaited(
        step=command.step,
        items=command.items,
        materials=awaited.materials,
        since=awaited.since,
        until=awaited.until,
        untils=awaited.untils,
    )


def due_of(dates: Dates) -> Due:
    """Return the wire form of a task's dates."""
    return Due(
        promised_on=dates.promised_on,
        promised_at=dates.promised_at,
        statutory_on=dates.statutory_on,
        statutory_at=dates.statutory_at,
        provisional=dates.provisional,
    )
