"""What crosses a service's border before an application is accepted (行政许可法 32).

An examination is a task of its department: `<application>/examination/<department>/<n>` is the n-th
look of that department at this application.
"""

from datetime import date
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    DateChange,
    FindingKind,
    Role,
)
from services.contracts.wire import (
    ApplicationNumber,
    Code,
    Event,
    Fact,
    MaterialRef,
    ProjectCode,
    Ref,
    Subject,
    TaskName,
    Text,
    Wire,
)


class Lack(Wire):
    """Something that is missing or not in the form required, and what has to be done about it."""

    subject: Subject = Field(examples=["material/site-plan"])
    kind: FindingKind
    text: Text


class ExaminationAsked(Event):
    """A department is asked whether the papers of an application are complete and in form."""

    TYPE: ClassVar[str] = "lianshen.examination.asked.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    round: int = Field(ge=1, description="Of the notice that would follow from what is found.")
    items: tuple[Code, ...] = Field(description="What the department will decide.")
    project_code: ProjectCode
    scenario: Code
    facts: dict[str, Fact]
    catalogue_version: str
    applicant_refs: tuple[Ref, ...] = ()
    materials: tuple[MaterialRef, ...] = ()
    subjects: tuple[Subject, ...] = Field(
        default=(), description="From the second round on: all that may still be named."
    )
    asked_at: AwareDatetime
    until: AwareDatetime = Field(description="Until when an answer is in time for the one notice.")


class ExaminationClosed(Event):
    """An examination is not wanted any more. `silent`: its department let the time pass."""

    TYPE: ClassVar[str] = "lianshen.examination.closed.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    silent: bool
    reason: str
    closed_at: AwareDatetime


class ExaminationRedated(Event):
    """The time for an examination was moved; nothing else about it has changed."""

    TYPE: ClassVar[str] = "lianshen.examination.redated.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    until: AwareDatetime = Field(description="Until when an answer is in time now.")
    why: DateChange
    redated_at: AwareDatetime


class ExaminationDone(Event):
    """A department has looked: nothing is missing (no findings), or everything that is, at once."""

    TYPE: ClassVar[str] = "lianshen.examination.done.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    findings: tuple[Lack, ...] = ()
    actor_ref: Ref
    actor_role: Role
    done_at: AwareDatetime

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({one.subject for one in self.findings}) != len(self.findings):
            raise ValueError("a subject is named twice")
        return self


class ApplicationSupplemented(Event):
    """The investor handed in further papers, or corrected some.

    `round` is the notice that is answered; 0: none, it is a correction before any notice, or a
    paper that was allowed to follow later. `complete`: the investor has no more to hand in.
    """

    TYPE: ClassVar[str] = "lianshen.application.supplemented.v1"

    application: ApplicationNumber
    round: int = Field(ge=0)
    subjects: tuple[Subject, ...] = Field(
        default=(), description="What was handed in or explained."
    )
    materials: tuple[MaterialRef, ...] = ()
    complete: bool = False
    supplemented_at: AwareDatetime


class NoticeLine(Lack):
    """One line of the notice, with the department that asks for it."""

    department: Code


class AcceptanceProgress(Wire):
    """What changed about the acceptance of an application."""

    state: AcceptanceState
    round: int = Field(ge=1)
    examining: tuple[Code, ...] = Field(default=(), description="Departments that were asked.")
    answered: tuple[Code, ...] = Field(default=(), description="Departments that have looked.")
    silent: tuple[Code, ...] = Field(
        default=(), description="Departments that let their time pass, over all rounds."
    )
    notice: tuple[NoticeLine, ...] = Field(
        default=(), description="The one notice, merged over all departments, when it is sent."
    )
    notice_round: int | None = Field(
        default=None, description="Of that notice, where `round` is a later one by now."
    )
    in_time: tuple[Code, ...] = Field(
        default=(),
        description="Departments recorded as silent whose answer, it turns out, was in time.",
    )
    outstanding: tuple[Subject, ...] = Field(
        default=(), description="What the investor has not handed in of the notice."
    )
    until: AwareDatetime | None = Field(
        default=None, description="Without a notice until then, the application is accepted."
    )
    kind: AcceptanceKind | None = None
    accepted_on: date | None = None
    promised_days: int | None = Field(default=None, description="Reckoned from the acceptance.")
