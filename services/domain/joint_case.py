"""The joint case, and the limits that the law sets it beside those of its items.

A county that lets several departments handle one application together (集中办理, 联合办理) owes an
answer to the whole of it (行政许可法 26(2), 42(2)). The joint case is therefore the application, as
soon as two departments decide in it: a merged step is a part of it, is led by one department and
ends long before it. An application that one department decides is no joint case: its item has the
limit of 42(1). What waits for the applicant himself (rectification, papers to come) is not counted,
nor is what 行政许可法 45 leaves out.

The figures of these limits are the law's own and no county's: they stand here, and are pinned in
the route of every new application, so that running ones keep what they began with.
"""

from collections.abc import Collection, Iterable

from services.contracts.vocabulary import Authority, Part, Unit
from services.domain.catalogue import Catalogue, ItemKind, Limit, Name
from services.domain.merging import Draft
from services.domain.plan import JointOverrun, Plan
from services.domain.route import Budget, JointLimit, RouteLimit, RouteLimits

JOINT_DAYS, JOINT_EXTENSION_DAYS, JOINT_ARTICLE = 45, 15, "行政许可法 42(2)"
REVIEW_DAYS, REVIEW_ARTICLE = 20, "行政许可法 43"
DELIVERY_DAYS, DELIVERY_ARTICLE = 10, "行政许可法 44"


def route_limits(catalogue: Catalogue, plan: Plan) -> RouteLimits:
    """Return the limits of an application beside those of its tasks.

    The first review is that of items which a higher authority decides (`authority: higher_level`);
    the delivery that of licences (`kind: permit`): 行政许可法 44 speaks of no other paper.
    """
    parts = [part for step in plan.steps for part in step.parts if part.part is Part.DECIDE]
    items = dict.fromkeys(part.item for part in parts)
    reviewed = any(part.authority is Authority.HIGHER_LEVEL for part in parts)
    licences = tuple(i for i in items if catalogue.item_by_code[i].kind is ItemKind.PERMIT)
    joint = JointLimit(
        budget=_days(JOINT_DAYS), article=JOINT_ARTICLE, extension=_days(JOINT_EXTENSION_DAYS)
    )
    return RouteLimits(
        joint=joint if _is_joint({part.department for part in parts}) else None,
        review=RouteLimit(budget=_days(REVIEW_DAYS), article=REVIEW_ARTICLE) if reviewed else None,
        delivery=RouteLimit(budget=_days(DELIVERY_DAYS), article=DELIVERY_ARTICLE)
        if licences
        else None,
        licences=licences,
    )


def overrun(drafts: Iterable[Draft], promised_days: int) -> JointOverrun | None:
    """Return by how much the promise of a joint case exceeds its limit; None: it does not.

    `promised_days` are working days from the day after the start.
    """
    shares = (share for draft in drafts for share in draft.shares)
    deciding = {share.department for share in shares if share.part is Part.DECIDE}
    if not _is_joint(deciding) or promised_days <= JOINT_DAYS:
        return None
    return JointOverrun(
        limit=Limit(value=JOINT_DAYS),
        promised_days=promised_days,
        over=promised_days - JOINT_DAYS,
        article=JOINT_ARTICLE,
        reason=Name(
            zh=f"承诺总时长 {promised_days} 个工作日，超过联合办理时限 {JOINT_DAYS} 个工作日",
            en=f"promises {promised_days} working days in all: more than the {JOINT_DAYS} that the"
            " law allows for joint handling",
        ),
    )


def _is_joint(deciding: Collection[str]) -> bool:
    return len(deciding) > 1


def _days(value: int) -> Budget:
    return Budget(value=value, unit=Unit.WORKING_DAY)
