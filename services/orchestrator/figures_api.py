"""Figures, the monthly report, and what everybody may know of the departments' performance."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.domain.performance import Month
from services.orchestrator.figures import Drawer
from services.orchestrator.figures_models import By, MonthlyReport, Period, PublicPerformance
from services.orchestrator.measuring import Measurer
from services.orchestrator.report import Reporter, as_csv
from services.orchestrator.reprojection import Calendars
from services.orchestrator.settings import ReportSettings
from services.runtime.auth import Principal, require
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Pool
from services.runtime.web.problems import (
    INVALID,
    NOT_FOUND,
    Fault,
    Problem,
    Words,
    problem_responses,
)

router = APIRouter(prefix="/v1/supervision", tags=["supervision"])
public = APIRouter(prefix="/v1/public", tags=["public"])
LONGEST_DAYS = 3 * 366
MONTH = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
Watcher = Annotated[Principal, Depends(require(Role.SUPERVISOR, Role.OPERATOR))]
InPath = Annotated[str, Path(pattern=MONTH, description="A month.", examples=["2026-03"])]


def _file(kind: str, what: str) -> dict[int | str, dict[str, object]]:
    content = {kind: {"schema": {"type": "string"}}}
    return problem_responses(NOT_FOUND) | {200: {"content": content, "description": what}}


def provide(
    app: FastAPI, *, pool: Pool, clock: Clock, shelf: Shelf, settings: ReportSettings
) -> Measurer:
    """Put in place what the routes need; return what measures ended work from time to time."""
    measurer = Measurer(pool, Calendars(pool, lambda: shelf.calendar))
    app.state.drawer = Drawer(pool, clock, shelf, measurer)
    app.state.reporter = Reporter(app.state.drawer, shelf, settings)
    return measurer


@router.get("/figures")
async def read_figures(
    request: Request,
    _who: Watcher,
    since: Annotated[
        date | None,
        Query(alias="from", ge=date(2000, 1, 1), description="First day; default: of this month."),
    ] = None,
    until: Annotated[
        date | None,
        Query(alias="to", le=date(2100, 1, 1), description="Last day; default: today."),
    ] = None,
    by: Annotated[By, Query(description="Lines by department, or by department and item.")] = (
        "department"
    ),
) -> Period:
    """Read volumes, days, punctuality, days saved, cards and ratings of a period.

    Days are local and both included; three years at most.
    """
    drawer: Drawer = request.app.state.drawer
    today = drawer.today
    first, last = since or today.replace(day=1), until or today
    if not 0 <= (last - first).days < LONGEST_DAYS:
        words = Words("期间应为一天至三年", "A period lasts from a day to three years")
        raise Problem(INVALID, errors=[Fault("?to", words)])
    [period] = await drawer.draw(first, last, by)
    return period


@router.get(
    "/reports/{month}.csv", response_class=Response, responses=_file("text/csv", "The report.")
)
async def read_report_as_csv(request: Request, _who: Watcher, month: InPath) -> Response:
    """Get the monthly report as a table: a line for each department, then for each item."""
    report = await _report(request, month)
    headers = {"content-disposition": f'attachment; filename="report-{month}.csv"'}
    return Response(as_csv(report), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/reports/{month}.pdf",
    response_class=Response,
    responses=_file("application/pdf", "The report, PDF/A-2b."),
)
async def read_report_as_pdf(request: Request, _who: Watcher, month: InPath) -> Response:
    """Get the monthly report as a document to print, with the commendation list."""
    report = await _report(request, month)
    reporter: Reporter = request.app.state.reporter
    made = await run_in_threadpool(reporter.pdf, report)
    headers = {"content-disposition": f'attachment; filename="report-{month}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/reports/{month}", responses=problem_responses(NOT_FOUND))
async def read_report(request: Request, _who: Watcher, month: InPath) -> MonthlyReport:
    """Read the report of a month: figures by department and item, and whom to commend."""
    return await _report(request, month)


async def _report(request: Request, month: str) -> MonthlyReport:
    reporter: Reporter = request.app.state.reporter
    found = await reporter.report(month_from(month))
    if found is None:
        raise Problem(NOT_FOUND)
    return found


@public.get("/performance", responses=problem_responses(NOT_FOUND))
async def read_performance(
    request: Request,
    month: Annotated[
        str | None,
        Query(pattern=MONTH, description="A month that is over; default: the last one."),
    ] = None,
) -> PublicPerformance:
    """Read how the departments kept their promises in a month. Open to everybody.

    It names nobody, and leaves out what would show single applications.
    """
    reporter: Reporter = request.app.state.reporter
    found = await reporter.public(month_from(month) if month else reporter.month.before)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def month_from(text: str) -> Month:
    """Return the month that `2026-03` names; the pattern was checked."""
    year, month = text.split("-")
    return Month(year=int(year), month=int(month))
