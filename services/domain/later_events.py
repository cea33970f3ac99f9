"""The shapes of waiting for papers that come into being in the course of a project."""

from typing import TypeAlias

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.domain.happening import CaseEvent, Command


class Awaited(Struct, frozen=True, kw_only=True):
    """A step whose turn came on `since` and that lacks `materials`.

    They are in time until `until`; on the morning after, `forfeit_at`, intake is asked for those it
    was not asked for before. Both are None where the catalogue sets no term. `untils` has the end
    of each paper's own term, `until` the first of them; by earlier rules it is empty.
    """

    since: Date
    materials: tuple[str, ...]
    until: DateTime | None = None
    untils: dict[str, DateTime] = {}
    forfeit_at: DateTime | None = None


class AskPapers(Command, frozen=True, kw_only=True):
    """Tell the investor what a step waits for; told anew whenever that changes."""

    step: str
    items: tuple[str, ...]
    awaited: Awaited


class PapersLapsed(CaseEvent, frozen=True, kw_only=True):
    """Papers did not come in their term, by intake's own store; it takes them no more."""

    step: str
    materials: tuple[str, ...]


class AskPapersLapse(Command, frozen=True, kw_only=True):
    """Ask intake's store which of these papers have come in their term."""

    step: str
    materials: tuple[str, ...]


class GiveUpPapers(Command, frozen=True, kw_only=True):
    """Record that papers of a step are awaited no more: what needs them is given up."""

    step: str
    materials: tuple[str, ...]


PaperCommand: TypeAlias = AskPapers | AskPapersLapse | GiveUpPapers
