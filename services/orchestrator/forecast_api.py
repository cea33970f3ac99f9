"""The live forecast for operators and supervisors: one application, and those at risk."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from services.contracts.vocabulary import ApplicationStatus
from services.orchestrator.api import Number, Watcher
from services.orchestrator.forecast import RISKY, Forecaster, Foreseen
from services.orchestrator.models import EXAMPLE_NUMBER, Shown
from services.orchestrator.store import Store
from services.runtime.web import pages
from services.runtime.web.problems import CONFLICT, NOT_FOUND, Problem, Words, problem_responses

router = APIRouter(prefix="/v1", tags=["forecast"])
_store = Store()


class Holder(Shown):
    """The open task that most often carries the end in what is to be expected."""

    item: str = Field(examples=["FIRE-CHECK"])
    department: str = Field(examples=["fire-rescue"])


class ForecastView(Shown):
    """What is to be expected of a running application."""

    number: str = Field(examples=[EXAMPLE_NUMBER])
    project_code: str
    scenario: str
    status: ApplicationStatus
    promised_at: datetime
    late: bool = Field(description="The promise has been broken already.")
    chance: float = Field(ge=0, le=1, description="Of keeping the promise.", examples=[0.83])
    likely_on: date = Field(description="Half of all futures end by this day.")
    latest_on: date = Field(description="Nine of ten futures end by this day.")
    holding: Holder | None = Field(
        description="Who holds it back; absent when it waits for the investor to put things right."
    )
    holding_share: float = Field(ge=0, le=1, description="In this share of all futures.")
    learnt: float = Field(
        ge=0,
        le=1,
        description="Share of its parts of which the past says something; the rest is assumed.",
    )


class AtRiskPage(Shown):
    """Running applications whose chance is below what was asked, the smallest first."""

    items: list[ForecastView]
    more: bool = Field(description="There are more, or not all running ones were looked at.")


@router.get("/applications/{number}/forecast", responses=problem_responses(NOT_FOUND, CONFLICT))
async def read_forecast(request: Request, _who: Watcher, number: Number) -> ForecastView:
    """Forecast one running application: its chance, its likely end, who holds it back.

    409 when it is not accepted yet, or over. A hold is not foreseen: as if it were lifted now.
    """
    state = request.app.state
    async with state.pool.acquire() as conn:
        if await _store.get_application(conn, number) is None:
            raise Problem(NOT_FOUND)
    forecaster: Forecaster = state.forecaster
    found = await forecaster.of(number)
    if found is None:
        raise Problem(
            CONFLICT, Words("办件尚未受理或已办结", "It is not accepted yet, or it is over")
        )
    return view(found)


@router.get("/forecasts/at-risk")
async def list_at_risk(
    request: Request,
    _who: Watcher,
    below: Annotated[
        float, Query(ge=0, le=1, description="Only with a smaller chance than this.")
    ] = RISKY,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> AtRiskPage:
    """List running applications that may break their promise, before they do.

    Those that are late already are among them. The list is up to a minute old.
    """
    forecaster: Forecaster = request.app.state.forecaster
    risks = await forecaster.at_risk()
    found = [one for one in risks.found if one.forecast.chance < below]
    shown = [view(one) for one in found[:limit]]
    return AtRiskPage(items=shown, more=risks.more or len(found) > limit)


def view(found: Foreseen) -> ForecastView:
    """Return a forecast as it is shown."""
    head, told = found.head, found.forecast
    item, _, department = told.holding.partition("/")
    return ForecastView(
        number=head["number"],
        project_code=head["project_code"],
        scenario=head["scenario"],
        status=head["status"],
        promised_at=head["promised_at"],
        late=head["late"],
        chance=told.chance,
        likely_on=told.likely_on,
        latest_on=told.latest_on,
        holding=Holder(item=item, department=department) if told.holding else None,
        holding_share=told.holding_share,
        learnt=found.learnt,
    )
