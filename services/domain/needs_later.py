"""Papers that come into being in the course of a project: what of a plan waits for them.

A paper is later where an item that it rests on is in the same plan. The dates of a plan count no
waiting: a step that needs such a paper is dated as if the paper came on the day its turn comes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from services.domain.catalogue import Catalogue
from services.domain.merging import Draft
from services.domain.plan import Plan, PlannedLater, PlannedMaterial, PlanStep, Window
from services.domain.route import Budget, RoutePaper, RouteStep


def later_materials(
    catalogue: Catalogue,
    materials: Iterable[PlannedMaterial],
    drafts: Iterable[Draft],
    windows: Mapping[str, Window],
) -> tuple[PlannedMaterial, ...]:
    """Return the materials, those marked that come later; such a one has no term to follow in."""
    planned = {item.code for draft in drafts for item in draft.items}
    return tuple(_marked(catalogue, one, planned, windows) for one in materials)


def _marked(
    catalogue: Catalogue,
    material: PlannedMaterial,
    planned: Collection[str],
    windows: Mapping[str, Window],
) -> PlannedMaterial:
    comes = catalogue.material_by_id[material.id].comes
    after = () if comes is None else tuple(code for code in comes.after if code in planned)
    if comes is None or not after or not material.asked:
        return material
    later = PlannedLater(
        after=after,
        steps=material.used_by_steps,
        needed_on=min(windows[step].start for step in material.used_by_steps),
        term=comes.term,
    )
    return material.model_copy(update={"later": later, "may_follow": None})


def conditional_steps(
    steps: Sequence[PlanStep], materials: Iterable[PlannedMaterial]
) -> tuple[PlanStep, ...]:
    """Return the steps, in their order, with what they wait for, and all that waits with them."""
    papers: dict[str, tuple[str, ...]] = {}
    for one in materials:
        for code in one.later.steps if one.later is not None else ():
            papers[code] = (*papers.get(code, ()), one.id)
    waiting: set[str] = set()
    for step in steps:
        if step.code in papers or not waiting.isdisjoint(step.after):
            waiting.add(step.code)
    return tuple(
        step.model_copy(update={"papers": papers.get(step.code, ()), "conditional": True})
        if step.code in waiting
        else step
        for step in steps
    )


def route_steps(
    plan: Plan, steps: Iterable[RouteStep], there: Collection[str]
) -> tuple[RouteStep, ...]:
    """Return the steps with the papers that they must wait for; those `there` already are none."""
    later = [one for one in plan.materials if one.later is not None and one.id not in there]
    return tuple(_waiting(step, later) for step in steps) if later else tuple(steps)


def _waiting(step: RouteStep, later: Iterable[PlannedMaterial]) -> RouteStep:
    own = {part.item for part in step.parts}
    papers = tuple(
        RoutePaper(
            material=one.id,
            items=tuple(sorted(own.intersection(one.used_by_items))),
            term=_term(one.later),
        )
        for one in later
        if own.intersection(one.used_by_items)
    )
    return replace(step, papers=papers) if papers else step


def _term(later: PlannedLater | None) -> Budget | None:
    limit = None if later is None else later.term
    return None if limit is None else Budget(value=limit.value, unit=limit.unit)
