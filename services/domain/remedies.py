"""Remedies against a decision, and what they leave of it (行政复议法, 行政诉讼法).

They are filed elsewhere, with the reviewing authority or a court; what is kept here is that it was
done and how it ended, so that nobody relies on a decision that stands no more.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from services.domain.catalogue import Shape


class RemedyKind(StrEnum):
    """复议 (to the authority above) or 诉讼 (to the court)."""

    REVIEW = "review"
    SUIT = "suit"


class RemedyOutcome(StrEnum):
    """How it ended: 维持/驳回, 变更, 撤销, 确认违法, 终止."""

    UPHELD = "upheld"
    CHANGED = "changed"
    ANNULLED = "annulled"
    UNLAWFUL = "unlawful"
    ENDED = "ended"


class Standing(StrEnum):
    """Whether a decision can be relied on. Under review it can (行政复议法 42)."""

    IN_FORCE = "in_force"
    UNDER_REVIEW = "under_review"
    CHANGED = "changed"
    ANNULLED = "annulled"


class Remedy(Shape):
    """One remedy: `outcome` and `ended_on` when it has ended. Days are local dates."""

    kind: RemedyKind
    filed_on: date
    outcome: RemedyOutcome | None = None
    ended_on: date | None = None


_STRONGEST_FIRST = (
    (frozenset({RemedyOutcome.ANNULLED}), Standing.ANNULLED),
    (frozenset({RemedyOutcome.CHANGED}), Standing.CHANGED),
    (frozenset({None}), Standing.UNDER_REVIEW),
)


def standing(remedies: Sequence[Remedy]) -> Standing:
    """Return what is left of a decision: the strongest thing that any of its remedies did.

    A decision that was found unlawful and yet not annulled stays in force (行政复议法 65).
    """
    outcomes = {one.outcome for one in remedies}
    for some, what in _STRONGEST_FIRST:
        if outcomes & some:
            return what
    return Standing.IN_FORCE


def filing_day_is_sound(filed_on: date, *, decided_on: date, today: date) -> bool:
    """Whether a remedy can have been filed on a day: not before the decision, not to come."""
    return decided_on <= filed_on <= today


def ending_day_is_sound(ended_on: date, *, filed_on: date, today: date) -> bool:
    """Whether a remedy can have ended on a day: not before it was filed, not to come."""
    return filed_on <= ended_on <= today
