"""What is told of joint sessions: by the lead department, and to the investor, who may answer.

The place stays with the departments: it is written by hand, and could name somebody.
"""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from services.contracts.vocabulary import AppointmentOutcome, SessionState
from services.contracts.wire import ApplicationNumber, Code, Event, Ref, Wire

MOST_SLOTS = 12
"""Other times in one offer, at most."""
LAST_OFFER = 2**31 - 1
LAST_SESSION = 2**63 - 1
"""Whoever is told of sessions and offers stores their numbers so."""


def _check_time(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        message = "a session ends after it starts"
        raise ValueError(message)


class AppointmentSlot(Wire):
    """Another time at which a session could be held; it ends after it starts."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _check_time(self.starts_at, self.ends_at)
        return self


class AppointmentOffer(Wire):
    """The applicant may confirm a session's time, or choose another one, once for each offer."""

    number: int = Field(
        ge=1, le=LAST_OFFER, description="Offers of a session are numbered: the last one counts."
    )
    until: AwareDatetime = Field(description="Until when it can be answered.")
    slots: tuple[AppointmentSlot, ...] = Field(
        default=(),
        max_length=MOST_SLOTS,
        description="Other times inside the clock of every member; none: it can be confirmed only.",
    )


class AppointmentSettled(Wire):
    """What became of the applicant's answer to an offer."""

    offer: int = Field(ge=1, le=LAST_OFFER)
    outcome: AppointmentOutcome


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
    offer: AppointmentOffer | None = Field(
        default=None, description="Absent: there is nothing to answer (any more)."
    )
    settled: AppointmentSettled | None = None


class SessionTold(Event):
    """The lead department convened a session, moved it, held it, recorded it, or called it off."""

    TYPE: ClassVar[str] = "lianshen.session.told.v1"

    application: ApplicationNumber
    step: str
    department: Code = Field(description="The lead department of the step.")
    session: int = Field(ge=1, description="Its number at the department.")
    state: SessionState
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    absent: tuple[Code, ...] = ()
    offer: AppointmentOffer | None = Field(
        default=None,
        description="What the applicant may answer; it replaces any offer before. Only a "
        "department that makes offers is sent answers.",
    )
    settled: AppointmentSettled | None = Field(
        default=None, description="Every answer is settled by one such message."
    )
    told_at: AwareDatetime

    @model_validator(mode="after")
    def _can_be_stored(self) -> Self:
        if self.session > LAST_SESSION:
            message = f"a session has a number up to {LAST_SESSION}"
            raise ValueError(message)
        _check_time(self.starts_at, self.ends_at)
        return self


class AppointmentAnswered(Event):
    """The applicant confirmed a session's time, or asks for another one that was offered.

    Intake says it; the orchestrator hands it to the lead department, which alone moves a session.
    """

    TYPE: ClassVar[str] = "lianshen.appointment.answered.v1"

    application: ApplicationNumber
    step: str
    department: Code = Field(description="The lead department of the step.")
    session: int = Field(ge=1, le=LAST_SESSION, description="Its number at the department.")
    offer: int = Field(ge=1, le=LAST_OFFER, description="The offer that is answered.")
    slot: AppointmentSlot | None = Field(
        default=None, description="The time asked for; absent: the time is confirmed."
    )
    answered_by: Ref = Field(description="Keyed hash of whoever answered.")
    answered_at: AwareDatetime
