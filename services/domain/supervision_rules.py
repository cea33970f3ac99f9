"""The rules of the electronic supervision (电子监察) as a county owns them: data, not code.

Each rule reads one kind of fact and says what it is: a light (shown, or listed among the findings),
a yellow card or a red one. `services.runtime.supervision_files` reads them from YAML.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from services.domain.catalogue_base import Basis, Limit, Name, Shape, Slug


class Colour(StrEnum):
    """What a fact is worth. A light is no card."""

    LIGHT = "light"
    YELLOW = "yellow"
    RED = "red"


class FactKind(StrEnum):
    """What a rule can read: everything the stores know that the supervision asks about."""

    WARNING = "warning"
    PROMISE_PASSED = "promise_passed"
    STEP_PASSED = "step_passed"
    STATUTE_PASSED = "statute_passed"
    JOINT_LIMIT_PASSED = "joint_limit_passed"
    FIRST_REVIEW_OVERDUE = "first_review_overdue"
    DELIVERY_OVERDUE = "delivery_overdue"
    EXAMINATION_SILENT = "examination_silent"
    ACCEPTANCE_DEEMED = "acceptance_deemed"
    NEW_FINDINGS = "new_findings"
    OPINION_LAPSED = "opinion_lapsed"
    RENEWAL_LAPSED = "renewal_lapsed"
    SESSION_MISSED = "session_missed"
    REFUSAL_UNREASONED = "refusal_unreasoned"
    FEE_REPAID = "fee_repaid"
    TASK_UNKNOWN = "task_unknown"
    SOURCE_FOREIGN = "source_foreign"
    DECIDED_BEFORE_ISSUED = "decided_before_issued"
    CLOCK_DATED_BACK = "clock_dated_back"
    NUMBER_TWICE = "number_twice"
    NUMBER_BACKWARDS = "number_backwards"
    NUMBERS_SKIPPED = "numbers_skipped"
    TOLD_LATE = "told_late"
    SUDDEN_DECISIONS = "sudden_decisions"
    OUT_OF_HOURS = "out_of_hours"


LEAST = dict.fromkeys(
    (
        *(FactKind.STATUTE_PASSED, FactKind.JOINT_LIMIT_PASSED),
        *(FactKind.FIRST_REVIEW_OVERDUE, FactKind.DELIVERY_OVERDUE),
        *(FactKind.ACCEPTANCE_DEEMED, FactKind.RENEWAL_LAPSED),
    ),
    Colour.RED,
) | dict.fromkeys(
    (
        *(FactKind.PROMISE_PASSED, FactKind.STEP_PASSED),
        *(FactKind.OPINION_LAPSED, FactKind.EXAMINATION_SILENT),
    ),
    Colour.YELLOW,
)
"""What no county may wink at: these facts have a rule, of this colour at least."""
NEEDS: dict[FactKind, frozenset[str]] = {
    FactKind.NUMBERS_SKIPPED: frozenset({"at_least"}),
    FactKind.TOLD_LATE: frozenset({"working_days"}),
    FactKind.SUDDEN_DECISIONS: frozenset({"at_least", "within_seconds", "working_days"}),
}
_ORDER = list(Colour)


class Thresholds(Shape):
    """From where on a sensor speaks; which of them it takes is said with its fact."""

    at_least: int | None = Field(default=None, ge=1, description="So many of them.")
    within_seconds: int | None = Field(default=None, ge=1, description="Within so many seconds.")
    working_days: int | None = Field(default=None, ge=0, description="After so many working days.")

    @property
    def given(self) -> frozenset[str]:
        """The names of those that are set."""
        return frozenset(self.model_dump(exclude_none=True))


class Rule(Shape):
    """What one kind of fact is worth, and by what."""

    code: Slug
    reads: FactKind
    colour: Colour
    name: Name
    basis: Basis
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        least = LEAST.get(self.reads)
        if least is not None and _ORDER.index(self.colour) < _ORDER.index(least):
            raise ValueError(f"{self.reads} is {least} at least")
        needed = NEEDS.get(self.reads, frozenset())
        if self.thresholds.given != needed:
            raise ValueError(f"the thresholds of {self.reads} are: {sorted(needed)}")
        return self

    @property
    def is_card(self) -> bool:
        """Whether its fact raises a card."""
        return self.colour is not Colour.LIGHT


class Escalation(Shape):
    """So many cards of one department within a calendar month: an entry on the red list."""

    code: Slug
    colour: Literal[Colour.YELLOW, Colour.RED]
    cards: int = Field(ge=1, le=100)
    name: Name
    basis: Basis


class SupervisionRules(Shape):
    """All rules of a county. A rule holds for what becomes known after it was read."""

    version: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,40}$")
    appeal_within: Limit = Field(description="A card can be appealed so long after it was raised.")
    rules: tuple[Rule, ...] = Field(min_length=1)
    escalations: tuple[Escalation, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for what, codes in (
            ("code", [*(one.code for one in self.rules), *(one.code for one in self.escalations)]),
            ("fact", [one.reads for one in self.rules]),
        ):
            if twice := _twice(codes):
                raise ValueError(f"the {what} {twice} has two rules")
        if missing := LEAST.keys() - {one.reads for one in self.rules}:
            raise ValueError(f"there is no rule for {', '.join(sorted(missing))}")
        return self

    @cached_property
    def of_fact(self) -> dict[FactKind, Rule]:
        """The rule of each kind of fact that has one."""
        return {rule.reads: rule for rule in self.rules}

    @cached_property
    def by_code(self) -> dict[str, Rule]:
        """Rules by code."""
        return {rule.code: rule for rule in self.rules}


def _twice(codes: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            return str(code)
        seen.add(code)
    return None
