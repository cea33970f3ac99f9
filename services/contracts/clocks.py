"""What departments say about the clocks of their tasks: pauses with notice, and extensions."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field, StringConstraints

from services.contracts.vocabulary import Approver, DateChange, PauseKind, Role, Unit
from services.contracts.wire import ApplicationNumber, Code, Event, Ref, TaskName, Text, Wire

DocumentNumber = Annotated[str, StringConstraints(pattern=r"^\S{1,100}$")]


class Days(Wire):
    """A number of days of one unit."""

    value: int = Field(ge=0, le=400)
    unit: Unit = Unit.WORKING_DAY


class TaskPaused(Event):
    """A department stopped a task's clock, and told the applicant in writing (行政许可法 45).

    The pause lasts to the end of `until`, which the notice names, unless it is ended before. From
    software of the department's own: the kind must be one that the catalogue lists for the item.
    """

    TYPE: ClassVar[str] = "lianshen.task.paused.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    pause: int = Field(ge=1, description="1, 2, 3 ... for the task.")
    kind: PauseKind
    until: date = Field(description="The last day that is not counted (Asia/Shanghai).")
    cap: Days | None = Field(default=None, description="What the law leaves for it at most.")
    notice: DocumentNumber = Field(description="Number of the written notice.")
    article: str = Field(min_length=1, max_length=200)
    reason: Text = Field(description="Told to the applicant.")
    actor_ref: Ref
    actor_role: Role
    paused_at: AwareDatetime


class TaskPauseEnded(Event):
    """A department needs no more of the time it had given notice of; the day still is not counted.

    A pause that ends as its notice says, and a task that is decided, need no such event.
    """

    TYPE: ClassVar[str] = "lianshen.task.pause_ended.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    pause: int = Field(ge=1)
    actor_ref: Ref
    actor_role: Role
    ended_at: AwareDatetime


class TaskExtended(Event):
    """A task's statutory limit was extended by its approver; the reason is told (行政许可法 42)."""

    TYPE: ClassVar[str] = "lianshen.task.extended.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    extension: int = Field(ge=1, description="1, 2 ... for the task.")
    days: Days
    approver: Approver
    approval: DocumentNumber = Field(description="Number of the approver's written decision.")
    article: str = Field(min_length=1, max_length=200)
    reason: Text = Field(description="Told to the applicant.")
    actor_ref: Ref
    actor_role: Role
    extended_at: AwareDatetime


class ClockNotice(Wire):
    """What a department told the applicant of a task's clock: that it stops, or is longer."""

    task: TaskName
    why: DateChange
    notice: DocumentNumber
    article: str
    reason: str
    kind: PauseKind | None = Field(default=None, description="Of a pause.")
    until: date | None = Field(default=None, description="Of a pause: its last day.")
    days: Days | None = Field(default=None, description="Of an extension.")
    approver: Approver | None = Field(default=None, description="Of an extension.")
    at: AwareDatetime


class ClockResumed(Wire):
    """A pause was over sooner than its notice says: an act ended it, or the task was decided."""

    task: TaskName
    notice: DocumentNumber = Field(description="Of the pause.")
    until: date = Field(description="The last day that is not counted (Asia/Shanghai).")
    at: AwareDatetime
