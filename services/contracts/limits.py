"""What is said of the limits beside those of tasks: the first review, the joint case."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime, Field

from services.contracts.clocks import Days, DocumentNumber
from services.contracts.vocabulary import Approver, Authority, Role
from services.contracts.wire import ApplicationNumber, Code, Event, Ref, TaskName, Text, Wire


class TaskSentUp(Event):
    """A department finished its first review of a task and sent it up (行政许可法 43).

    The higher authority's answer comes back to the department, which then decides the task. What
    never went up ends its first review with its decision.
    """

    TYPE: ClassVar[str] = "lianshen.task.sent_up.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    level: Authority
    actor_ref: Ref
    actor_role: Role
    sent_at: AwareDatetime


class CaseExtended(Wire):
    """The limit of the joint case was extended; the applicant is told why (行政许可法 42(2))."""

    days: Days
    approver: Approver
    approval: DocumentNumber = Field(description="Number of the written decision.")
    article: str
    reason: Text
    due_at: AwareDatetime = Field(description="The close of business of its last day now.")
    at: AwareDatetime


class JointLimitTold(Wire):
    """The limit of the joint case as it is now: the law's for all departments together (42(2))."""

    start_on: date = Field(description="The day of the acceptance; it is not counted.")
    due_on: date
    due_at: AwareDatetime = Field(description="The close of business of its last day.")
    days: Days = Field(description="Of the law, without an extension.")
    article: str
    provisional: bool = Field(
        default=False, description="A year of it has no published calendar yet."
    )
