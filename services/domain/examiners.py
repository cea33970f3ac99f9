"""Which departments look at the papers before an application is accepted (行政许可法 32)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from services.contracts.vocabulary import AcceptanceMode, Part
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Limit
from services.domain.limits import due_on
from services.domain.merging import Draft
from services.domain.plan import Plan, PlannedAcceptance, PlanPart
from services.domain.route import Budget, RouteAcceptance

NOTICE_WITHIN = Limit(value=5)
NOTICE_ARTICLE = "行政许可法 32(4)"


def planned_acceptance(
    catalogue: Catalogue, drafts: Sequence[Draft], start: date, calendar: WorkingCalendar
) -> PlannedAcceptance | None:
    """Return who looks before the acceptance: all that decide; a consulted unit accepts nothing."""
    if catalogue.county.acceptance is AcceptanceMode.ON_THE_SPOT:
        return None
    shares = (share for draft in drafts for share in draft.shares)
    deciding = {share.department for share in shares if share.part is Part.DECIDE}
    within = Budget(value=NOTICE_WITHIN.value, unit=NOTICE_WITHIN.unit)
    return PlannedAcceptance(
        departments=tuple(sorted(deciding)),
        limit=NOTICE_WITHIN,
        notice_by=due_on(within, start, calendar),
        article=NOTICE_ARTICLE,
    )


def route_acceptance(plan: Plan) -> RouteAcceptance | None:
    """Return who looks, and at what. A paper that may follow or comes later is not missing."""
    if plan.acceptance is None:
        return None
    parts = [part for step in plan.steps for part in step.parts if part.part is Part.DECIDE]
    limit = plan.acceptance.limit
    uses = {
        material.id: _deciding(parts, material.used_by_items)
        for material in plan.materials
        if material.asked and material.may_follow is None and material.later is None
    }
    return RouteAcceptance(
        departments=plan.acceptance.departments,
        uses=uses,
        budget=Budget(value=limit.value, unit=limit.unit),
        article=plan.acceptance.article,
    )


def _deciding(parts: Iterable[PlanPart], items: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({part.department for part in parts if part.item in items}))
