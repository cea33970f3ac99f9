"""Lint of the joint case: what several departments handle together fits into the law's limit.

A group whose budget is longer than the limit of the joint case can never keep it: an error. A
scenario whose longest chain of promises is longer keeps it only for projects that need fewer
items: a note, and every plan that is too long names it (`joint_overrun`).
"""

from collections.abc import Iterator

from services.domain.catalogue import Catalogue, Item, ItemStatus
from services.domain.findings import Finding, Sourced
from services.domain.graph import CycleError, ordered
from services.domain.joint_case import JOINT_ARTICLE, JOINT_DAYS


def check_joint_limits(version: Sourced) -> Iterator[Finding]:
    """Yield the groups and scenarios that promise more than the limit of the joint case."""
    for group in version.catalogue.groups:
        if group.budget.value > JOINT_DAYS:
            yield version.finding(
                "joint-limit",
                ("groups", group.code, "budget"),
                f"{group.code} 的时限 {group.budget.value} 超过联合办理时限 {JOINT_DAYS} 个工作日"
                f"（{JOINT_ARTICLE}）",
                f"the budget {group.budget.value} of {group.code} is longer than the {JOINT_DAYS}"
                f" working days of joint handling ({JOINT_ARTICLE})",
            )
    for scenario in version.catalogue.scenarios:
        known = version.catalogue.item_by_code
        items = [known[code] for code in scenario.items if code in known]
        longest = _longest(version.catalogue, items)
        departments = {code for item in items for code in (item.department, *item.co_deciders)}
        if longest > JOINT_DAYS and len(departments) > 1:
            yield version.finding(
                "joint-limit",
                ("scenarios", scenario.code, "items"),
                f"情形 {scenario.code} 的事项全部适用时，承诺总时长约 {longest} 天，超过联合办理"
                f"时限 {JOINT_DAYS} 个工作日（{JOINT_ARTICLE}）",
                f"with all items of {scenario.code} the promises add up to about {longest} days:"
                f" more than the {JOINT_DAYS} working days of joint handling ({JOINT_ARTICLE})",
                level="note",
            )


def _longest(catalogue: Catalogue, items: list[Item]) -> int:
    """Return the longest chain of promises in days of whatever unit; 0 when items form a ring."""
    active = {item.code: item for item in items if item.status is ItemStatus.ACTIVE}
    step_of = {code: item.group or code for code, item in active.items()}
    after: dict[str, set[str]] = {step: set() for step in step_of.values()}
    spent: dict[str, int] = {}
    for code, item in active.items():
        step, needed = step_of[code], set(item.prerequisites.all_of)
        needed -= set(item.prerequisites.on_trust)
        after[step] |= {step_of[one] for one in needed if one in step_of} - {step}
        group = catalogue.group_by_code.get(item.group or "")
        own = min(item.promised.value, group.budget.value) if group else item.promised.value
        spent[step] = min(spent.get(step, own), own)
    try:
        order = ordered(after)
    except CycleError:
        return 0  # `cycle` or `merge-cycle` says it
    due: dict[str, int] = {}
    for step in order:
        due[step] = max((due[one] for one in after[step]), default=0) + spent[step]
    return max(due.values(), default=0)
