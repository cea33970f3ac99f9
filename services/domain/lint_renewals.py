"""Lint of renewals: there is a day on which the permit expires, and one department that decides.

Silence renews a permit (行政许可法 50). So that this can be said at that very instant, the item
stands alone: nobody else decides, is asked, or has to be waited for.
"""

from collections.abc import Iterator

from services.contracts.vocabulary import Unit
from services.domain.catalogue import Catalogue, Item, ItemKind, Limit, Renewal
from services.domain.examiners import NOTICE_WITHIN
from services.domain.findings import Finding, Sourced
from services.domain.lint_rules import provided

WEEK, WORKED = 7, 5
"""Days of a week, and working days in it."""


def check_renewals(version: Sourced) -> Iterator[Finding]:
    """Yield what is wrong with the renewals of a catalogue."""
    for item in version.catalogue.items:
        if item.renewal is not None:
            yield from _expiry(version, item, item.renewal)
            yield from _in_time(version, item, item.renewal)
            yield from _alone(version, item)


def _expiry(version: Sourced, item: Item, renewal: Renewal) -> Iterator[Finding]:
    where, name = ("items", item.code, "renewal"), renewal.expires
    question = version.catalogue.question_by_id.get(name)
    if question is None or question.type != "date":
        yield version.finding(
            "renewal-date",
            where,
            f"{item.code} 的到期日 {name} 不是日期题",
            f"{item.code} expires on {name}, which is no question for a date",
        )
    for scenario in version.catalogue.scenarios:
        if item.code in scenario.items and name not in provided(scenario):
            yield version.finding(
                "unknown-fact",
                where,
                f"情形 {scenario.code} 列入 {item.code}，但不一定问其到期日 {name}",
                f"the scenario {scenario.code} lists {item.code} and may not ask when it expires"
                f" ({name})",
            )


def _in_time(version: Sourced, item: Item, renewal: Renewal) -> Iterator[Finding]:
    """Whoever applies on the last day is decided upon before his permit expires, or renewed by law.

    Both at once would leave nobody time to decide. Weeks are reckoned without holidays.
    """
    needed = _calendar_days(NOTICE_WITHIN) + _calendar_days(item.promised)
    ahead = _calendar_days(renewal.apply_before)
    if ahead < needed:
        yield version.finding(
            "renewal-time",
            ("items", item.code, "renewal"),
            f"{item.code} 须提前 {ahead} 日申请，短于补正告知与承诺时限之和（{needed} 日）："
            "许可会因来不及决定而视为准予延续",
            f"{item.code} is applied for {ahead} days ahead, less than the notice and the promise"
            f" take ({needed}): it would be renewed for want of time to decide",
        )


def _calendar_days(limit: Limit) -> int:
    """Five working days are a week; what is left of one is rounded up."""
    return limit.value if limit.unit is Unit.CALENDAR_DAY else -(-limit.value * WEEK // WORKED)


def _alone(version: Sourced, item: Item) -> Iterator[Finding]:
    where = ("items", item.code, "renewal")
    if item.kind is not ItemKind.PERMIT:
        yield version.finding(
            "renewal-permit",
            where,
            f"{item.code} 不是行政许可，沉默不得视为准予延续（行政许可法 50）",
            f"{item.code} is no licence: silence renews nothing of it (行政许可法 50)",
        )
    needed = item.prerequisites
    if any((item.co_deciders, item.consulted, item.group, needed.all_of, needed.any_of)):
        yield version.finding(
            "renewal-alone",
            where,
            f"{item.code} 是延续事项，须由一个部门单独决定：不得有共同审批、征求意见、联合事项组、"
            "前置事项",
            f"{item.code} is a renewal, which one department decides alone: it has no co-deciders,"
            " consulted units, group or prerequisites",
        )
    if late := sorted(_come_later(version.catalogue, item)):
        yield version.finding(
            "renewal-alone",
            where,
            f"{item.code} 是延续事项，不得等待后续材料 {'、'.join(late)}",
            f"{item.code} is a renewal and cannot wait for papers that come later"
            f" ({', '.join(late)})",
        )


def _come_later(catalogue: Catalogue, item: Item) -> Iterator[str]:
    for use in item.materials:
        found = catalogue.material_by_id.get(use.material)
        if found is not None and found.comes is not None:
            yield found.id
