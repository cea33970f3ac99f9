"""The routes that need no login: the catalogue, and what a project would need."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from starlette.responses import Response

from services.domain.plan import Plan
from services.intake import disclosure, held, materials, problems
from services.intake.disclosure import (
    CatalogueHead,
    ItemDisclosure,
    ItemList,
    Questionnaire,
    ScenarioList,
)
from services.intake.materials import MaterialDisclosure
from services.intake.models import PlanQuestion
from services.intake.parts import Parts, parts_of
from services.intake.submission import planned
from services.runtime.auth import Principal, bearer_problem, principal_if_any
from services.runtime.web.problems import (
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    Fault,
    Problem,
    Words,
    problem_responses,
)

router = APIRouter(
    prefix="/v1", tags=["public"], responses=problem_responses(problems.NO_CATALOGUE)
)
Tools = Annotated[Parts, Depends(parts_of)]
Code = Annotated[str, PathParameter(max_length=64, description="Code, as in the catalogue.")]


@router.get("/catalogue")
async def read_catalogue(parts: Tools) -> CatalogueHead:
    """Read what catalogue is in force: county, version, dates, stages, departments, counts."""
    return disclosure.head(parts.catalogue())


@router.get("/catalogue/items")
async def list_items(
    parts: Tools,
    stage: Annotated[str | None, Query(max_length=64, description="Code of a stage.")] = None,
    department: Annotated[
        str | None, Query(max_length=64, description="Code of a department that decides.")
    ] = None,
    q: Annotated[
        str | None, Query(max_length=100, description="Part of a code or of a name, zh or en.")
    ] = None,
) -> ItemList:
    """List the items, all of them or those of a stage, a department, a word."""
    return disclosure.items(parts.catalogue(), stage, department, q)


@router.get("/catalogue/items/{code}", responses=problem_responses(NOT_FOUND))
async def read_item(code: Code, parts: Tools) -> ItemDisclosure:
    """Read everything public about an item.

    Content, legal basis, conditions, procedure, both limits, materials, fee, department, result;
    `verified: false` wherever a figure could not be verified.
    """
    found = disclosure.item(parts.catalogue(), code, parts.samples)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


@router.get("/catalogue/materials/{material}", responses=problem_responses(NOT_FOUND))
async def read_material(
    material: Annotated[str, PathParameter(max_length=64, description="Id, as in the catalogue.")],
    request: Request,
    parts: Tools,
) -> MaterialDisclosure:
    """Read everything public about a material: who supplies it, which items use it, a sample.

    `upload` says what is checked at once when a file of it is handed in.
    """
    found = materials.material(parts, material, request.app.state.uploads)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


@router.get("/catalogue/scenarios")
async def list_scenarios(parts: Tools) -> ScenarioList:
    """List the kinds of project."""
    return disclosure.scenarios(parts.catalogue())


@router.get("/catalogue/scenarios/{code}", responses=problem_responses(NOT_FOUND))
async def read_scenario(code: Code, parts: Tools) -> Questionnaire:
    """Read the questionnaire of a kind of project, with a complete example."""
    found = disclosure.questionnaire(parts.catalogue(), code)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


@router.post(
    "/plans", response_model=Plan, responses=problem_responses(problems.FACTS, UNAUTHENTICATED)
)
async def preview_plan(
    given: PlanQuestion,
    parts: Tools,
    who: Annotated[Principal | None, Depends(principal_if_any)],
) -> Response:
    """Plan a project without applying: items, merged steps, dates, materials, fees, totals.

    Nothing is stored. Bad facts are told one by one, each with its fix. `held` is believed here
    and checked when the application is submitted. With a token (none is needed), what one's own
    applications of the `project` were granted is looked up.
    """
    start = given.start or parts.today
    if given.start is not None:
        _check_start(parts, given.start)
    results = dict(given.held)
    if given.project is not None:
        results = await _of_project(parts, who, given, start) | results
    _, plan = planned(parts, given.scenario, given.answers, results, start)
    return Response(
        plan.to_json(), media_type="application/json", headers={"etag": f'"{plan.digest}"'}
    )


async def _of_project(
    parts: Parts, who: Principal | None, given: PlanQuestion, start: date
) -> dict[str, str]:
    if who is None:
        raise bearer_problem(_WHOSE, None)
    async with parts.pool.acquire() as conn:
        return await held.of_project(
            *(parts, conn, who), project=given.project, applicant=None, anew=given.anew, start=start
        )


_WHOSE = Words(
    "查询项目已有的批准结果须先登录", "Log in: results of a project are shown to their owner only"
)


def _check_start(parts: Parts, day: date) -> None:
    """Refuse a day that no catalogue holds on: that is the question's fault, not ours."""
    try:
        parts.catalogue(day)
    except Problem:
        words = Words("该日没有生效的事项目录", "No catalogue is in force on that day")
        raise Problem(INVALID, errors=[Fault("#/start", words)]) from None
