"""The plan of one application: what applies, in which steps, by when, with what, at what fee.

A plan is a value: the same catalogue, calendar, answers and start give the same bytes. Days are
dates in Asia/Shanghai, totals are working days after `start`.
"""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import Field

from services.contracts.vocabulary import Authority, LimitStart, Part, Silence
from services.domain.catalogue import Basis, Limit, Name, Shape
from services.domain.compression import Breach

Value = bool | int | float | str


def _is_nothing(found: object) -> bool:
    """Whether a field leaves no trace: a plan without it keeps its digest."""
    return not found


class Verdict(StrEnum):
    """Whether an item is needed."""

    APPLIES = "applies"
    DOES_NOT_APPLY = "does_not_apply"
    HELD = "held"
    NOT_ACTIVE = "not_active"


class ItemVerdict(Shape):
    """The verdict on one item of the scenario, with the rule and the part of it that decided."""

    item: str
    name: Name
    verdict: Verdict
    rule: str | None
    decided_by: str | None
    because: Name


class Window(Shape):
    """When a step can start at the earliest, and when it is due."""

    start: date
    due: date


class PlannedStatute(Shape):
    """The statutory limit of an item, the act that starts it, and where it stands."""

    limit: Limit
    start: LimitStart
    article: str


class PlannedRenewal(Shape):
    """A permit that an item prolongs: until when it is valid, and by when it was applied for.

    Nothing decided by `expires_at`, the close of business of that day: it counts as renewed.
    """

    expires_on: date
    expires_at: datetime
    apply_by: date
    article: str


class PlanPart(Shape):
    """One department's share of a step. It starts and is due with its step.

    (A unit that is only consulted must speak a working day before: see `deadlines.opinion_on`.)
    `promised` is the item's own promise; the step is due by the earliest of its parts' promises
    and the group's budget. `requires` are items of other steps; `on_trust` items start beside it.
    """

    item: str
    item_name: Name
    department: str
    department_name: Name
    part: Part
    promised: Limit
    statute: PlannedStatute | None
    requires: tuple[str, ...]
    on_trust: tuple[str, ...]
    authority: Authority
    silence: Silence
    renewal: PlannedRenewal | None = Field(default=None, exclude_if=_is_nothing)


class PlannedRectification(Shape):
    """What a merged step allows after an objection."""

    limit: Limit
    rounds: int
    article: str


class PlanStep(Shape):
    """One step: its parts start together and are released together.

    `after` are the steps it waits for. `budget` is the group's day budget. `promised` and
    `statutory` are two passes through the whole graph: once everybody keeps the promise, once
    everybody takes all the law allows. `papers` come into being in the course of the project: the
    step waits for the investor until they are there. It is `conditional` when it, or a step before
    it, waits so: its dates are those of papers handed in on the day their turn comes.
    """

    code: str
    name: Name
    group: str | None
    stage: str
    parts: tuple[PlanPart, ...]
    after: tuple[str, ...]
    budget: Limit | None
    promised: Window
    statutory: Window
    critical: bool
    provisional: bool
    issue_order: tuple[str, ...]
    rectification: PlannedRectification | None
    papers: tuple[str, ...] = Field(default=(), exclude_if=_is_nothing)
    conditional: bool = Field(default=False, exclude_if=_is_nothing)


class PlannedAcceptance(Shape):
    """Who looks at the papers before the application is accepted, and within which limit."""

    departments: tuple[str, ...]
    limit: Limit
    notice_by: date
    article: str


class PlannedLater(Shape):
    """When a paper is needed that comes into being in the course of the project.

    It rests on the results of `after`. `needed_on` is the earliest day on which a step of `steps`
    is ready for it; from the day its turn has come, that step waits for it, at most for `term`.
    """

    after: tuple[str, ...]
    steps: tuple[str, ...]
    needed_on: date
    term: Limit | None


class PlannedMaterial(Shape):
    """A paper that the plan needs, asked for once.

    `asked` says that the applicant must hand it in; with `later`, not with the application, but
    when it has come into being. `already_there`: `system` when an item of this plan produces it,
    `held` when its result is in the system already.
    """

    id: str
    name: Name
    supplied_by: Literal["applicant", "department", "system"]
    asked: bool
    already_there: Literal["system", "held"] | None
    result_of: str | None
    form: str
    may_follow: Limit | None
    used_by_items: tuple[str, ...]
    used_by_steps: tuple[str, ...]
    later: PlannedLater | None = Field(default=None, exclude_if=_is_nothing)


class PlannedFee(Shape):
    """One published standard that this project falls under, once.

    `total` in yuan is known when the standard has an amount and its quantity is a known fact. A
    standard that is not `in_force` on the day of submission may not be charged.
    """

    id: str
    name: Name
    document: Basis
    amount: Decimal | None
    unit: str | None
    quantity: Value | None
    total: Decimal | None
    in_force: bool
    items: tuple[str, ...]


class Totals(Shape):
    """Working days after `start`; ratios are promised by statutory, rounded to four places.

    `without_statute` are items for which no statutory limit was found: they count with their
    promise on the statutory side too, so that they never flatter the ratio.
    """

    statutory_serial: int
    statutory_critical: int
    promised_critical: int
    ratio_to_serial: float | None
    ratio_to_critical: float | None
    without_statute: tuple[str, ...]


class Target(Shape):
    """Whether the compressed target is met, and what breaks it.

    `met`: every item of project construction promises at most a third of its statutory limit, and
    the promised critical path is at most a third of the statutory total one after another.
    `strict`: the promised critical path is at most a third even of the statutory critical path.
    """

    met: bool
    strict: bool
    breakers: tuple[Breach, ...]


class JointOverrun(Shape):
    """A joint case that promises more working days than the law allows it (行政许可法 42(2))."""

    limit: Limit
    promised_days: int
    over: int
    article: str
    reason: Name


class Plan(Shape):
    """Everything that follows from one project's facts."""

    county: str
    catalogue_version: str
    catalogue_digest: str
    calendar_version: str
    scenario: str
    scenario_name: Name
    start: date
    facts: dict[str, Value]
    held: dict[str, str]
    verdicts: tuple[ItemVerdict, ...]
    steps: tuple[PlanStep, ...]
    critical_path: tuple[str, ...]
    materials: tuple[PlannedMaterial, ...]
    fees: tuple[PlannedFee, ...]
    totals: Totals
    target: Target
    promised_on: date
    promised_at: datetime
    promised_days: int
    statutory_on: date
    provisional: bool
    acceptance: PlannedAcceptance | None = Field(
        default=None,
        description="None: accepted on the spot. All dates are reckoned from the acceptance.",
        exclude_if=lambda found: found is None,
    )
    joint_overrun: JointOverrun | None = Field(default=None, exclude_if=_is_nothing)

    def to_json(self) -> bytes:
        """Return the canonical bytes: sorted keys, UTF-8, no blanks. Same plan, same bytes."""
        return json.dumps(
            self.model_dump(mode="json"),
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hexadecimal."""
        return hashlib.sha256(self.to_json()).hexdigest()
