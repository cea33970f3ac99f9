"""What a plan asks of the applicant: materials once each, fees by published standard."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from services.contracts.vocabulary import Unit
from services.domain.applicability import Fact, Facts, holds
from services.domain.catalogue import Catalogue, FeeStandard, Item, Limit, Material, MaterialUse
from services.domain.merging import Draft
from services.domain.plan import PlannedFee, PlannedMaterial

CENT = Decimal("0.01")


def materials_of(
    catalogue: Catalogue, drafts: Sequence[Draft], facts: Facts, held: Mapping[str, str]
) -> tuple[PlannedMaterial, ...]:
    """Return every material once, by id, with the items and steps that use it.

    A material that is the result of a planned item comes from the system; of a held one, it is
    there; of an item neither planned nor held, it is asked of the applicant.
    """
    uses: dict[str, list[tuple[str, str, MaterialUse]]] = {}
    for step, item in _items(drafts):
        for use in item.materials:
            if holds(use.when, facts):
                uses.setdefault(use.material, []).append((step, item.code, use))
    planned = {item.code for _, item in _items(drafts)}
    return tuple(
        _material(catalogue.material_by_id[code], uses[code], planned, held)
        for code in sorted(uses)
    )


def fees_of(
    catalogue: Catalogue, drafts: Sequence[Draft], facts: Facts, on: date
) -> tuple[PlannedFee, ...]:
    """Return every standard once, by id, with the items that fall under it."""
    items = (item for _, item in _items(drafts) if holds(item.fee.when, facts))
    return fees_on(catalogue, items, facts, on)


def fees_on(
    catalogue: Catalogue, items: Iterable[Item], facts: Facts, on: date
) -> tuple[PlannedFee, ...]:
    """Return the standards of items that are to be charged, each once, by id."""
    found: dict[str, list[str]] = {}
    for item in items:
        if item.fee.standard is not None:
            found.setdefault(item.fee.standard, []).append(item.code)
    return tuple(_fee(catalogue.fee_by_id[code], found[code], facts, on) for code in sorted(found))


def _items(drafts: Iterable[Draft]) -> Iterator[tuple[str, Item]]:
    for draft in drafts:
        for item in draft.items:
            yield draft.code, item


def _material(
    material: Material,
    uses: Sequence[tuple[str, str, MaterialUse]],
    planned: set[str],
    held: Mapping[str, str],
) -> PlannedMaterial:
    supplied_by, there = material.supplied_by, None
    if material.result_of in planned:
        supplied_by, there = "system", "system"
    elif material.result_of in held:
        supplied_by, there = "system", "held"
    elif material.result_of is not None:
        supplied_by = "applicant"
    return PlannedMaterial(
        id=material.id,
        name=material.name,
        supplied_by=supplied_by,
        asked=supplied_by == "applicant",
        already_there=there,
        result_of=material.result_of,
        form=material.form,
        may_follow=_may_follow([use for _, _, use in uses]),
        used_by_items=tuple(sorted({item for _, item, _ in uses})),
        used_by_steps=tuple(sorted({step for step, _, _ in uses})),
    )


def _may_follow(uses: Sequence[MaterialUse]) -> Limit | None:
    """Return the shortest term; None when some item needs it from the beginning.

    Calendar days come first among equals: n of them never end after n working days.
    """
    terms = [use.may_follow for use in uses if use.may_follow is not None]
    if len(terms) < len(uses):
        return None
    return min(terms, key=lambda term: (term.value, term.unit is Unit.WORKING_DAY))


def _fee(standard: FeeStandard, items: Sequence[str], facts: Facts, on: date) -> PlannedFee:
    quantity = facts.get(standard.quantity) if standard.quantity else None
    in_force = standard.effective_from is None or standard.effective_from <= on
    return PlannedFee(
        id=standard.id,
        name=standard.name,
        document=standard.document,
        amount=standard.amount,
        unit=standard.unit,
        quantity=quantity,
        total=_total(standard, quantity) if in_force else None,
        in_force=in_force,
        items=tuple(sorted(items)),
    )


def _total(standard: FeeStandard, quantity: Fact | None) -> Decimal | None:
    """An amount with a unit but no quantity is a price, not a sum: the sum stays unknown."""
    if standard.amount is None:
        return None
    if standard.quantity is None:
        return None if standard.unit else cents(standard.amount)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        return None
    return cents(standard.amount * Decimal(str(quantity)))


def cents(amount: Decimal) -> Decimal:
    """Return yuan rounded to the cent, half of one up (四舍五入)."""
    return amount.quantize(CENT, ROUND_HALF_UP)
