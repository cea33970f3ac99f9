"""The catalogue a county owns: items, departments, materials, fees, groups, questions, scenarios.

Shapes only; `lint.py` says what a good catalogue is, `services.runtime.catalogue_files` reads YAML.
One folder is one version of the whole catalogue, with the day from which it holds. A running
application keeps the version it was accepted under.
"""

import hashlib
import json
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.contracts.vocabulary import (
    AcceptanceMode,
    Authority,
    DepartmentSystem,
    LimitStart,
    PauseKind,
    Silence,
)
from services.domain.catalogue_base import (
    Basis,
    Comes,
    FactName,
    ItemCode,
    Limit,
    Name,
    Renewal,
    Rule,
    Shape,
    Slug,
)

# What others import from here though it is defined in `catalogue_base`.
__all__ = [
    "Basis",
    "Comes",
    "FactName",
    "ItemCode",
    "Limit",
    "Name",
    "Renewal",
    "Rule",
    "Shape",
    "Slug",
]


class Extension(Shape):
    """Who may extend a limit, by how much, how often (行政许可法 42)."""

    limit: Limit
    approver: Literal["department_head", "government_head", "approving_body", "principal"]
    times: int = Field(default=1, ge=1, le=3)
    basis: Basis


class Uncounted(Shape):
    """A procedure whose time is not counted (行政许可法 45), capped where a rule caps it."""

    procedure: PauseKind
    cap: Limit | None = None
    basis: Basis


class StatutoryLimit(Shape):
    """What the law allows the department, from which act on."""

    limit: Limit
    start: LimitStart = LimitStart.ACCEPTANCE
    basis: Basis
    extension: Extension | None = None
    uncounted: tuple[Uncounted, ...] = ()


class ItemKind(StrEnum):
    """What an item is in law."""

    PERMIT = "permit"
    FILING = "filing"
    CONFIRMATION = "confirmation"
    GOVERNMENT_INVESTMENT = "government_investment"
    ASSESSMENT = "assessment"
    TECHNICAL_REVIEW = "technical_review"
    PUBLIC_SERVICE = "public_service"
    JOINT = "joint"
    OTHER = "other"


class ItemStatus(StrEnum):
    """Whether an item may be entered (取消的项目一律不得录入)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELEGATED = "delegated"
    CANCELLED = "cancelled"


class Department(Shape):
    """A department with a window in the centre."""

    code: Slug
    name: Name
    window: str | None = None
    system: DepartmentSystem = DepartmentSystem.SHARED


class Material(Shape):
    """A paper. Its id is shared: asked for once, used by every item that needs it."""

    id: Slug
    name: Name
    supplied_by: Literal["applicant", "department", "system"] = "applicant"
    result_of: ItemCode | None = Field(
        default=None, description="The item whose result this is: then it is never asked for."
    )
    form: Literal["electronic", "original", "copy"] = "electronic"
    secondary: bool = Field(default=False, description="May follow later (容缺受理).")
    comes: Comes | None = Field(
        default=None,
        description="It comes into being only in the course of the project.",
        exclude_if=lambda found: found is None,
    )
    basis: Basis | None = None


class MaterialUse(Shape):
    """An item's need of a material."""

    material: Slug
    when: Rule | None = Field(default=None, description="Needed only when this rule holds.")
    may_follow: Limit | None = Field(default=None, description="Term within which it may follow.")


class FeeStandard(Shape):
    """A published standard. No line of a bill exists without one (行政许可法 58-59)."""

    id: Slug
    name: Name
    document: Basis
    amount: Decimal | None = Field(default=None, ge=0, description="Yuan per unit; none: see note.")
    unit: str | None = None
    quantity: FactName | None = Field(default=None, description="The fact it is multiplied by.")
    effective_from: date | None = None
    note: str | None = None


class Fee(Shape):
    """Free, with the article that says so; or a standard, where `when` holds."""

    free: Basis | None = None
    standard: Slug | None = None
    when: Rule | None = None


class Prerequisites(Shape):
    """Items whose results must be there first. `any_of`: one of each list is enough."""

    all_of: tuple[ItemCode, ...] = ()
    any_of: tuple[tuple[ItemCode, ...], ...] = ()
    on_trust: tuple[ItemCode, ...] = Field(
        default=(), description="May be taken in on trust: starts with them, not after them."
    )
    basis: Basis | None = None


class Consulted(Shape):
    """A unit asked for its opinion, and what its silence means."""

    department: Slug
    when: Rule | None = None
    silence: Silence = Silence.NO_OBJECTION


class Rectification(Shape):
    """What a joint step allows after an objection: outside the limit, but bounded."""

    limit: Limit
    rounds: int = Field(default=1, ge=1, le=3)
    basis: Basis


class GroupDay(Shape):
    """One stretch of a joint step's day budget."""

    name: Name
    days: int = Field(ge=0)


class Group(Shape):
    """A merged step (联合): its items start together, are signed together, released together."""

    code: Slug
    name: Name
    procedure: Literal[
        "joint_evaluation",
        "joint_design_review",
        "joint_drawing_review",
        "joint_inspection",
        "joint_acceptance",
    ]
    lead: Slug
    budget: Limit
    days: tuple[GroupDay, ...] = ()
    consulted: tuple[Consulted, ...] = ()
    issue_order: tuple[ItemCode, ...] = Field(
        default=(), description="Where a law sets an order: papers are issued in it, on one day."
    )
    rectification: Rectification | None = None
    basis: Basis


