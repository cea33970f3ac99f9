"""What is told of joint sessions: by the lead department, and to the investor.

The place stays with the departments: it is written by hand, and could name somebody.
"""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from services.contracts.vocabulary import SessionState
from services.contracts.wire import ApplicationNumber, Code, Event, Wire


class SessionProgress(Wire):
    """A joint session of a merged step as the investor may see it."""

    step: str
    session: int = Field(ge=1, description="Its number at the lead department.")
    lead: Code
    state: SessionState
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    absent: tuple[Code, ...] = Field(
        default=(), description="Departments that did not come as they must, once it was held."
    )


class SessionTold(Event):
    """The lead department convened a joint session, held it, recorded it, or called it off."""

    TYPE: ClassVar[str] = "lianshen.session.told.v1"

    application: ApplicationNumber
    step: str
    department: Code = Field(description="The lead department of the step.")
    session: int = Field(ge=1, description="Its number at the department.")
    state: SessionState
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    absent: tuple[Code, ...] = ()
    told_at: AwareDatetime
