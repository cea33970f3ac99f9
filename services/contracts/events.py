"""Every event that crosses a service's border, as a frozen model.

No field carries personal data: people appear as keyed hashes (`*_ref`), files as their SHA-256.
Fields are only ever added, and only as optional; a change of meaning is a new version of the type.
"""

from datetime import date
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from services.contracts.vocabulary import (
    ApplicationStatus,
    Authority,
    Conclusion,
    Outcome,
    Part,
    Role,
    Signal,
    Silence,
    StepState,
    TaskState,
)

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
ProjectCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
NUMBER_PATTERN = r"^[A-Z]{2,6}[0-9]{8}-[0-9]{6,9}-[0-9]$"
ApplicationNumber = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
TaskName = Annotated[
    str, StringConstraints(pattern=r"^[^/]+/[^/]+/[^/]+/[1-9][0-9]*$", max_length=256)
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Fact = bool | int | float | str


class Wire(BaseModel):
    """Base of everything on the wire: frozen, tolerant of fields it does not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Wire):
    """Base of the events; `TYPE` is the CloudEvents type."""

    TYPE: ClassVar[str]


class MaterialRef(Wire):
    """A material that is there, by its catalogue id and the hash of its file (if it is a file)."""

    material: Code
    sha256: Sha256 | None = None


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
    participants: tuple[Code, ...] = Field(
        default=(), description="Departments that sign this step together, this one included."
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


class TaskLapseDue(Event):
    """A unit's time for an opinion is over; its own store decides whether it was in time."""

    TYPE: ClassVar[str] = "lianshen.task.lapse_due.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    due_at: AwareDatetime


def _explained(*, when: Outcome, needs: tuple[str, ...]) -> dict[str, Any]:
    """Return the rule that an outcome needs these lists, as JSON Schema."""
    return {
        "if": {"properties": {"outcome": {"const": when.value}}},
        "then": {"required": list(needs), "properties": {name: {"minItems": 1} for name in needs}},
    }


class TaskDecided(Event):
    """A department decided, or gave its opinion. The commit instant is the department's.

    A refusal needs reasons and remedies, an objection its reasons. Silence is no decision: it is
    `lianshen.task.lapsed.v1`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                _explained(when=Outcome.REFUSED, needs=("reasons", "remedies")),
                _explained(when=Outcome.OBJECTION, needs=("reasons",)),
                {"not": {"properties": {"outcome": {"const": Outcome.DEEMED_NO_OBJECTION.value}}}},
            ]
        }
    )

    TYPE: ClassVar[str] = "lianshen.task.decided.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    outcome: Outcome
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
        if self.outcome is Outcome.DEEMED_NO_OBJECTION:
            raise ValueError("silence is told with lianshen.task.lapsed.v1")
        return self


class TaskLapsed(Event):
    """A consulted unit kept silent; its silence counts as no objection and is recorded."""

    TYPE: ClassVar[str] = "lianshen.task.lapsed.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    lapsed_at: AwareDatetime


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
    tasks: tuple[TaskProgress, ...] = ()
    steps: tuple[StepProgress, ...] = ()
    results: tuple[Result, ...] = ()
    signals: tuple[DeadlineSignal, ...] = ()
    lifted: tuple[DeadlineSignal, ...] = Field(
        default=(), description="Signals taken back: the act had been committed in time."
    )
    rectification: RectificationAsked | None = None
    concluded: Concluded | None = None


class Receipt(Event):
    """`consumer` has these events safely in its own store; the producer may stop re-sending."""

    TYPE: ClassVar[str] = "lianshen.message.received.v1"

    consumer: str
    event_ids: tuple[UUID, ...] = Field(min_length=1)


EVENTS: dict[str, type[Event]] = {
    model.TYPE: model
    for model in (
        ApplicationSubmitted,
        ApplicationRectified,
        ApplicationWithdrawn,
        TaskIssued,
        TaskCancelled,
        TaskLapseDue,
        TaskDecided,
        TaskLapsed,
        ApplicationProgressed,
        Receipt,
    )
}
