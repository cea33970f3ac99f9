"""Lint of the graph: no item waits for itself, neither alone nor merged with others."""

from collections.abc import Iterable, Iterator

from services.domain.catalogue import Item
from services.domain.findings import Finding, Sourced
from services.domain.graph import CycleError, ordered
from services.domain.merging import MergeError, issue_order

After = dict[str, set[str]]
MOST = 20
"""So many cycles are named at most: the rest shows when these are gone."""


def check_graph(version: Sourced) -> Iterator[Finding]:
    """Yield the cycles among items, among merged steps, and among the papers of one step.

    Every alternative of a choice counts as an edge: a catalogue without a cycle here has none for
    any project.
    """
    items = version.catalogue.item_by_code
    for cycle in _cycles({item.code: _needs(item, items) for item in items.values()}):
        shown = " -> ".join(cycle)
        yield version.finding(
            "cycle",
            ("items", cycle[0], "prerequisites"),
            f"事项互为前置：{shown}",
            f"items wait for each other: {shown}",
        )
    yield from _merged_cycles(version)
    yield from _issue_orders(version)


def _needs(item: Item, among: Iterable[str]) -> set[str]:
    needed = item.prerequisites
    codes = {*needed.all_of, *(code for choice in needed.any_of for code in choice)}
    return (codes & set(among)) - set(needed.on_trust)


def _cycles(after: After) -> Iterator[tuple[str, ...]]:
    for _ in range(MOST):
        try:
            ordered(after)
        except CycleError as error:
            yield error.cycle
            before, node = error.cycle[-2:]
            after[node].discard(before)
        else:
            return


def _merged_cycles(version: Sourced) -> Iterator[Finding]:
    """Only steps of two nodes or more: an edge inside a step is an order of papers, no waiting."""
    catalogue = version.catalogue
    seen: set[tuple[str, ...]] = set()
    for scenario in catalogue.scenarios:
        items = [i for code in scenario.items if (i := catalogue.item_by_code.get(code))]
        step_of = {item.code: item.group or item.code for item in items}
        after: After = {step: set() for step in step_of.values()}
        for item in items:
            own = step_of[item.code]
            after[own] |= {step_of[code] for code in _needs(item, step_of)} - {own}
        groups = {item.group for item in items}
        for cycle in _cycles(after):
            if cycle not in seen and groups & set(cycle):
                seen.add(cycle)
                shown = " -> ".join(cycle)
                first = next(step for step in cycle if step in groups)
                yield version.finding(
                    "merge-cycle",
                    ("groups", first, ""),
                    f"情形 {scenario.code} 中合并后的步骤互相等待：{shown}",
                    f"in the scenario {scenario.code} merged steps wait for each other: {shown}",
                )


def _issue_orders(version: Sourced) -> Iterator[Finding]:
    catalogue = version.catalogue
    for group in catalogue.groups:
        members = [item for item in catalogue.items if item.group == group.code]
        needs = {item.code: _needs(item, catalogue.item_by_code) for item in members}
        try:
            issue_order(members, group.issue_order, needs)
        except MergeError as error:
            yield version.finding(
                "issue-order",
                ("groups", group.code, "issue_order"),
                f"{group.code} 的出件次序与前置关系矛盾：{error}",
                f"the issue order of {group.code} contradicts the prerequisites: {error}",
            )
