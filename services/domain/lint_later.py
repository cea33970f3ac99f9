"""Lint of papers that come later: nothing waits for a paper that cannot be there in time."""

from collections.abc import Iterator

from services.domain.catalogue import Catalogue, Comes, Item, Material
from services.domain.findings import Finding, Sourced

Needed = dict[str, frozenset[str]]
"""By step (a group, or an item on its own): the steps that may have to be over before it."""


def check_later(version: Sourced) -> Iterator[Finding]:
    """Yield what is wrong with the papers of a catalogue that come later.

    An item that needs one lies after everything that the paper rests on: by its prerequisites or by
    its stage, and never before, nor in one merged step with it. Such a paper is the investor's own,
    and has no term to follow in: it waits for its step, not for a day.
    """
    catalogue = version.catalogue
    needed = _needed(catalogue)
    for material in catalogue.materials:
        if material.comes is None:
            continue
        if material.supplied_by != "applicant" or material.result_of is not None:
            yield version.finding(
                "later-not-asked",
                ("materials", material.id, "comes"),
                f"{material.id} 不由申请人提交，不会等待",
                f"{material.id} is not handed in by the applicant: nobody waits for it",
            )
        for item in _users(catalogue, material):
            yield from _order(version, material, material.comes, item, needed)
            if any(u.material == material.id and u.may_follow for u in item.materials):
                yield version.finding(
                    "later-and-follows",
                    ("items", item.code, "materials"),
                    f"{material.id} 在项目推进中形成，{item.code} 不应再规定容缺期限",
                    f"{material.id} comes later: {item.code} gives it a term that means nothing",
                )


def _users(catalogue: Catalogue, material: Material) -> list[Item]:
    return [i for i in catalogue.items if any(u.material == material.id for u in i.materials)]


def _order(
    version: Sourced, material: Material, comes: Comes, item: Item, needed: Needed
) -> Iterator[Finding]:
    catalogue = version.catalogue
    for code in comes.after:
        source = catalogue.item_by_code.get(code)
        if source is None:
            continue  # an unknown item: said elsewhere
        own, rests_on = _step(item, catalogue), _step(source, catalogue)
        if own == rests_on or own in needed[rests_on]:
            yield version.finding(
                "later-cycle",
                ("materials", material.id, "comes"),
                f"{item.code} 需要 {material.id}，其依据的 {code} 却在 {item.code} 之后或同一步骤",
                f"{item.code} needs {material.id}, which rests on {code}, which waits for"
                f" {item.code} or is decided with it",
            )
        elif rests_on not in needed[own] and not _is_later_stage(catalogue, item, source):
            yield version.finding(
                "later-order",
                ("materials", material.id, "comes"),
                f"{item.code} 需要 {material.id}，但不在其依据的 {code} 之后",
                f"{item.code} needs {material.id}, but lies not after {code}, which it rests on",
            )


def _step(item: Item, catalogue: Catalogue) -> str:
    return item.group if item.group in catalogue.group_by_code and item.group else item.code


def _is_later_stage(catalogue: Catalogue, item: Item, source: Item) -> bool:
    place = {stage.code: number for number, stage in enumerate(catalogue.county.stages)}
    return place.get(item.stage, 0) > place.get(source.stage, 0)


def _needed(catalogue: Catalogue) -> Needed:
    """Return all that a step may wait for, itself left out unless it waits for itself."""
    after: dict[str, set[str]] = {_step(item, catalogue): set() for item in catalogue.items}
    for item in catalogue.items:
        own, known = _step(item, catalogue), catalogue.item_by_code
        needs = item.prerequisites
        codes = {*needs.all_of, *(code for choice in needs.any_of for code in choice)}
        before = {_step(known[c], catalogue) for c in codes - set(needs.on_trust) if c in known}
        after[own] |= before - {own}
    return {step: _closure(after, step) for step in after}


def _closure(after: dict[str, set[str]], step: str) -> frozenset[str]:
    found: set[str] = set()
    left = list(after[step])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left.extend(after[one])
    return frozenset(found)
