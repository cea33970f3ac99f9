"""What the orchestrator and intake say to each other when the time to put a step right is over."""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from services.contracts.wire import ApplicationNumber, Event


class RectificationLapseDue(Event):
    """The term of a notice is over; intake's own store decides whether an answer came in it."""

    TYPE: ClassVar[str] = "lianshen.rectification.lapse_due.v1"

    application: ApplicationNumber
    step: str
    round: int = Field(ge=1)
    due_at: AwareDatetime


class RectificationLapsed(Event):
    """No answer to a notice was committed in its term; intake has closed it and takes none now."""

    TYPE: ClassVar[str] = "lianshen.rectification.lapsed.v1"

    application: ApplicationNumber
    step: str
    round: int = Field(ge=1)
    lapsed_at: AwareDatetime
