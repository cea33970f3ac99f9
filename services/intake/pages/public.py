"""The pages that need no login: what there is, what a project needs, what was granted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.domain.applicability import Fact
from services.domain.catalogue import Catalogue, Limit, Name, Scenario
from services.domain.disclosure import KINDS, PROCEDURES, STARTS, STATUSES, SUPPLIERS
from services.domain.facts import FactsError
from services.domain.limits import due_on
from services.domain.plan import Plan
from services.domain.remedies import Standing
from services.domain.route import Budget
from services.intake import disclosure, materials, register
from services.intake.pages import gantt, needs
from services.intake.parts import Parts, parts_of
from services.intake.register import Wanted
from services.runtime.web import pages
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site, site_of

router = APIRouter(include_in_schema=False)
Tools = Annotated[Parts, Depends(parts_of)]
REGISTER_PAGE = 20
_ITEM_WORDS: dict[str, Any] = {
    "kinds": KINDS,
    "statuses": STATUSES,
    "suppliers": SUPPLIERS,
    "starts": STARTS,
    "procedures": PROCEDURES,
}


Pages = Annotated[Site, Depends(site_of)]


@router.get("/")
async def home(request: Request, parts: Tools, site: Pages) -> Response:
    """What the centre does, and the ways in."""
    catalogue = parts.catalogue()
    return site.page(
        request,
        "intake/home.html",
        head=disclosure.head(catalogue),
        scenarios=catalogue.scenarios,
    )


@router.get("/items")
async def items(
    request: Request,
    parts: Tools,
    site: Pages,
    q: str = "",
    stage: str = "",
    department: str = "",
) -> Response:
    """Every item of the catalogue, searched by words or code."""
    catalogue = parts.catalogue()
    found = disclosure.items(catalogue, stage or None, department or None, q or None)
    return site.page(
        request,
        "intake/items.html",
        items=found.items,
        materials=materials.named(catalogue, q) if q and not (stage or department) else (),
        head=disclosure.head(catalogue),
        asked={"q": q, "stage": stage, "department": department},
    )


@router.get("/items/{code}")
async def item(code: str, request: Request, parts: Tools, site: Pages) -> Response:
    """Everything public about one item, and what its limits mean from today."""
    catalogue = parts.catalogue()
    found = disclosure.item(catalogue, code, parts.samples)
    if found is None:
        raise Problem(NOT_FOUND)
    return site.page(
        request,
        "intake/item.html",
        item=found,
        names=_names(catalogue),
        due=_due(found, parts),
        **_ITEM_WORDS,
    )


@router.get("/needs")
async def scenarios(request: Request, parts: Tools, site: Pages) -> Response:
    """The kinds of project, to begin with."""
    return site.page(request, "intake/needs.html", scenarios=parts.catalogue().scenarios)


@router.get("/needs/{code}")
async def question(code: str, request: Request, parts: Tools, site: Pages) -> Response:
    """One question, with what the answers so far lead to; the plan when all are answered."""
    catalogue, scenario = _scenario(parts, code)
    walk = needs.walk(catalogue, scenario, request.query_params)
    draft = _draft(request)
    if walk.question is None:
        query = urlencode([*walk.query, *draft])
        return RedirectResponse(f"/needs/{code}/plan?{query}", status_code=303)
    return _asking(request, parts, site, catalogue, walk)


def _asking(
    request: Request,
    parts: Parts,
    site: Site,
    catalogue: Catalogue,
    walk: needs.Walk,
    status: int = 200,
) -> Response:
    draft = _draft(request)
    return site.page(
        request,
        "intake/question.html",
        status=status,
        walk=walk,
        effect=_effect(parts, catalogue, walk),
        names={one.code: one.name for one in catalogue.items},
        back=urlencode([*walk.query[:-1], *draft]),
        carried=[*walk.later, *draft],
    )


@router.get("/needs/{code}/plan")
async def plan(code: str, request: Request, parts: Tools, site: Pages) -> Response:
    """The plan: who decides what by when, drawn against the calendar; papers, fees, totals."""
    catalogue, scenario = _scenario(parts, code)
    walk = needs.walk(catalogue, scenario, request.query_params)
    draft = _draft(request)
    if walk.question is not None:
        query = urlencode([*walk.query, *draft])
        return RedirectResponse(f"/needs/{code}?{query}", status_code=303)
    onward = f"/apply/{draft[0][1]}/facts" if draft else f"/apply/new/{code}"
    try:
        found = parts.shelf.plan(catalogue.county.version, code, walk.answers, {}, parts.today)
    except FactsError as error:
        again = needs.asked_again(catalogue, walk, error)
        return _asking(request, parts, site, catalogue, again, status=422)
    return site.page(
        request,
        "intake/plan.html",
        plan=found,
        walk=walk,
        chart=gantt.chart(found, parts.shelf.calendar),
        head=disclosure.head(catalogue),
        names={one.code: one.name for one in catalogue.items},
        again=urlencode([*walk.query[:-1], *draft]),
        onward=f"{onward}?{urlencode(walk.query)}",
        draft=bool(draft),
    )


def _draft(request: Request) -> list[tuple[str, str]]:
    """Return the draft whose answers are being changed, as it stands in an address; or nothing."""
    try:
        return [("draft", str(UUID(request.query_params.get("draft", ""))))]
    except ValueError:
        return []


@router.get("/register")
async def grants(
    request: Request,
    parts: Tools,
    site: Pages,
    item: str = "",
    department: str = "",
    after: pages.After = None,
) -> Response:
    """The public register of grants, newest first (行政许可法 40)."""
    wanted = Wanted(
        item=item or None, department=department or None, project=None, since=None, until=None
    )
    page = await register.grants(parts, wanted, REGISTER_PAGE, after)
    catalogue = parts.catalogue()
    return site.page(
        request,
        "intake/register.html",
        page=page,
        catalogue=catalogue,
        names=_names(catalogue),
        asked={"item": item, "department": department},
        standings=_standings(site, request),
    )


@router.get("/verify")
async def verify(
    request: Request, parts: Tools, site: Pages, number: str = "", code: str = ""
) -> Response:
    """The check of a document that one holds: number and code together."""
    asked = {"number": number.strip(), "code": code.strip().upper()}
    found, missing = None, False
    if all(asked.values()):
        try:
            found = await register.verification(parts, asked["number"], asked["code"])
        except Problem as problem:
            if problem.kind is not NOT_FOUND:
                raise
            missing = True
    return site.page(
        request,
        "intake/verify.html",
        asked=asked,
        found=found,
        missing=missing,
        standings=_standings(site, request),
    )


@dataclass(frozen=True, kw_only=True)
class _Due:
    """What the limits of an item mean for an application accepted today."""

    promised: date
    statutory: date | None
    provisional: bool


def _due(item: disclosure.ItemDisclosure, parts: Parts) -> _Due:
    calendar = parts.shelf.calendar

    def on(limit: Limit) -> date:
        budget = Budget(value=limit.value, unit=limit.unit)
        return due_on(budget, parts.today, calendar)

    promised = on(item.promised)
    statutory = on(item.statutory.limit) if item.statutory else None
    return _Due(
        promised=promised,
        statutory=statutory,
        provisional=calendar.is_provisional(statutory or promised),
    )


def _names(catalogue: Catalogue) -> Mapping[str, Name]:
    """Return the names of items and departments by their codes."""
    return {
        **{one.code: one.name for one in catalogue.items},
        **{one.code: one.name for one in catalogue.departments},
    }


def _standings(site: Site, request: Request) -> Mapping[Standing, str]:
    return {
        Standing.IN_FORCE: site.say(request, "有效"),
        Standing.UNDER_REVIEW: site.say(request, "复议或诉讼中，仍然有效"),
        Standing.CHANGED: site.say(request, "已变更"),
        Standing.ANNULLED: site.say(request, "已撤销"),
    }


def _scenario(parts: Parts, code: str) -> tuple[Catalogue, Scenario]:
    catalogue = parts.catalogue()
    found = catalogue.scenario_by_code.get(code)
    if found is None:
        raise Problem(NOT_FOUND)
    return catalogue, found


def _effect(parts: Parts, catalogue: Catalogue, walk: needs.Walk) -> needs.Effect | None:
    """Return what the answers lead to; None where nothing can be said yet."""
    now = _supposed(parts, catalogue, walk.scenario, walk.answers)
    if now is None:
        return None
    last = walk.answered[-1].question.id if walk.answered else None
    earlier = {name: value for name, value in walk.answers.items() if name != last}
    return needs.effect(now, _supposed(parts, catalogue, walk.scenario, earlier))


def _supposed(
    parts: Parts, catalogue: Catalogue, scenario: Scenario, answers: Mapping[str, Fact]
) -> Plan | None:
    """Return the plan with the example's answers for what is open; None when they do not fit."""
    complete: dict[str, Any] | None = needs.completed(catalogue, scenario, answers)
    if complete is None:
        return None
    try:
        return parts.shelf.plan(catalogue.county.version, scenario.code, complete, {}, parts.today)
    except FactsError:
        return None
