"""The list of applications: filtered, searched, the next promise first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.contracts.vocabulary import ApplicationStatus
from services.domain.calendar import ZONE, WorkingCalendar
from services.orchestrator import api, console_store, models
from services.orchestrator.pages.applications_words import CONCLUSIONS, KINDS, STATUSES
from services.orchestrator.pages.frame import Named, Pages, Titles, Watcher, today_of
from services.orchestrator.pages.overview import INVESTORS
from services.orchestrator.store import Row
from services.runtime.web import pages
from services.runtime.web.problems import BAD_CURSOR, Problem

router = APIRouter(include_in_schema=False)
PAGE = 50
RUNNING, ALL = "running", "all"
CHOSEN = {str(status): [status] for status in ApplicationStatus} | {"waiting": [*INVESTORS]}
LATE = {"true": True, "false": False}
Text = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One application in the list."""

    head: models.ApplicationHead
    holders: Sequence[Row]
    waits_for_investor: bool
    used: int
    total: int
    over: int
    """Working days: used, promised, and beyond the promise (0 while it is kept)."""

    @property
    def share(self) -> float:
        """How much of the limit is used: more than 1 when the promise is broken."""
        return 1.01 if self.over or self.head.late else self.used / max(self.total, 1)


@router.get("/applications")
async def applications(
    request: Request,
    session: Watcher,
    site: Pages,
    titles: Named,
    status: Text = RUNNING,
    late: Annotated[str, Query(pattern="^(true|false|task)?$")] = "",
    risk: Annotated[str, Query(pattern="^(yes)?$")] = "",
    scenario: Text = "",
    department: Text = "",
    q: Text = "",
    after: pages.After = None,
) -> Response:
    """Every application that fits; at first those that are not over."""
    asked = {
        "status": status,
        "late": late,
        "risk": risk,
        "scenario": scenario,
        "department": department,
        "q": q.strip(),
    }
    found = await _page(request, session, asked, after)
    lines = await _lines(request.app.state, found.items)
    return site.page(
        request,
        "orchestrator/applications.html",
        session=session,
        lines=lines,
        asked=asked,
        more=_address(asked, found.next) if found.next else None,
        titles=titles,
        **choices(titles),
    )


def choices(titles: Titles) -> dict[str, Any]:
    """Return what the templates say statuses with, and the names to choose from."""
    return {
        "statuses": STATUSES,
        "kinds": KINDS,
        "conclusions": CONCLUSIONS,
        "departments": sorted(titles.departments.items()),
        "scenarios": sorted(titles.scenarios.items()),
    }


async def _page(
    request: Request, session: Watcher, asked: Mapping[str, str], after: str | None
) -> models.ApplicationPage:
    """Return the rows; who searches for a number or a project is shown what is over as well."""
    status, search = asked["status"], asked["q"]
    running = None if search or status in {ALL, *CHOSEN} else True
    wanted: dict[str, Any] = {
        "status": CHOSEN.get(status),
        "running": running,
        "late": LATE.get(asked["late"]),
        "overdue": asked["late"] == "task",
        "at_risk": asked["risk"] == "yes",
        "scenario": asked["scenario"] or None,
        "department": asked["department"] or None,
        "q": search or None,
        "project_code": None,
    }
    try:
        return await api.list_applications(
            request, session.principal, after=after, limit=PAGE, **wanted
        )
    except Problem as problem:
        if problem.kind is not BAD_CURSOR:
            raise
        return await api.list_applications(request, session.principal, limit=PAGE, **wanted)


async def _lines(state: Any, heads: Sequence[models.ApplicationHead]) -> list[Line]:
    async with state.pool.acquire() as conn:
        holders = await console_store.holders(conn, [head.number for head in heads])
    today, calendar = today_of(state), state.shelf.calendar
    return [line(head, holders.get(head.number, []), today, calendar) for head in heads]


def line(
    head: models.ApplicationHead, holders: Sequence[Row], today: date, calendar: WorkingCalendar
) -> Line:
    """Return one application with the share of its limit that is used."""
    begun = head.submitted_at.astimezone(ZONE).date()
    promised = head.promised_at.astimezone(ZONE).date()
    until = min(today, head.concluded_at.astimezone(ZONE).date()) if head.concluded_at else today
    return Line(
        head=head,
        holders=holders,
        waits_for_investor=head.status in INVESTORS,
        used=calendar.working_days_between(begun, until),
        total=calendar.working_days_between(begun, promised),
        over=calendar.working_days_between(promised, until),
    )


def _address(asked: Mapping[str, str], after: str) -> str:
    kept = {name: value for name, value in asked.items() if value}
    return f"/applications?{urlencode(kept | {'after': after})}"
