"""What happens to a case, and follows from it, when departments meet. The times are theirs."""

from services.contracts.times import DateTime
from services.contracts.vocabulary import SessionState
from services.domain.happening import CaseEvent, Command


class SessionMoved(CaseEvent, frozen=True, kw_only=True):
    """The lead department convened a joint session of a step, or it went a step further."""

    step: str
    department: str
    session: int
    state: SessionState
    starts_at: DateTime
    ends_at: DateTime
    absent: tuple[str, ...] = ()


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
