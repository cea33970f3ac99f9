"""The shapes of waiting for papers that come into being in the course of a project."""

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.domain.happening import Command


class Awaited(Struct, frozen=True, kw_only=True):
    """A step whose turn came on `since` and that lacks `materials`.

    They are in time until `until`; on the morning after, `forfeit_at`, what needs them is given up.
    Both are None where the catalogue sets no term.
    """

    since: Date
    materials: tuple[str, ...]
    until: DateTime | None = None
    forfeit_at: DateTime | None = None


class AskPapers(Command, frozen=True, kw_only=True):
    """Tell the investor what a step waits for; told anew whenever that changes."""

    step: str
    items: tuple[str, ...]
    awaited: Awaited
