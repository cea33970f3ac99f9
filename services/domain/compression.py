"""The one-third rule: a promise is at most floor(statutory / 3) (压缩三分之二以上)."""

from services.contracts.vocabulary import Unit
from services.domain.catalogue import Item, Limit, Name, Shape

TIMES = 3
UNIT_ZH = {Unit.WORKING_DAY: "个工作日", Unit.CALENDAR_DAY: "个自然日"}
UNIT_EN = {Unit.WORKING_DAY: "working day", Unit.CALENDAR_DAY: "calendar day"}


class Breach(Shape):
    """An item that breaks the compressed target: by `over` days against `cap`, and why.

    `cap` is None where no statutory limit was found: the item then has nothing to be a third of.
    """

    item: str
    promised: Limit
    cap: Limit | None
    over: int
    reason: Name


def days_text(limit: Limit) -> Name:
    """Return a number of days as people read it; 0 is decided on the spot (即办)."""
    if limit.value == 0:
        return Name(zh="即办", en="on the spot")
    plural = "" if limit.value == 1 else "s"
    return Name(
        zh=f"{limit.value} {UNIT_ZH[limit.unit]}",
        en=f"{limit.value} {UNIT_EN[limit.unit]}{plural}",
    )


def cap_of(statutory: Limit) -> Limit:
    """Return the highest promise that the rule allows; 0 means decided on the spot (即办)."""
    return Limit(value=statutory.value // TIMES, unit=statutory.unit)


def breach_of(item: Item) -> Breach | None:
    """Return how the item's promise breaks the rule, or None.

    Only items of project construction with a statutory limit are bound. Units are read strictly:
    n calendar days never end after n working days, so calendar days may be promised against a
    statutory limit in working days; the reverse stretches over holidays and is refused, except 0.
    """
    if not item.project_construction or item.statutory is None:
        return None
    promised, cap = item.promised, cap_of(item.statutory.limit)
    stretches = (
        promised.value > 0 and promised.unit is Unit.WORKING_DAY and cap.unit is Unit.CALENDAR_DAY
    )
    if not stretches and promised.value <= cap.value:
        return None
    reason = _stretches(promised, cap) if stretches else _exceeds(item, promised, cap)
    over = max(promised.value - cap.value, 0)
    return Breach(item=item.code, promised=promised, cap=cap, over=over, reason=reason)


def _exceeds(item: Item, promised: Limit, cap: Limit) -> Name:
    statutory = item.statutory.limit.value if item.statutory else 0
    given, most = days_text(promised), days_text(cap)
    return Name(
        zh=f"承诺 {given.zh}，超过法定 {statutory} 的三分之一（上限：{most.zh}）",
        en=f"promises {given.en}: more than a third of the statutory {statutory}"
        f" (at most: {most.en})",
    )


def _stretches(promised: Limit, cap: Limit) -> Name:
    given, most = days_text(promised), days_text(cap)
    return Name(
        zh=f"法定时限按自然日计算，承诺 {given.zh} 遇节假日会延长，无法比较：最多 {most.zh}",
        en=f"the statutory limit is in calendar days; {given.en} can stretch over holidays and"
        f" cannot be compared: promise at most {most.en}",
    )
