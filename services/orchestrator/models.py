"""What the operator API answers."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Signal,
    StepState,
    TaskState,
)
from services.runtime.web.pages import Page

EXAMPLE_NUMBER = "MX20260105-000001-7"


class Shown(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ApplicationHead(Shown):
    """One application in a list."""

    number: str = Field(examples=[EXAMPLE_NUMBER])
    project_code: str
    scenario: str
    status: ApplicationStatus
    submitted_at: datetime
    promised_at: datetime
    provisional: bool = Field(description="The promise lies in a year not yet published.")
    late: bool
    conclusion: Conclusion | None = None
    concluded_at: datetime | None = None


class ApplicationPage(Page):
    """A page of applications, the next promise first."""

    items: list[ApplicationHead]


class TaskView(Shown):
    """One department's task."""

    task: str
    step: str
    item: str
    department: str
    part: Part
    round: int
    state: TaskState
    outcome: Outcome | None = None
    issued_at: datetime | None = None
    promised_on: date | None = None
    promised_at: datetime | None = None
    statutory_on: date | None = None
    statutory_at: datetime | None = None
    provisional: bool = False
    ended_at: datetime | None = None


class StepView(Shown):
    """One node of the graph, with the items it waits for and its departments' tasks."""

    step: str
    group: str | None
    state: StepState
    changed_at: datetime | None = Field(
        default=None, description="When its state changed last; absent while it waits."
    )
    after: list[str] = Field(description="Steps whose results it needs.")
    tasks: list[TaskView]


class ResultView(Shown):
    """A released result."""

    item: str
    department: str
    step: str
    outcome: Outcome
    decided_at: datetime
    released_at: datetime


class SignalView(Shown):
    """What a deadline said; `lifted_at` when it had spoken too early."""

    task: str | None
    signal: Signal
    at: datetime
    lifted_at: datetime | None = None


class ActView(Shown):
    """An operator's act."""

    act: str
    reason: str
    actor_ref: str
    at: datetime


class Links(Shown):
    """Where to look on."""

    trace: str | None = None
    trace_id: str | None = None
    workflow: str | None = None
    workflow_id: str


class ApplicationGraph(ApplicationHead):
    """One application, whole."""

    facts: dict[str, Any]
    catalogue_version: str
    calendar_version: str
    plan_digest: str
    promised_working_days: int
    used_working_days: int | None = None
    in_time: bool | None = None
    turn: int = Field(description="Turns of the workflow carried out.")
    steps: list[StepView]
    results: list[ResultView]
    signals: list[SignalView]
    acts: list[ActView]
    links: Links


class JournalTurn(Shown):
    """One turn of the workflow: what happened, and what followed from it."""

    turn: int
    at: datetime
    written_at: datetime
    events: list[dict[str, Any]]
    commands: list[dict[str, Any]]


class JournalPage(Page):
    """A page of the journal, oldest first."""

    items: list[JournalTurn]


class DayView(Shown):
    """One day of a deadline."""

    day: date
    counted: bool
    number: int | None = None
    reason_zh: str
    reason_en: str
    article: str | None = None
    provisional: bool


class DeadlineView(Shown):
    """A deadline, day by day."""

    task: str
    kind: str = Field(examples=["promised"])
    start_on: date
    deemed: bool = Field(
        default=False,
        description="`start_on` is the day of receipt, because no department asked for corrections "
        "in time: the application counts as accepted on that day (行政许可法 32(1)(4)).",
    )
    silent: list[str] = Field(default=[], description="Whose silence that was.")
    due_on: date
    days: int
    unit: str
    article: str | None = None
    calendar_version: str = Field(description="The calendar the application is reckoned by.")
    lines: list[DayView]


class ActRequest(BaseModel):
    """Why an operator acts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "材料真实性待核实"}]},
    )

    reason: str = Field(min_length=2, max_length=500, description="Stands in the journal.")


class ActAnswer(Shown):
    """The act was recorded and is on its way to the workflow."""

    application: str
    act: str
    at: datetime
