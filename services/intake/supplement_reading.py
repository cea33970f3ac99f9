"""What an investor may read of the acceptance of an application of his own."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceOutcome,
    AcceptanceState,
    ApplicationStatus,
)
from services.domain.catalogue import Catalogue, Name
from services.domain.plan import Plan
from services.intake import supplement_store as store
from services.intake.parts import Parts
from services.intake.reading import Names
from services.intake.shown import Accepted
from services.intake.store import Shown
from services.intake.supplement import follow_terms
from services.intake.supplement_shown import (
    AcceptanceReceipt,
    AcceptanceShown,
    ExaminerShown,
    FollowingShown,
    NoticeLineShown,
    SupplementNotice,
)
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web.problems import NOT_FOUND, Problem

BASES: dict[str, tuple[str, Name]] = {
    AcceptanceOutcome.FIXED_ON_THE_SPOT: (
        "行政许可法 32(3)",
        Name(zh="已当场更正。", en="It was corrected on the spot."),
    ),
    AcceptanceOutcome.INCOMPLETE: (
        "行政许可法 32(4)",
        Name(
            zh="申请材料不齐全或者不符合法定形式，一次性告知需要补正的全部内容。",
            en="The papers are incomplete or not in form: all that is to be put right, at once.",
        ),
    ),
    AcceptanceKind.EXPLICIT: ("行政许可法 32(5)", Accepted.model_fields["statement"].default),
    AcceptanceKind.DEEMED: (
        "行政许可法 32(4)",
        Name(
            zh="逾期未告知，自收到申请材料之日起即为受理。",
            en="No notice came in time: it counts as accepted from the day of its receipt.",
        ),
    ),
}
"""Article and words of each outcome; of an acceptance by its kind."""


async def read(parts: Parts, who: Principal, number: str) -> AcceptanceShown:
    """Return where the acceptance stands. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        row = await store.get_acceptance(conn, number, who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
    names, catalogue = Names(plan), _catalogue(parts, plan)
    standing = row["acceptance"] or _untold(parts, row, plan)
    return AcceptanceShown(
        number=number,
        status=ApplicationStatus(row["status"]),
        state=standing["state"],
        round=standing["round"],
        until=standing["until"],
        kind=standing["kind"],
        accepted_on=standing["accepted_on"],
        outstanding=standing["outstanding"],
        examiners=[
            ExaminerShown(**one, name=names.departments.get(one["department"]))
            for one in row["examiners"]
        ],
        notices=[_notice(one, row["supplements"], names, catalogue) for one in row["notices"]],
        following=_following(parts, plan, standing, row["materials"]),
        receipts=[_receipt(one) for one in row["receipts"] or _on_the_spot(parts, row, plan)],
    )


def _untold(parts: Parts, row: Shown, plan: Plan) -> Mapping[str, Any]:
    """What is known before the departments were asked, or when there is nothing to ask."""
    on_the_spot = plan.acceptance is None
    start = parts.shelf.calendar.local_date(row["submitted_at"])
    return {
        "state": AcceptanceState.ACCEPTED if on_the_spot else AcceptanceState.EXAMINING,
        "round": 1,
        "until": None,
        "kind": AcceptanceKind.EXPLICIT if on_the_spot else None,
        "accepted_on": start if on_the_spot else None,
        "outstanding": [],
    }


def _on_the_spot(parts: Parts, row: Shown, plan: Plan) -> list[Mapping[str, Any]]:
    """The receipt of an acceptance on the spot: it was given with the submission."""
    if plan.acceptance is not None:
        return []
    at: datetime = row["submitted_at"]
    day = parts.shelf.calendar.local_date(at)
    told = {
        "kind": AcceptanceKind.EXPLICIT,
        "accepted_on": day.isoformat(),
        "silent": [],
        "promised_at": plan.promised_at.isoformat(),
        "promised_days": plan.promised_days,
    }
    accepted = AcceptanceOutcome.ACCEPTED
    return [{"place": 1, "outcome": accepted, "dated": day, "at": at, "told": told}]


def _catalogue(parts: Parts, plan: Plan) -> Catalogue | None:
    try:
        return parts.shelf.version(plan.catalogue_version)
    except UnknownVersionError:
        return None


def _notice(
    notice: Shown, supplements: Sequence[Shown], names: Names, catalogue: Catalogue | None
) -> SupplementNotice:
    supplied = {one["subject"] for one in supplements if one["round"] == notice["round"]}
    return SupplementNotice(
        round=notice["round"],
        sent_at=notice["sent_at"],
        lines=[
            NoticeLineShown(
                **line,
                name=name_of(line["subject"], catalogue),
                department_name=names.departments.get(line["department"]),
                supplied=line["subject"] in supplied,
            )
            for line in notice["lines"]
        ],
    )


def name_of(subject: str, catalogue: Catalogue | None) -> Name | None:
    """Return the catalogue's words for a subject; None when it is off the shelf."""
    kind, _, rest = subject.partition("/")
    if catalogue is None:
        return None
    if kind == "material":
        material = catalogue.material_by_id.get(rest)
        return None if material is None else material.name
    code, _, number = rest.partition("/")
    item = catalogue.item_by_code.get(code)
    conditions = () if item is None else item.conditions
    place = int(number) - 1
    return conditions[place] if place < len(conditions) else None


def _following(
    parts: Parts, plan: Plan, standing: Mapping[str, Any], there: Sequence[str]
) -> list[FollowingShown]:
    accepted_on = standing["accepted_on"]
    start = date.fromisoformat(accepted_on) if isinstance(accepted_on, str) else accepted_on
    terms = follow_terms(parts, plan, start or plan.start)
    known = {one.id: one for one in plan.materials}
    return [
        FollowingShown(
            material=material,
            name=known[material].name,
            until=None if start is None else last,
            handed_in=material in there,
        )
        for material, last in terms.items()
    ]


def _receipt(one: Mapping[str, Any]) -> AcceptanceReceipt:
    kind = one["told"].get("kind") if one["outcome"] == AcceptanceOutcome.ACCEPTED else None
    basis, statement = BASES[kind or one["outcome"]]
    return AcceptanceReceipt(**one, basis=basis, statement=statement)
