"""What is public about every item, without logging in (行政许可法 30; 阳光审批)."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from services.contracts.vocabulary import Authority
from services.domain.catalogue import (
    Basis,
    Catalogue,
    Department,
    Fee,
    FeeStandard,
    Group,
    InPower,
    Item,
    ItemKind,
    ItemStatus,
    Limit,
    Material,
    MaterialUse,
    Name,
    Prerequisites,
    Question,
    Renewal,
    ResultDocument,
    Stage,
    StatutoryLimit,
)
from services.intake import links


class Counts(BaseModel):
    """How much there is in a catalogue."""

    items: int
    departments: int
    materials: int
    fees: int
    scenarios: int
    unverified: int = Field(description="Items with a figure or a basis that is not verified.")


class CatalogueHead(BaseModel):
    """The catalogue in force today."""

    county: str
    name: Name
    version: str
    digest: str
    effective_from: date
    effective_to: date | None
    stages: tuple[Stage, ...]
    departments: tuple[Department, ...]
    counts: Counts
    sources: dict[str, str]


class ItemRow(BaseModel):
    """One item in a list."""

    code: str
    name: Name
    department: str
    department_name: Name
    stage: str
    kind: ItemKind
    status: ItemStatus
    statutory: Limit | None
    promised: Limit
    free: bool
    verified: bool


class ItemList(BaseModel):
    """Items that were asked for, in the order of their codes."""

    version: str
    items: list[ItemRow]


class MaterialOfItem(BaseModel):
    """A material that an item needs: the material itself, when, and whether it may follow."""

    use: MaterialUse
    material: Material
    sample: str | None = Field(
        default=None, description="Address of the material with a sample of it, if there is one."
    )


class FeeOfItem(BaseModel):
    """Whether an item costs anything, and by which published standard."""

    fee: Fee
    standard: FeeStandard | None


class ItemDisclosure(BaseModel):
    """Everything public about one item."""

    version: str
    code: str
    name: Name
    kind: ItemKind
    status: ItemStatus
    stage: Stage
    department: Department
    co_deciders: tuple[Department, ...]
    project_construction: bool
    legal_basis: tuple[Basis, ...]
    statutory: StatutoryLimit | None
    promised: Limit
    promised_basis: Basis
    conditions: tuple[Name, ...]
    procedure: tuple[Name, ...]
    materials: tuple[MaterialOfItem, ...]
    fee: FeeOfItem
    prerequisites: Prerequisites
    group: Group | None
    consulted: tuple[str, ...]
    result: ResultDocument
    applies_when: str | None
    authority: Authority
    in_power: InPower | None = Field(
        default=None, description="Of a delegated item: who decides it now."
    )
    renewal: Renewal | None = None
    verified: bool
    notes: tuple[str, ...]


class ScenarioRow(BaseModel):
    """One kind of project."""

    code: str
    name: Name
    description: Name
    questions: int
    items: int


class ScenarioList(BaseModel):
    """The kinds of project there are."""

    version: str
    scenarios: list[ScenarioRow]


class QuestionAsked(BaseModel):
    """A question of a scenario: asked only when `when` holds, otherwise its answer is known."""

    question: Question
    when: str | None
    otherwise: bool | float | str | None


class Questionnaire(BaseModel):
    """What is asked about a kind of project, with a complete example."""

    version: str
    code: str
    name: Name
    description: Name
    fixed: dict[str, bool | float | str]
    questions: list[QuestionAsked]
    items: tuple[str, ...]
    example: dict[str, bool | float | str]


def head(catalogue: Catalogue) -> CatalogueHead:
    """Return the head of a catalogue."""
    county = catalogue.county
    return CatalogueHead(
        county=county.code,
        name=county.name,
        version=county.version,
        digest=catalogue.digest,
        effective_from=county.effective_from,
        effective_to=county.effective_to,
        stages=county.stages,
        departments=catalogue.departments,
        counts=Counts(
            items=len(catalogue.items),
            departments=len(catalogue.departments),
            materials=len(catalogue.materials),
            fees=len(catalogue.fees),
            scenarios=len(catalogue.scenarios),
            unverified=len(unverified(catalogue)),
        ),
        sources=county.sources,
    )


def is_verified(item: Item) -> bool:
    """Whether every basis of an item, wherever it stands, is verified."""
    return all(_bases(item.model_dump()))


_unverified: dict[str, frozenset[str]] = {}


def unverified(catalogue: Catalogue) -> frozenset[str]:
    """Return the codes of the items that rest on something unverified; found out once."""
    found = _unverified.get(catalogue.digest)
    if found is None:
        found = frozenset(one.code for one in catalogue.items if not is_verified(one))
        _unverified[catalogue.digest] = found
    return found


def _bases(found: Any) -> Iterable[bool]:
    if isinstance(found, dict):
        if "verified" in found:
            yield bool(found["verified"])
        for value in found.values():
            yield from _bases(value)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from _bases(value)


def items(
    catalogue: Catalogue, stage: str | None, department: str | None, words: str | None
) -> ItemList:
    """Return the items of a stage and a department whose code or name contains the words."""
    wanted = words.strip().casefold() if words else ""
    rows = [
        _row(catalogue, item)
        for item in sorted(catalogue.items, key=lambda item: item.code)
        if (stage is None or item.stage == stage)
        and (department is None or department in (item.department, *item.co_deciders))
        and wanted in f"{item.code} {item.name.zh} {item.name.en}".casefold()
    ]
    return ItemList(version=catalogue.county.version, items=rows)


def _row(catalogue: Catalogue, item: Item) -> ItemRow:
    return ItemRow(
        code=item.code,
        name=item.name,
        department=item.department,
        department_name=catalogue.department_by_code[item.department].name,
        stage=item.stage,
        kind=item.kind,
        status=item.status,
        statutory=item.statutory.limit if item.statutory else None,
        promised=item.promised,
        free=item.fee.standard is None,
        verified=item.code not in unverified(catalogue),
    )


def item(catalogue: Catalogue, code: str, samples: Collection[str] = ()) -> ItemDisclosure | None:
    """Return everything about an item, or None. `samples`: the materials that have one."""
    found = catalogue.item_by_code.get(code)
    if found is None:
        return None
    departments = catalogue.department_by_code
    stages = {stage.code: stage for stage in catalogue.county.stages}
    same = found.model_dump(
        exclude={"stage", "department", "co_deciders", "materials", "fee", "group", "consulted"}
    )
    return ItemDisclosure(
        version=catalogue.county.version,
        stage=stages[found.stage],
        department=departments[found.department],
        co_deciders=tuple(departments[one] for one in found.co_deciders),
        materials=tuple(
            MaterialOfItem(
                use=use,
                material=catalogue.material_by_id[use.material],
                sample=links.of_public_material(use.material) if use.material in samples else None,
            )
            for use in found.materials
        ),
        fee=FeeOfItem(
            fee=found.fee,
            standard=catalogue.fee_by_id[found.fee.standard] if found.fee.standard else None,
        ),
        group=catalogue.group_by_code[found.group] if found.group else None,
        consulted=tuple(one.department for one in found.consulted),
        verified=code not in unverified(catalogue),
        **same,
    )


def scenarios(catalogue: Catalogue) -> ScenarioList:
    """Return the kinds of project."""
    return ScenarioList(
        version=catalogue.county.version,
        scenarios=[
            ScenarioRow(
                code=one.code,
                name=one.name,
                description=one.description,
                questions=len(one.questions),
                items=len(one.items),
            )
            for one in catalogue.scenarios
        ],
    )


def questionnaire(catalogue: Catalogue, code: str) -> Questionnaire | None:
    """Return what is asked about a kind of project, or None."""
    found = catalogue.scenario_by_code.get(code)
    if found is None:
        return None
    return Questionnaire(
        version=catalogue.county.version,
        code=found.code,
        name=found.name,
        description=found.description,
        fixed=found.fixed,
        questions=[
            QuestionAsked(
                question=catalogue.question_by_id[ask.question],
                when=ask.when,
                otherwise=ask.otherwise,
            )
            for ask in found.questions
        ],
        items=found.items,
        example=found.example,
    )
