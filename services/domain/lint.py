"""What a good catalogue is. Every finding names file, line and reason; a note is no error.

Pure over catalogues and the places of their entries. References, promises, fees and uses are
checked here; rules in `lint_rules`, questions in `lint_scenarios`, cycles in `lint_graph`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

from pydantic import BaseModel

from services.contracts.vocabulary import Silence
from services.domain.catalogue import (
    Basis,
    Catalogue,
    Consulted,
    County,
    Item,
    ItemStatus,
    Scenario,
)
from services.domain.compression import breach_of, cap_of
from services.domain.findings import Finding, Place, Sourced
from services.domain.lint_graph import check_graph
from services.domain.lint_later import check_later
from services.domain.lint_limits import check_joint_limits
from services.domain.lint_renewals import check_renewals
from services.domain.lint_rules import check_rules
from services.domain.lint_scenarios import check_scenarios

Check = Callable[[Sourced], Iterator[Finding]]
REFUSED = {ItemStatus.CANCELLED: ("已取消", "cancelled")}
KIND_NAME = {
    "departments": ("部门", "department"),
    "materials": ("材料", "material"),
    "fees": ("收费标准", "fee standard"),
    "groups": ("联合事项组", "group"),
    "items": ("事项", "item"),
    "questions": ("问题", "question"),
    "scenarios": ("情形", "scenario"),
    "stages": ("阶段", "stage"),
    "sources": ("来源", "source"),
}


def lint(versions: Sequence[Sourced]) -> tuple[Finding, ...]:
    """Return every finding on the versions of one or more counties, by file and line."""
    found = [finding for version in versions for check in CHECKS for finding in check(version)]
    found.extend(_overlaps(versions))
    return tuple(sorted(set(found), key=lambda f: (f.place.file, f.place.line, f.code, f.en)))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that refuse the catalogue."""
    return tuple(finding for finding in findings if finding.level == "error")


def _duplicates(version: Sourced) -> Iterator[Finding]:
    for kind, codes in _codes(version.catalogue).items():
        zh, en = KIND_NAME[kind]
        for code, times in Counter(codes).items():
            places = version.places.get((kind, code), [version.place(kind, code)])
            for place in (places[1:] or places) if times > 1 else ():
                yield Finding(
                    code="duplicate",
                    place=Place(file=place.file, line=place.line),
                    zh=f"{zh} {code} 重复",
                    en=f"the {en} {code} stands twice",
                )


def _codes(catalogue: Catalogue) -> dict[str, list[str]]:
    return {
        "departments": [entry.code for entry in catalogue.departments],
        "materials": [entry.id for entry in catalogue.materials],
        "fees": [entry.id for entry in catalogue.fees],
        "groups": [entry.code for entry in catalogue.groups],
        "items": [entry.code for entry in catalogue.items],
        "questions": [entry.id for entry in catalogue.questions],
        "scenarios": [entry.code for entry in catalogue.scenarios],
        "stages": [entry.code for entry in catalogue.county.stages],
        "sources": list(catalogue.county.sources),
    }


Reference = tuple[str, str, str, str, str]
"""(kind, code and field of the entry that refers, kind and code of what it refers to)."""


def _unknown(version: Sourced) -> Iterator[Finding]:
    catalogue = version.catalogue
    known = {kind: set(codes) for kind, codes in _codes(catalogue).items()}
    for kind, code, field, target, wanted in _references(catalogue):
        if wanted not in known[target]:
            zh, en = KIND_NAME[target]
            yield version.finding(
                f"unknown-{target.removesuffix('s')}",
                (kind, code, field),
                f"{code} 引用了不存在的{zh} {wanted}",
                f"{code} refers to {_article(en)} {wanted} that is not in the catalogue",
            )


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _references(catalogue: Catalogue) -> Iterator[Reference]:
    for item in catalogue.items:
        yield from _item_references(item)
    for group in catalogue.groups:
        yield "groups", group.code, "lead", "departments", group.lead
        for department in _departments(group.consulted):
            yield "groups", group.code, "consulted", "departments", department
        for code in group.issue_order:
            yield "groups", group.code, "issue_order", "items", code
    for material in catalogue.materials:
        if material.result_of is not None:
            yield "materials", material.id, "result_of", "items", material.result_of
        for code in () if material.comes is None else material.comes.after:
            yield "materials", material.id, "comes", "items", code
    for scenario in catalogue.scenarios:
        yield from _scenario_references(scenario)
    for constraint in catalogue.constraints:
        name = constraint.question
        yield "constraints", name, "question", "questions", name
    yield from _source_references(catalogue)


