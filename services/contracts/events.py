"""Every event that crosses a service's border, as a frozen model.

No field carries personal data: people appear as keyed hashes (`*_ref`), files as their SHA-256.
Fields are only ever added, and only as optional; a change of meaning is a new version of the type.
"""

from datetime import date
from typing import ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from services.contracts.acceptance import (
    AcceptanceProgress,
    ApplicationSupplemented,
    ExaminationAsked,
    ExaminationClosed,
    ExaminationDone,
    ExaminationRedated,
)
from services.contracts.clocks import (
    ClockNotice,
    ClockResumed,
    TaskExtended,
    TaskPaused,
    TaskPauseEnded,
)
from services.contracts.fees import FeeRepaid
from services.contracts.lapses import SpokenOutcome, TaskLapsed, TaskLapseDue
from services.contracts.later import PapersAwaited, PapersLapsed, PapersLapseDue
from services.contracts.limits import CaseExtended, JointLimitTold, TaskSentUp
from services.contracts.ratings import FollowUpTold, RatingGiven
from services.contracts.rectification import RectificationLapsed, RectificationLapseDue
from services.contracts.sessions import AppointmentAnswered, SessionProgress, SessionTold
from services.contracts.vocabulary import (
    DEEMED,
    ApplicationStatus,
    Authority,
    Conclusion,
    DateChange,
    Outcome,
    Part,
    Role,
    Signal,
    Silence,
    StepState,
    TaskState,
)
from services.contracts.wire import (
    NUMBER_PATTERN,
    ApplicationNumber,
    Code,
    Event,
    Fact,
    MaterialRef,
    ProjectCode,
    Ref,
    Sha256,
    TaskName,
    Text,
    Wire,
    explained,
)

# What others import from here though it is defined in `wire`; the events themselves are `EVENTS`.
__all__ = [
    "NUMBER_PATTERN",
    "AcceptanceProgress",
    "ApplicationNumber",
    "ApplicationSupplemented",
    "ClockNotice",
    "Code",
    "Event",
    "ExaminationAsked",
    "ExaminationClosed",
    "ExaminationDone",
    "MaterialRef",
    "PapersAwaited",
    "ProjectCode",
    "RectificationLapseDue",
    "RectificationLapsed",
    "Ref",
    "SessionProgress",
    "SessionTold",
    "TaskExtended",
    "TaskLapseDue",
    "TaskLapsed",
    "TaskPauseEnded",
    "TaskPaused",
    "Text",
    "Wire",
]


class ApplicationSubmitted(Event):
    """An investor's application was received and found complete. Sent once per application."""

    TYPE: ClassVar[str] = "lianshen.application.submitted.v1"

    application: ApplicationNumber
    project_code: ProjectCode
    scenario: Code
    facts: dict[str, Fact] = Field(description="The answers to the scenario's questions.")
    held: dict[Code, str] = Field(
        default_factory=dict, description="Results already in the system: item -> result number."
    )
    catalogue_version: str
    calendar_version: str
    plan_digest: Sha256 = Field(description="SHA-256 of the plan shown to the investor.")
    applicant_refs: tuple[Ref, ...] = Field(
        description="Keyed hashes of applicant and agent: none of them may act on the application."
    )
    materials: tuple[MaterialRef, ...] = ()
    submitted_at: AwareDatetime


class ApplicationRectified(Event):
    """The investor answered a merged step's one notice; the units that objected see it again."""

    TYPE: ClassVar[str] = "lianshen.application.rectified.v1"

    application: ApplicationNumber
    step: str
    round: int = Field(ge=1, description="The round that is being answered.")
    materials: tuple[MaterialRef, ...] = ()
    rectified_at: AwareDatetime


class ApplicationWithdrawn(Event):
    """The investor withdrew the application; whatever is open is cancelled."""

    TYPE: ClassVar[str] = "lianshen.application.withdrawn.v1"

    application: ApplicationNumber
    withdrawn_at: AwareDatetime


class Due(Wire):
    """The dates of one task. Dates are Asia/Shanghai, instants UTC (close of business)."""

    promised_on: date
    promised_at: AwareDatetime
    statutory_on: date | None = None
    statutory_at: AwareDatetime | None = None
    provisional: bool = Field(description="True when a day counted lies in an unpublished year.")


class TaskIssued(Event):
    """A department has work: decide on an item, or give an opinion on it."""

    TYPE: ClassVar[str] = "lianshen.task.issued.v1"

    application: ApplicationNumber
    task: TaskName = Field(
        description="`<application>/<item>/<department>/<round>`, unique for ever."
    )
    step: str
    item: Code
    department: Code
    part: Part
    round: int = Field(ge=1)
    project_code: ProjectCode
    scenario: Code
    facts: dict[str, Fact]
    catalogue_version: str
    authority: Authority = Authority.REPRESENTATIVE
    silence: Silence = Silence.NONE
    expires_at: AwareDatetime | None = Field(
        default=None,
        description="End of the permit to be renewed: silence until then renews it (`renewed`).",
    )
    participants: tuple[Code, ...] = Field(
        default=(), description="Departments that sign this step together, this one included."
    )
    group: Code | None = Field(default=None, description="The catalogue's group of a merged step.")
    lead: Code | None = Field(
        default=None, description="The department that convenes the merged step's joint sessions."
    )
    applicant_refs: tuple[Ref, ...] = ()
    materials: tuple[MaterialRef, ...] = ()
    issued_at: AwareDatetime
    due: Due


class TaskCancelled(Event):
    """A task is no longer wanted (the application was withdrawn, or a prerequisite refused)."""

    TYPE: ClassVar[str] = "lianshen.task.cancelled.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    reason: str
    cancelled_at: AwareDatetime


