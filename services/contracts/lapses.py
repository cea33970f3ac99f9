"""What crosses a service's border when a department has not spoken in its time."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AwareDatetime, Field, WithJsonSchema

from services.contracts.vocabulary import Outcome
from services.contracts.wire import ApplicationNumber, Code, Event, TaskName

SpokenOutcome: TypeAlias = Annotated[
    Outcome,
    WithJsonSchema(
        {
            "type": "string",
            "title": "Outcome",
            "enum": [one.value for one in Outcome if one is not Outcome.DEEMED_RENEWED],
        }
    ),
]
"""How a department ends a task by speaking: nothing is renewed by a decision that was deemed."""


class TaskLapseDue(Event):
    """The time to speak is over; the department's own store decides whether it was in time.

    For an opinion that is its promise, for a renewal the day on which the permit expires.
    """

    TYPE: ClassVar[str] = "lianshen.task.lapse_due.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    due_at: AwareDatetime


class TaskLapsed(Event):
    """A department kept silent: no objection, or the permit counts as renewed (行政许可法 50)."""

    TYPE: ClassVar[str] = "lianshen.task.lapsed.v1"

    application: ApplicationNumber
    task: TaskName
    department: Code
    lapsed_at: AwareDatetime
    result_number: str | None = Field(
        default=None, max_length=200, description="Number of the renewal; of renewals alone."
    )