class InPower(Shape):
    """Who decides a delegated item now (行政许可法 32(2)), and where that stands."""

    authority: Name
    basis: Basis


class ResultDocument(Shape):
    """The paper a grant ends in."""

    name: Name
    valid_years: int | None = None
    note: str | None = None


class Item(Shape):
    """One approval item (事项)."""

    code: ItemCode
    name: Name
    department: Slug
    co_deciders: tuple[Slug, ...] = Field(
        default=(), description="Departments that must each decide it too (城市道路管理条例 33)."
    )
    stage: Slug
    kind: ItemKind
    project_construction: bool = Field(
        default=True, description="The one-third rule binds items of project construction."
    )
    legal_basis: tuple[Basis, ...] = Field(min_length=1)
    statutory: StatutoryLimit | None = Field(description="null: no limit found; say so in `notes`.")
    promised: Limit
    promised_basis: Basis
    conditions: tuple[Name, ...] = ()
    procedure: tuple[Name, ...] = ()
    materials: tuple[MaterialUse, ...] = ()
    fee: Fee
    prerequisites: Prerequisites = Prerequisites()
    group: Slug | None = None
    consulted: tuple[Consulted, ...] = ()
    result: ResultDocument
    applies_when: Rule | None = Field(default=None, description="Rule over facts; lint wants one.")
    status: ItemStatus = ItemStatus.ACTIVE
    authority: Authority = Authority.REPRESENTATIVE
    in_power: InPower | None = Field(None, exclude_if=lambda found: found is None)
    renewal: Renewal | None = Field(None, exclude_if=lambda found: found is None)
    notes: tuple[str, ...] = ()


class Option(Shape):
    """One answer of a choice."""

    value: Slug
    name: Name


class Question(Shape):
    """One question about a project. Its id is the name of a fact that rules use."""

    id: FactName
    text: Name
    help: Name | None = None
    type: Literal["boolean", "choice", "number", "date"] = Field(
        description="An answer to `date` is a day as text: 2027-06-30."
    )
    options: tuple[Option, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    basis: Basis | None = None


class Constraint(Shape):
    """A combination of facts that cannot be: `never` holds -> the facts are refused."""

    never: Rule
    question: FactName = Field(description="The question whose answer to change.")
    message: Name


class Ask(Shape):
    """A scenario's use of a question."""

    question: FactName
    when: Rule | None = Field(default=None, description="Asked when this holds; else `otherwise`.")
    otherwise: bool | float | str | None = None


class Scenario(Shape):
    """A kind of project: what is known of it, what is asked, which items may apply."""

    code: Slug
    name: Name
    description: Name
    fixed: dict[FactName, bool | float | str] = Field(default={})
    questions: tuple[Ask, ...]
    items: tuple[ItemCode, ...] = Field(min_length=1)
    example: dict[FactName, bool | float | str] = Field(
        description="A complete set of answers, used in documents, tests and the demo."
    )


class Stage(Shape):
    """A stage of the procedure, in order."""

    code: Slug
    name: Name


def _is_usual(mode: AcceptanceMode) -> bool:
    return mode is AcceptanceMode.ON_THE_SPOT


class County(Shape):
    """The head of a catalogue version. The usual `acceptance` leaves no trace in its digest."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}$")]
    name: Name
    version: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,40}$")]
    effective_from: date
    effective_to: date | None = None
    stages: tuple[Stage, ...]
    sources: dict[str, str] = Field(default={})
    acceptance: AcceptanceMode = Field(AcceptanceMode.ON_THE_SPOT, exclude_if=_is_usual)


class Catalogue(Shape):
    """One version of everything."""

    county: County
    departments: tuple[Department, ...]
    materials: tuple[Material, ...]
    fees: tuple[FeeStandard, ...]
    groups: tuple[Group, ...]
    items: tuple[Item, ...]
    questions: tuple[Question, ...]
    constraints: tuple[Constraint, ...] = ()
    scenarios: tuple[Scenario, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole content: two catalogues with one digest say the same."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def item_by_code(self) -> dict[str, Item]:
        """Items by code."""
        return {item.code: item for item in self.items}

    @cached_property
    def department_by_code(self) -> dict[str, Department]:
        """Departments by code."""
        return {department.code: department for department in self.departments}

    @cached_property
    def material_by_id(self) -> dict[str, Material]:
        """Materials by id."""
        return {material.id: material for material in self.materials}

    @cached_property
    def fee_by_id(self) -> dict[str, FeeStandard]:
        """Fee standards by id."""
        return {fee.id: fee for fee in self.fees}

    @cached_property
    def group_by_code(self) -> dict[str, Group]:
        """Groups by code."""
        return {group.code: group for group in self.groups}

    @cached_property
    def question_by_id(self) -> dict[str, Question]:
        """Questions by id."""
        return {question.id: question for question in self.questions}

    @cached_property
    def scenario_by_code(self) -> dict[str, Scenario]:
        """Scenarios by code."""
        return {scenario.code: scenario for scenario in self.scenarios}
