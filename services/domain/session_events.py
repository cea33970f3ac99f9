"""What happens to a case, and follows from it, when departments meet. The times are theirs."""

from msgspec import Struct

from services.contracts.times import DateTime
from services.contracts.vocabulary import AppointmentOutcome, SessionState
from services.domain.happening import CaseEvent, Command


class Slot(Struct, frozen=True, kw_only=True):
    """Another time at which a session could be held."""

    starts_at: DateTime
    ends_at: DateTime


class Offer(Struct, frozen=True, kw_only=True):
    """What the applicant may answer until an instant: the time as it is, or one of the slots."""

    number: int
    until: DateTime
    slots: tuple[Slot, ...] = ()


class Settled(Struct, frozen=True, kw_only=True):
    """What became of the applicant's answer to an offer."""

    offer: int
    outcome: AppointmentOutcome


class SessionMoved(CaseEvent, frozen=True, kw_only=True):
    """The lead department convened a joint session of a step, or it went a step further."""

    step: str
    department: str
    session: int
    state: SessionState
    starts_at: DateTime
    ends_at: DateTime
    absent: tuple[str, ...] = ()
    offer: Offer | None = None
    settled: Settled | None = None


class TellSession(Command, frozen=True, kw_only=True):
    """Tell the investor of a joint session, and record which departments were absent."""

    step: str
    department: str
    session: int
    state: SessionState
    starts_at: DateTime
    ends_at: DateTime
    absent: tuple[str, ...]
    ref: str
    offer: Offer | None = None
    settled: Settled | None = None
