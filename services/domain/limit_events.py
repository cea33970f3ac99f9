"""The limits of a case beside those of its tasks: their state, what happens to them, what follows.

See `limit_clocks` for the rules.
"""

from typing import TypeAlias

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.contracts.vocabulary import DateChange, LimitKind
from services.domain.happening import CaseEvent, Command
from services.domain.limits import Ledger
from services.domain.route import Budget


class LimitStatus(Struct, frozen=True, kw_only=True):
    """One limit that runs. `task` is whose it is; None: the application's.

    `passed`: its signal has been given and stands.
    """

    kind: LimitKind
    start: Date
    due_on: Date
    due_at: DateTime
    task: str | None = None
    passed: bool = False


class JointExtended(CaseEvent, frozen=True, kw_only=True):
    """The head of the government extended the limit of the joint case (行政许可法 42(2))."""

    budget: Budget
    approver: str
    article: str


class SentUp(CaseEvent, frozen=True, kw_only=True):
    """A department finished the first review of a task and sent it up (行政许可法 43)."""

    task: str


class SetLimit(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Record a limit as it begins (`before` None), or as it is moved from `before`, and why.

    Everything its explanation needs stands here: what it counts, from when, what stops it.
    """

    kind: LimitKind
    start: Date
    budget: Budget
    article: str
    ledger: Ledger
    calendar: str
    due_on: Date
    due_at: DateTime
    provisional: bool
    task: str | None = None
    before: DateTime | None = None
    why: DateChange | None = None
    ref: str = ""


class EndLimit(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Record that what a limit is for has been done, and whether in time."""

    kind: LimitKind
    in_time: bool
    task: str | None = None


class MoveNotice(Command, frozen=True, kw_only=True):
    """Record that the limit of the notice of what is missing was moved (行政许可法 32)."""

    round: int
    before: DateTime
    until: DateTime
    answer_by: DateTime
    why: DateChange
    ref: str


class RedateExamination(Command, frozen=True, kw_only=True):
    """Move the time of an open examination, and tell its department why."""

    task: str
    department: str
    until: DateTime
    why: DateChange


LimitEvent: TypeAlias = JointExtended | SentUp
LimitCommand: TypeAlias = SetLimit | EndLimit | MoveNotice | RedateExamination
