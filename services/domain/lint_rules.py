"""Lint of the rules: they can be read, use facts that are there, and compare like with like."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from services.domain.applicability import Comparison, Fact, RuleError, comparisons, compiled
from services.domain.catalogue import Catalogue, Item, Question, Scenario
from services.domain.facts import day_of
from services.domain.findings import Finding, Sourced, Where

Ruled = tuple[Where, str]
"""Where a rule stands, and the rule."""

EQUAL = (ast.Eq, ast.NotEq)
LISTED = (*EQUAL, ast.In, ast.NotIn)


def check_rules(version: Sourced) -> Iterator[Finding]:
    """Yield what is wrong with the rules of a catalogue."""
    catalogue = version.catalogue
    for where, rule in _all_rules(catalogue):
        yield from _read(version, where, rule)
    for scenario in catalogue.scenarios:
        yield from _facts_there(version, scenario)
    yield from _constraints_possible(version)
    yield from _quantities(version)


def provided(scenario: Scenario) -> set[str]:
    """Return the facts that every application of a scenario has."""
    asked = (a.question for a in scenario.questions if a.when is None or a.otherwise is not None)
    return {*scenario.fixed, *asked}


def readable(rule: str) -> bool:
    """Return whether a rule can be read."""
    try:
        compiled(rule)
    except RuleError:
        return False
    return True


def _all_rules(catalogue: Catalogue) -> Iterator[Ruled]:
    for item in catalogue.items:
        yield from _item_rules(item)
    yield from _group_rules(catalogue, {group.code for group in catalogue.groups})
    for constraint in catalogue.constraints:
        yield ("constraints", constraint.question, "never"), constraint.never
    for scenario in catalogue.scenarios:
        yield from _ask_rules(scenario)


def _item_rules(item: Item) -> Iterator[Ruled]:
    rules = [("applies_when", item.applies_when), ("fee", item.fee.when)]
    rules += [("materials", use.when) for use in item.materials]
    rules += [("consulted", unit.when) for unit in item.consulted]
    for field, rule in rules:
        if rule is not None:
            yield ("items", item.code, field), rule


def _group_rules(catalogue: Catalogue, codes: Iterable[str | None]) -> Iterator[Ruled]:
    for code in sorted(filter(None, codes)):
        group = catalogue.group_by_code.get(code)
        for unit in group.consulted if group else ():
            if unit.when is not None:
                yield ("groups", code, "consulted"), unit.when


def _ask_rules(scenario: Scenario) -> Iterator[Ruled]:
    for ask in scenario.questions:
        if ask.when is not None:
            yield ("scenarios", scenario.code, "questions"), ask.when


def _read(version: Sourced, where: Where, rule: str) -> Iterator[Finding]:
    try:
        found = comparisons(rule)
    except RuleError as error:
        text = f"{where[1]}: {error}"
        yield version.finding("bad-rule", where, text, text)
        return
    questions, fixed = version.catalogue.question_by_id, _fixed(version.catalogue)
    for comparison in found:
        if not _like_with_like(comparison, questions.get(comparison.fact), fixed):
            values = ", ".join(map(repr, comparison.values))
            yield version.finding(
                "rule-type",
                where,
                f"{where[1]}：规则 `{rule}` 把 {comparison.fact} 与 {values} 比较，类型或选项不符",
                f"{where[1]}: the rule `{rule}` compares {comparison.fact} with {values}, which it"
                " can never be, or not in that way",
            )


def _fixed(catalogue: Catalogue) -> dict[str, Fact]:
    return {name: value for s in catalogue.scenarios for name, value in s.fixed.items()}


def _like_with_like(
    comparison: Comparison, question: Question | None, fixed: Mapping[str, Fact]
) -> bool:
    kind = question.type if question else _kind(fixed.get(comparison.fact))
    values, operator = comparison.values, comparison.operator
    match kind:
        case "boolean":
            return operator in EQUAL and all(isinstance(value, bool) for value in values)
        case "number":
            return not any(isinstance(value, bool | str) for value in values)
        case "choice":
            options = {option.value for option in question.options} if question else None
            known = options is None or options.issuperset(map(str, values))
            return operator in LISTED and known and all(isinstance(v, str) for v in values)
        case "date":
            return all(day_of(value) is not None for value in values)
    return True


def _kind(value: Fact | None) -> str | None:
    """The type of a fixed fact that no question asks for; None for a fact nobody knows."""
    if value is None or isinstance(value, bool):
        return None if value is None else "boolean"
    return "choice" if isinstance(value, str) else "number"


def _facts_there(version: Sourced, scenario: Scenario) -> Iterator[Finding]:
    catalogue, there = version.catalogue, provided(scenario)
    items = [i for code in scenario.items if (i := catalogue.item_by_code.get(code))]
    rules = [rule for item in items for rule in _item_rules(item)]
    rules += _group_rules(catalogue, {item.group for item in items})
    for where, rule in rules:
        yield from _missing(version, scenario, where, rule, there)
    known = set(scenario.fixed)
    for ask in scenario.questions:
        if ask.when is not None:
            where = ("scenarios", scenario.code, "questions")
            yield from _missing(version, scenario, where, ask.when, known)
        known |= {ask.question} & there


def _missing(
    version: Sourced, scenario: Scenario, where: Where, rule: str, there: set[str]
) -> Iterator[Finding]:
    if not readable(rule):
        return
    for fact in sorted(compiled(rule).names - there):
        yield version.finding(
            "unknown-fact",
            where,
            f"{where[1]} 的规则 `{rule}` 使用 {fact}，但情形 {scenario.code} 此时不提供该事实",
            f"the rule `{rule}` of {where[1]} uses {fact}, which the scenario {scenario.code} does"
            " not provide at that point (neither fixed, nor asked before, nor with `otherwise`)",
        )


def _constraints_possible(version: Sourced) -> Iterator[Finding]:
    for constraint in version.catalogue.constraints:
        rule, where = constraint.never, ("constraints", constraint.question, "never")
        everywhere = (provided(scenario) for scenario in version.catalogue.scenarios)
        if readable(rule) and not any(compiled(rule).names <= there for there in everywhere):
            yield version.finding(
                "unknown-fact",
                where,
                f"没有情形同时提供规则 `{rule}` 的全部事实",
                f"no scenario provides all facts of the rule `{rule}`",
            )


def _quantities(version: Sourced) -> Iterator[Finding]:
    catalogue = version.catalogue
    known = set(catalogue.question_by_id) | set(_fixed(catalogue))
    for fee in catalogue.fees:
        if fee.quantity is not None and fee.quantity not in known:
            yield version.finding(
                "unknown-fact",
                ("fees", fee.id, "quantity"),
                f"收费标准 {fee.id} 按 {fee.quantity} 计量，但没有这一事实",
                f"the fee {fee.id} is measured by {fee.quantity}, which is no fact",
            )
