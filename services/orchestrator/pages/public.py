"""What everybody may read of the departments' performance: the months that are over."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.domain.performance import Month
from services.orchestrator.figures_api import MONTH, month_from
from services.orchestrator.pages.frame import Pages
from services.orchestrator.report import MONTHS_SHOWN, Reporter
from services.orchestrator.settings import Settings
from services.runtime.web.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False)


@router.get("/performance")
async def performance(
    request: Request,
    site: Pages,
    month: Annotated[str | None, Query(pattern=MONTH)] = None,
) -> Response:
    """How the departments kept their promises in a month; open to everybody."""
    reporter: Reporter = request.app.state.reporter
    settings: Settings = request.app.state.settings
    wanted = month_from(month) if month else reporter.month.before
    found = await reporter.public(wanted)
    if found is None:
        raise Problem(NOT_FOUND)
    return site.page(
        request,
        "orchestrator/performance.html",
        found=found,
        wanted=wanted,
        months=_months(reporter.month),
        portal=settings.portal_url,
    )


def _months(current: Month) -> list[Month]:
    """Return the months that are shown, newest first."""
    found = []
    for _ in range(MONTHS_SHOWN):
        current = current.before
        found.append(current)
    return found
