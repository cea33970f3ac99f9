"""What happens, and follows, when the time to put a merged step right is over."""

from typing import TypeAlias

from services.contracts.times import Date
from services.domain.happening import CaseEvent, Command


class RectificationLapsed(CaseEvent, frozen=True, kw_only=True):
    """No answer to a notice came in its time, by intake's own store; none is taken any more."""

    step: str
    round: int


class AskRectificationLapse(Command, frozen=True, kw_only=True):
    """Ask intake's store to decide between an answer in time and silence."""

    step: str
    round: int


class EndRectification(Command, frozen=True, kw_only=True):
    """Record the days that a notice took out of the limits, both included."""

    step: str
    round: int
    from_on: Date
    until_on: Date


RectifyingCommand: TypeAlias = AskRectificationLapse | EndRectification