class TaskRedated(Event):
    """The dates of an open task were moved; nothing else about it has changed."""

    TYPE: ClassVar[str] = "lianshen.task.redated.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    due: Due
    why: DateChange
    redated_at: AwareDatetime


class TaskDecided(Event):
    """A department decided, or gave its opinion. The commit instant is the department's.

    A refusal needs reasons and remedies, an objection its reasons. Silence is no decision: it is
    `lianshen.task.lapsed.v1`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                explained(when=Outcome.REFUSED, needs=("reasons", "remedies")),
                explained(when=Outcome.OBJECTION, needs=("reasons",)),
                {"not": {"properties": {"outcome": {"const": Outcome.DEEMED_NO_OBJECTION.value}}}},
            ]
        }
    )

    TYPE: ClassVar[str] = "lianshen.task.decided.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    outcome: SpokenOutcome
    result_number: str | None = Field(
        default=None, max_length=200, description="Number of the document granted."
    )
    conditions: tuple[Text, ...] = Field(default=(), description="What a grant is subject to.")
    reasons: tuple[Text, ...] = Field(
        default=(), description="Compulsory on refusal (行政许可法 38)."
    )
    remedies: tuple[Text, ...] = Field(
        default=(), description="复议 and 诉讼; compulsory on refusal (行政许可法 38)."
    )
    actor_ref: Ref
    actor_role: Role
    decided_at: AwareDatetime

    @model_validator(mode="after")
    def _complete(self) -> Self:
        refused, objected = self.outcome is Outcome.REFUSED, self.outcome is Outcome.OBJECTION
        if (refused or objected) and not self.reasons:
            raise ValueError("a refusal and an objection need reasons")
        if refused and not self.remedies:
            raise ValueError("a refusal needs remedies")
        if self.outcome in DEEMED.values():
            raise ValueError("silence is told with lianshen.task.lapsed.v1")
        return self


class TaskProgress(Wire):
    """A task as the investor may see it."""

    task: TaskName
    step: str
    item: Code
    department: Code
    part: Part
    round: int
    state: TaskState
    outcome: Outcome | None = None
    issued_at: AwareDatetime | None = None
    decided_at: AwareDatetime | None = None
    due: Due | None = None


class StepProgress(Wire):
    """A step as the investor may see it."""

    step: str
    state: StepState


class Result(Wire):
    """A result: what the department decided on one item, with reasons and remedies if refused."""

    item: Code
    department: Code
    outcome: Outcome
    number: str | None = None
    conditions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    decided_at: AwareDatetime
    released_at: AwareDatetime


class DeadlineSignal(Wire):
    """A deadline spoke: about one task, or about the whole application (`task` absent)."""

    task: TaskName | None = None
    signal: Signal
    at: AwareDatetime


class RectificationAsked(Wire):
    """The one notice of a merged step: which items must be put right, by when, and why."""

    step: str
    round: int
    items: tuple[Code, ...]
    reasons: tuple[str, ...] = ()
    until: AwareDatetime


class Concluded(Wire):
    """The end of an application."""

    conclusion: Conclusion
    at: AwareDatetime
    used_working_days: int
    promised_working_days: int
    in_time: bool


class ApplicationProgressed(Event):
    """Everything one step of the workflow changed, in one piece: shown at once or not at all."""

    TYPE: ClassVar[str] = "lianshen.application.progressed.v1"

    application: ApplicationNumber
    status: ApplicationStatus
    at: AwareDatetime
    promised_at: AwareDatetime | None = None
    provisional: bool = False
    settled: bool = Field(
        default=False, description="The promise was moved and is not provisional (any more)."
    )
    tasks: tuple[TaskProgress, ...] = ()
    steps: tuple[StepProgress, ...] = ()
    results: tuple[Result, ...] = ()
    signals: tuple[DeadlineSignal, ...] = ()
    lifted: tuple[DeadlineSignal, ...] = Field(
        default=(), description="Signals taken back: the act had been committed in time."
    )
    rectification: RectificationAsked | None = None
    further_rectifications: tuple[RectificationAsked, ...] = Field(
        default=(), description="Notices of other steps that were sent at the same moment."
    )
    clocks: tuple[ClockNotice, ...] = ()
    resumed: tuple[ClockResumed, ...] = ()
    extended: CaseExtended | None = None
    joint: JointLimitTold | None = None
    sessions: tuple[SessionProgress, ...] = ()
    concluded: Concluded | None = None
    acceptance: AcceptanceProgress | None = None
    papers: tuple[PapersAwaited, ...] = ()


class Receipt(Event):
    """`consumer` has these events safely in its own store; the producer may stop re-sending."""

    TYPE: ClassVar[str] = "lianshen.message.received.v1"

    consumer: str
    event_ids: tuple[UUID, ...] = Field(min_length=1)


EVENTS: dict[str, type[Event]] = {
    model.TYPE: model
    for model in (
        ApplicationSubmitted,
        ApplicationSupplemented,
        ApplicationRectified,
        RectificationLapseDue,
        RectificationLapsed,
        ApplicationWithdrawn,
        ExaminationAsked,
        *(ExaminationClosed, ExaminationRedated),
        ExaminationDone,
        TaskIssued,
        TaskCancelled,
        TaskLapseDue,
        TaskRedated,
        TaskDecided,
        TaskLapsed,
        TaskPaused,
        TaskPauseEnded,
        TaskExtended,
        TaskSentUp,
        *(SessionTold, AppointmentAnswered),
        *(PapersLapseDue, PapersLapsed, RatingGiven, FollowUpTold, FeeRepaid),
        ApplicationProgressed,
        Receipt,
    )
}
