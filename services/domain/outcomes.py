"""The first two of the five outcomes (行政许可法 32): no licence is needed; another is in power.

What a project's facts and the catalogue in force say about every item that is asked about, and
from that the one answer that is given in writing. An item that applies and is ours is neither:
then there is something to apply for.
"""

from collections.abc import Iterable, Sequence

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain.applicability import Decision, RuleError, decide
from services.domain.catalogue import Catalogue, InPower, Item, ItemStatus, Name, Shape
from services.domain.plan import Plan
from services.domain.planner import because_of

NOT_NEEDED, NOT_IN_POWER = AcceptanceOutcome.NOT_NEEDED, AcceptanceOutcome.NOT_IN_POWER


class ItemAnswer(Shape):
    """What holds for one item. `outcome` None: it is needed, and applied for here.

    `rule` is the item's own, `decided_by` the part of it that decided; `in_power` says who is,
    and where that stands, when it is not we.
    """

    item: str
    name: Name
    outcome: AcceptanceOutcome | None
    rule: str | None
    decided_by: str | None
    because: Name
    in_power: InPower | None = None


class UndecidedError(Exception):
    """An item's rule asks what this project was not asked; `item` is its code."""

    def __init__(self, item: str, rule: str) -> None:
        super().__init__(f"{item}: the facts do not settle `{rule}`")
        self.item, self.rule = item, rule


def answers(catalogue: Catalogue, plan: Plan, items: Sequence[str] = ()) -> tuple[ItemAnswer, ...]:
    """Return what holds for items of the catalogue: those named, or all of the plan's scenario.

    Raises UndecidedError for an item whose rule cannot be decided by the facts of the plan.
    """
    asked = dict.fromkeys(items) or [one.item for one in plan.verdicts]
    return tuple(_answer(catalogue, catalogue.item_by_code[code], plan) for code in asked)


def outcome_of(found: Iterable[ItemAnswer]) -> AcceptanceOutcome | None:
    """Return the one outcome over items; None when there is something to apply for here.

    Where another is in power for any of them, that is said: it has to be applied for there.
    """
    outcomes = {one.outcome for one in found}
    if None in outcomes:
        return None
    return NOT_IN_POWER if NOT_IN_POWER in outcomes else NOT_NEEDED


def elsewhere(catalogue: Catalogue, plan: Plan) -> tuple[ItemAnswer, ...]:
    """Return the items of a plan's project that it needs and that another is in power for."""
    theirs = [
        one.item for one in plan.verdicts if catalogue.item_by_code[one.item].in_power is not None
    ]
    found = answers(catalogue, plan, theirs) if theirs else ()
    return tuple(one for one in found if one.outcome is NOT_IN_POWER)


def _answer(catalogue: Catalogue, item: Item, plan: Plan) -> ItemAnswer:
    decision = _decision(item, plan)
    outcome, because = _outcome(catalogue, item, plan, decision)
    return ItemAnswer(
        item=item.code,
        name=item.name,
        outcome=outcome,
        rule=item.applies_when,
        decided_by=None if decision is None else decision.because,
        because=because,
        in_power=item.in_power if outcome is NOT_IN_POWER else None,
    )


def _decision(item: Item, plan: Plan) -> Decision | None:
    """Return what the item's rule says; None where none is needed to know."""
    if item.applies_when is None or item.status in _ENDED:
        return None
    try:
        return decide(item.applies_when, plan.facts)
    except RuleError:
        raise UndecidedError(item.code, item.applies_when) from None


def _outcome(
    catalogue: Catalogue, item: Item, plan: Plan, decision: Decision | None
) -> tuple[AcceptanceOutcome | None, Name]:
    if item.status in _ENDED:
        return NOT_NEEDED, _ENDED[item.status]
    because = _ALWAYS
    if decision is not None:
        because = because_of(catalogue, decision.holds, decision.because, decision.facts)
    if decision is not None and not decision.holds:
        return NOT_NEEDED, because
    if item.in_power is not None:
        return NOT_IN_POWER, because
    if item.code in plan.held:
        return NOT_NEEDED, _held(plan.held[item.code])
    return None, because


def _held(number: str) -> Name:
    return Name(
        zh=f"已有结果 {number}，无需再次申请（行政许可法 33）",
        en=f"Its result {number} is in the system: it is not applied for again (行政许可法 33)",
    )


_ALWAYS = Name(zh="适用：无条件", en="Applies: without condition")
_ENDED = {
    ItemStatus.CANCELLED: Name(
        zh="该事项已取消，不再需要取得许可", en="The item is cancelled: it is no longer required"
    ),
    ItemStatus.SUSPENDED: Name(
        zh="该事项暂停实施，目前不需要取得许可",
        en="The item is suspended: it is not required at present",
    ),
}
