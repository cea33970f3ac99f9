"""Results of earlier applications of a project: they are never asked for again (行政许可法 33)."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from services.domain.catalogue import Catalogue, Item
from services.intake import identity, links
from services.intake.later import QUERIES
from services.intake.models import Agent, Applicant, Submission
from services.intake.parts import Parts
from services.intake.shown_later import HeldShown
from services.runtime.auth import Principal
from services.runtime.db import Connection


async def of_project(
    parts: Parts,
    conn: Connection,
    who: Principal,
    *,
    project: str | None,
    applicant: str | None,
    anew: Collection[str],
    start: date,
) -> dict[str, str]:
    """Return what a project has been granted and may build on, by item, with the result's number.

    Only what is still valid on `start`, was granted to `who` or to `applicant` (an identity number,
    None: nobody else), and is not applied for `anew`.
    """
    if project is None:
        return {}
    items = parts.catalogue(start).item_by_code
    rows = QUERIES.results_of_project(conn, project=project, owner=who.ref, applicant=applicant)
    return {
        row["item"]: row["number"]
        async for row in rows
        if row["item"] in items
        and row["item"] not in anew
        and _is_valid(items[row["item"]], parts.shelf.calendar.local_date(row["decided_at"]), start)
    }


def _is_valid(item: Item, decided_on: date, on: date) -> bool:
    """Whether a result is still valid: it is up to the same day, so many years later."""
    years = item.result.valid_years
    return years is None or (on.year - years, on.month, on.day) <= (
        decided_on.year,
        decided_on.month,
        decided_on.day,
    )


def applicant_of(parts: Parts, who: Principal, given: Submission) -> str | None:
    """Return whose earlier results are open to the submission: the applicant's, or nobody's.

    Whoever only names an applicant learns nothing of him: it takes his identity in the token, or
    that of an agent with an authorisation (行政许可法 29).
    """
    people: list[Applicant | Agent] = [given.applicant]
    if given.agent is not None and given.agent.authorisation is not None:
        people.append(given.agent)
    known = any(parts.hasher.ref(identity.spelt(one.id_number)) in who.refs for one in people)
    return identity.spelt(given.applicant.id_number) if known else None


def shown(held: Mapping[str, Any], catalogue: Catalogue | None) -> list[HeldShown]:
    """Return results that an application rests on, with the papers that they stand for."""
    items = {} if catalogue is None else catalogue.item_by_code
    materials = () if catalogue is None else catalogue.materials
    return [
        HeldShown(
            item=item,
            number=number,
            document=items[item].result.name if item in items else None,
            materials=tuple(one.id for one in materials if one.result_of == item),
            href=links.of_grant(number),
        )
        for item, number in sorted(held.items())
    ]
