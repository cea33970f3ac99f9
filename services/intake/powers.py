"""What of a project is not ours to decide: refused as a whole, or named on the receipt (32(2))."""

from collections.abc import Sequence
from typing import Any

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain import outcomes
from services.domain.catalogue import Basis, Catalogue
from services.domain.outcomes import ItemAnswer
from services.domain.plan import Plan
from services.domain.sheets import Elsewhere
from services.intake import links, problems
from services.intake.shown import ElsewhereShown
from services.runtime.web.problems import Problem, Words


def refuse_what_is_not_ours(catalogue: Catalogue, plan: Plan) -> None:
    """Raise Problem 422 for an application in which nothing is to be applied for here.

    It says of every item why, and where the same is answered in writing.
    """
    if plan.steps:
        return
    found = outcomes.answers(catalogue, plan)
    theirs = outcomes.outcome_of(found) is AcceptanceOutcome.NOT_IN_POWER
    raise Problem(
        problems.NOT_IN_POWER if theirs else problems.NOT_NEEDED,
        Words(
            "如需书面凭证，请提交至所列地址（行政许可法 32）",
            "Ask at the address given for the answer in writing (行政许可法 32)",
        ),
        extra={"items": plain(found), "links": {"inquiries": links.INQUIRIES}},
    )


def plain(found: Sequence[ItemAnswer]) -> list[dict[str, Any]]:
    """Return what holds for items as JSON."""
    return [one.model_dump(mode="json") for one in found]


def named(catalogue: Catalogue, plan: Plan) -> tuple[ElsewhereShown, ...]:
    """Return what of an accepted project has to be applied for elsewhere, for its receipt."""
    return tuple(
        ElsewhereShown(
            item=one.item,
            name=one.item_name,
            authority=one.authority,
            basis=one.basis,
        )
        for one in lines(outcomes.elsewhere(catalogue, plan))
    )


def lines(found: Sequence[ItemAnswer]) -> tuple[Elsewhere, ...]:
    """Return the items that another is in power for, as a document lists them."""
    return tuple(
        Elsewhere(
            item=one.item,
            item_name=one.name,
            authority=one.in_power.authority,
            basis=_cited(one.in_power.basis),
        )
        for one in found
        if one.in_power is not None
    )


def _cited(basis: Basis) -> str:
    return f"{basis.law} {basis.article}" if basis.article else basis.law