def _item_references(item: Item) -> Iterator[Reference]:
    needed = item.prerequisites
    choices = [code for choice in needed.any_of for code in choice]
    fields: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("department", "departments", (item.department,)),
        ("co_deciders", "departments", item.co_deciders),
        ("consulted", "departments", _departments(item.consulted)),
        ("stage", "stages", (item.stage,)),
        ("group", "groups", filter(None, (item.group,))),
        ("materials", "materials", (use.material for use in item.materials)),
        ("fee", "fees", filter(None, (item.fee.standard,))),
        ("prerequisites", "items", (*needed.all_of, *choices, *needed.on_trust)),
    )
    for field, target, codes in fields:
        for code in codes:
            yield "items", item.code, field, target, code


def _scenario_references(scenario: Scenario) -> Iterator[Reference]:
    for code in scenario.items:
        yield "scenarios", scenario.code, "items", "items", code
    for ask in scenario.questions:
        yield "scenarios", scenario.code, "questions", "questions", ask.question


def _departments(units: Iterable[Consulted]) -> Iterator[str]:
    return (unit.department for unit in units)


def _source_references(catalogue: Catalogue) -> Iterator[Reference]:
    entries: tuple[tuple[str, Iterable[tuple[str, BaseModel]]], ...] = (
        ("items", ((item.code, item) for item in catalogue.items)),
        ("groups", ((group.code, group) for group in catalogue.groups)),
        ("materials", ((material.id, material) for material in catalogue.materials)),
        ("fees", ((fee.id, fee) for fee in catalogue.fees)),
        ("questions", ((question.id, question) for question in catalogue.questions)),
    )
    for kind, named in entries:
        for code, entry in named:
            for field, basis in _bases(entry):
                if basis.source is not None:
                    yield kind, code, field, "sources", basis.source


def _bases(entry: BaseModel) -> Iterator[tuple[str, Basis]]:
    """Yield every basis inside an entry, with the entry's field it stands in."""
    for field in type(entry).model_fields:
        value = getattr(entry, field)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Basis):
                yield field, part
            elif isinstance(part, BaseModel):
                yield from ((field, basis) for _, basis in _bases(part))


def _items(version: Sourced) -> Iterator[Finding]:
    for item in version.catalogue.items:
        if breach := breach_of(item):
            yield version.finding(
                "one-third",
                ("items", item.code, "promised"),
                f"{item.code} {breach.reason.zh}",
                f"{item.code} {breach.reason.en}",
            )
        if item.applies_when is None:
            yield version.finding(
                "no-rule",
                ("items", item.code, ""),
                f"{item.code} 没有适用规则（applies_when）",
                f"{item.code} has no rule that says when it applies (applies_when)",
            )
        yield from _fee(version, item)
        yield from _silence(version, item)
        yield from _in_power(version, item)


def _fee(version: Sourced, item: Item) -> Iterator[Finding]:
    fee, where = item.fee, ("items", item.code, "fee")
    if fee.free is None and fee.standard is None:
        yield version.finding(
            "fee-basis",
            where,
            f"{item.code} 的收费没有依据：应写明免费依据或收费标准（行政许可法 58、59）",
            f"the fee of {item.code} has no basis: name the article that makes it free, or a"
            " published standard (行政许可法 58, 59)",
        )
    if fee.free is not None and fee.standard is not None:
        yield version.finding(
            "fee-basis",
            where,
            f"{item.code} 既免费又收费",
            f"{item.code} is both free and charged for",
        )


def _silence(version: Sourced, item: Item) -> Iterator[Finding]:
    deciders = {item.department, *item.co_deciders}
    for unit in item.consulted:
        if unit.department in deciders and unit.silence is not Silence.NONE:
            yield version.finding(
                "silence-on-decider",
                ("items", item.code, "consulted"),
                f"{unit.department} 是 {item.code} 的审批部门，沉默不得视为同意",
                f"{unit.department} decides {item.code}: its silence cannot count as consent",
            )


def _in_power(version: Sourced, item: Item) -> Iterator[Finding]:
    """A delegated item is refused by naming who decides it (行政许可法 32(2))."""
    if (item.status is ItemStatus.DELEGATED) != (item.in_power is not None):
        yield version.finding(
            "in-power",
            ("items", item.code, "in_power"),
            f"{item.code}：已下放的事项须写明由谁办理（in_power），其他事项不得写",
            f"{item.code}: a delegated item says who is in power (in_power), and no other does",
        )


