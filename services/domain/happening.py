"""The bases of what happens to a case and of what follows; `case` has almost all of both."""

from msgspec import Struct

from services.contracts.times import DateTime


class CaseEvent(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what can happen."""

    at: DateTime
    ref: str = ""


class Command(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what the shell must carry out, in order, in one transaction."""

    at: DateTime
