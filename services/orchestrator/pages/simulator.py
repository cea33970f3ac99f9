"""The simulator: choose a kind of project and what would be different; see the distribution."""

import base64
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.domain.simulation_drawing import completion
from services.orchestrator.pages.frame import Named, Pages, Titles, Tongue, Watcher
from services.orchestrator.simulating import Simulator
from services.runtime.web.problems import Problem

router = APIRouter(prefix="/simulator", include_in_schema=False)
USUAL, MOST = 200, 1000
MOST_OFFICERS = 99
CHANGES = {
    "as_is": "现状",
    "unmerged": "不合并办理",
    "one_after_another": "不合并、逐项办理",
    "one_more_officer": "增加一人",
}
SHARES = ("refused", "objected", "silent", "incomplete")
Percent = Annotated[int, Query(ge=0, le=100)]
Several = Annotated[str, Query(max_length=4)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One of the compared ways, with its figures."""

    name: str
    on_time: float
    mean: float
    median: int
    p90: int


@router.get("")
async def simulator(
    request: Request,
    session: Watcher,
    site: Pages,
    titles: Named,
    scenario: Annotated[str, Query(max_length=64)] = "",
    applications: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
    officers_otherwise: Annotated[int, Query(ge=1, le=MOST_OFFICERS)] = 2,
    refused: Percent = 0,
    objected: Percent = 0,
    silent: Percent = 0,
    incomplete: Percent = 0,
) -> Response:
    """The form, and with a scenario chosen what becomes of so many applications."""
    shares = dict(zip(SHARES, (refused, objected, silent, incomplete), strict=True))
    officers = _officers(request, titles)
    asked = {
        "scenario": scenario,
        "applications": applications,
        "officers_otherwise": officers_otherwise,
        "officers": officers,
        **shares,
    }
    found: dict[str, Any] | None = None
    told: dict[str, Any] | None = None
    status = 200
    if scenario in titles.scenarios:
        assumed = {
            "officers": officers,
            "officers_otherwise": officers_otherwise,
            **{name: share / 100 for name, share in shares.items()},
        }
        simulating: Simulator = request.app.state.simulator
        try:
            found = await simulating.run(scenario, applications, assumed, compare=True)
        except Problem as problem:
            told, status = site.told(request, problem), problem.kind.status
    tongue = Tongue(site, request)
    return site.page(
        request,
        "orchestrator/simulator.html",
        status=status,
        session=session,
        titles=titles,
        scenarios=[(code, tongue.name(name)) for code, name in titles.scenarios.items()],
        asked=asked,
        most=MOST,
        found=found,
        told=told,
        lines=_lines(found, titles, tongue) if found else (),
        drawing=_drawing(found) if found else "",
    )


def _officers(request: Request, titles: Titles) -> dict[str, int]:
    """Return the officers of departments for which a number was given."""
    given = {
        code: request.query_params.get(f"officers-{code}", "").strip()
        for code in titles.departments
    }
    return {
        code: min(max(int(text), 1), MOST_OFFICERS)
        for code, text in given.items()
        if text.isascii() and text.isdigit() and len(text) < len(str(MOST_OFFICERS)) + 1
    }


def _name(change: dict[str, Any], titles: Titles, tongue: Tongue) -> str:
    name = tongue.say(CHANGES[change["kind"]])
    if change["department"] is None:
        return name
    return f"{name}: {tongue.name(titles.department(change['department']))}"


def _lines(found: dict[str, Any], titles: Titles, tongue: Tongue) -> list[Line]:
    return [
        Line(
            name=_name(change, titles, tongue),
            on_time=change["summary"]["on_time"],
            mean=change["summary"]["mean_days"],
            median=change["summary"]["median_days"],
            p90=change["summary"]["p90_days"],
        )
        for change in found["changes"]
    ]


def _drawing(found: dict[str, Any]) -> str:
    """Return the picture of all compared ways as an address that needs no request.

    Curves carry the numbers of their rows: an image does not get the page's type.
    """
    curves = [
        (str(place), _days(change["summary"])) for place, change in enumerate(found["changes"], 1)
    ]
    text = completion(curves, found["summary"]["promised_days"], "", "", "")
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def _days(summary: dict[str, Any]) -> dict[int, int]:
    return {int(day): number for day, number in summary["completed"].items()}