def _groups(version: Sourced) -> Iterator[Finding]:
    for group in version.catalogue.groups:
        members = [item for item in version.catalogue.items if item.group == group.code]
        where = ("groups", group.code, "")
        if not members:
            text = (f"{group.code} 中没有事项", f"no item is in {group.code}")
            yield version.finding("empty-group", where, *text)
        for code in sorted(set(group.issue_order) - {item.code for item in members}):
            yield version.finding(
                "issue-order",
                ("groups", group.code, "issue_order"),
                f"{code} 不在 {group.code} 中，不能排入出件次序",
                f"{code} is not in {group.code} and cannot stand in its issue order",
            )
        total = sum(stretch.days for stretch in group.days)
        if group.days and total != group.budget.value:
            yield version.finding(
                "group-days",
                ("groups", group.code, "days"),
                f"{group.code} 各阶段共 {total} 天，与总时限 {group.budget.value} 天不符",
                f"the stretches of {group.code} add up to {total}, its budget is"
                f" {group.budget.value}",
            )
        if any(unit.department == group.lead for unit in group.consulted):
            yield version.finding(
                "silence-on-decider",
                ("groups", group.code, "consulted"),
                f"{group.lead} 是 {group.code} 的牵头部门，不能作为被征求意见单位",
                f"{group.lead} leads {group.code} and cannot be consulted by it",
            )
        yield from _group_budget(version, group.code, members)


def _group_budget(version: Sourced, code: str, members: Sequence[Item]) -> Iterator[Finding]:
    budget = version.catalogue.group_by_code[code].budget
    caps = [(cap_of(i.statutory.limit), i.code) for i in members if i.statutory]
    same = [(cap.value, item) for cap, item in caps if cap.unit is budget.unit]
    if same and min(same)[0] < budget.value:
        cap, item = min(same)
        yield version.finding(
            "group-budget",
            ("groups", code, "budget"),
            f"{code} 的时限 {budget.value} 长于 {item} 的上限 {cap}：联合步骤按最早的承诺到期",
            f"the budget {budget.value} of {code} is longer than the cap {cap} of {item}: the step"
            " is due by the earliest promise",
            level="note",
        )


def _unused(version: Sourced) -> Iterator[Finding]:
    catalogue = version.catalogue
    used: dict[str, set[str]] = {}
    for kind, _, _, target, wanted in _references(catalogue):
        if not (kind == "constraints" and target == "questions"):
            used.setdefault(target, set()).add(wanted)
    for scenario in catalogue.scenarios:
        used.setdefault("questions", set()).update(scenario.fixed)
    for material in catalogue.materials:
        if material.id not in used.get("materials", ()):
            yield version.finding(
                "unused-material",
                ("materials", material.id, ""),
                f"没有事项需要材料 {material.id}（行政许可法 31：不得要求提交无关材料）",
                f"no item needs the material {material.id} (行政许可法 31)",
            )
    for kind, codes in _codes(catalogue).items():
        if kind in ("departments", "fees", "items", "questions"):
            zh, en = KIND_NAME[kind]
            for code in sorted(set(codes) - used.get(kind, set())):
                where = (kind, code, "")
                text = (f"{zh} {code} 没有被使用", f"the {en} {code} is not used")
                yield version.finding("unused", where, *text, level="note")


def _status(version: Sourced) -> Iterator[Finding]:
    items = version.catalogue.item_by_code
    for scenario in version.catalogue.scenarios:
        for code in scenario.items:
            status = items[code].status if code in items else ItemStatus.ACTIVE
            if status in REFUSED:
                zh, en = REFUSED[status]
                yield version.finding(
                    "not-active",
                    ("scenarios", scenario.code, "items"),
                    f"事项 {code} {zh}，不得列入情形 {scenario.code}",
                    f"{code} is {en} and may not stand in the scenario {scenario.code}",
                )


def _overlaps(versions: Sequence[Sourced]) -> Iterator[Finding]:
    for version in versions:
        county = version.catalogue.county
        if county.effective_to is not None and county.effective_to < county.effective_from:
            yield version.finding(
                "period",
                ("county", county.code, "effective_to"),
                "失效日期早于生效日期",
                "the version ends before it begins",
            )
    ranked = sorted(versions, key=lambda v: (v.catalogue.county.effective_from, v.where))
    for earlier, later in combinations(ranked, 2):
        first, second = earlier.catalogue.county, later.catalogue.county
        if first.code == second.code and _meet(first, second):
            yield later.finding(
                "overlap",
                ("county", second.code, "effective_from"),
                f"版本 {second.version} 与 {first.version}（{earlier.where}）的有效期重叠",
                f"the version {second.version} overlaps {first.version} ({earlier.where})",
            )


def _meet(first: County, second: County) -> bool:
    """Whether two periods share a day, or two versions one name; `first` begins no later."""
    same_name = first.version == second.version
    return same_name or first.effective_to is None or second.effective_from <= first.effective_to


CHECKS: tuple[Check, ...] = (
    _duplicates,
    _unknown,
    _items,
    _groups,
    _unused,
    _status,
    check_rules,
    check_scenarios,
    check_graph,
    check_joint_limits,
    check_later,
    check_renewals,
)
