"""The supervision's pages: league table and heat map, cards, findings, the report.

Each page shows what the operation of the API of the same name answers, to the same people.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Role
from services.domain.calendar import ONE_DAY
from services.domain.performance import Month
from services.domain.supervision import CardState
from services.domain.supervision_rules import Colour, FactKind
from services.orchestrator import figures_api, supervision_api
from services.orchestrator.figures import Drawer
from services.orchestrator.figures_models import Figures, Period
from services.orchestrator.pages import supervision_words as said
from services.orchestrator.pages.frame import Named, Pages, Watcher, today_of
from services.orchestrator.supervision_models import AppealRequest, CardWhole, DecisionRequest
from services.runtime.web.idempotency import Asked
from services.runtime.web.pages import USUAL_PAGE
from services.runtime.web.problems import Problem
from services.runtime.web.site.forms import asked_on_page, checked
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(prefix="/supervision", include_in_schema=False)
WEEKS = 8
WEEK = timedelta(days=7)
HEAT = (0.0, 0.1, 0.25, 0.5)
"""From which share of late tasks on a cell of the heat map is darker."""
MONTHS = 12
LEADERS = (Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
Seer = Annotated[Session, Depends(signed_in_as(*supervision_api.WATCHERS, Role.OFFICER, *LEADERS))]
Leader = Annotated[Session, Depends(signed_in_as(*LEADERS))]
Supervisor = Annotated[Session, Depends(signed_in_as(Role.SUPERVISOR))]
Once = Annotated[Asked, Depends(asked_on_page)]
Text = Annotated[str, Form()]
InMonth = Annotated[str, Query(pattern=figures_api.MONTH)]
WORDS: dict[str, Any] = {name.lower(): getattr(said, name) for name in dir(said) if name.isupper()}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One item in one week: tasks that ended, and how many of them were late. `heat`: 0 to 4."""

    volume: int
    late: int

    @property
    def heat(self) -> int:
        """How dark it is drawn."""
        share = self.late / self.volume if self.volume else 0.0
        return sum(share > bound for bound in HEAT) if self.late else 0


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Lateness by item and week: the weeks' Mondays, and a row of cells for each item."""

    weeks: tuple[date, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def heat_map(periods: list[Period]) -> HeatMap:
    """Return the map of some weeks; an item has a row if a task of it was late in one of them."""
    found: dict[str, list[Cell]] = {}
    for place, period in enumerate(periods):
        for row in period.rows:
            cells = found.setdefault(row.item or "", [Cell(volume=0, late=0)] * len(periods))
            before = cells[place]
            cells[place] = Cell(volume=before.volume + row.volume, late=before.late + late_of(row))
    rows = [(item, tuple(cells)) for item, cells in found.items() if any(c.late for c in cells)]
    rows.sort(key=lambda row: (-sum(cell.late for cell in row[1]), row[0]))
    return HeatMap(weeks=tuple(period.since for period in periods), rows=tuple(rows))


def late_of(row: Figures) -> int:
    """Return how many of the tasks were late."""
    return 0 if row.on_time is None else row.volume - round(row.on_time * row.volume)


def league(rows: list[Figures]) -> list[Figures]:
    """Return departments, best first: punctual, then fewer cards, then more days saved."""
    return sorted(
        rows,
        key=lambda row: (
            -(row.on_time if row.on_time is not None else -1.0),
            row.cards.red,
            row.cards.yellow,
            -row.saved_days,
            row.department,
        ),
    )


@router.get("")
async def overview(
    request: Request, session: Seer, site: Pages, titles: Named, month: InMonth | None = None
) -> Response:
    """League table of a month, heat map of eight weeks, what waits; others see their cards."""
    if not session.principal.has(*supervision_api.WATCHERS):
        return RedirectResponse("/supervision/cards", status_code=303)
    drawer: Drawer = request.app.state.drawer
    today = today_of(request.app.state)
    asked = figures_api.month_from(month) if month else Month(year=today.year, month=today.month)
    [period] = await drawer.draw(asked.first, min(asked.last, today), "department")
    monday = today - timedelta(days=today.weekday())
    weeks = [monday - WEEK * back for back in reversed(range(WEEKS))]
    drawn = [(await drawer.draw(w, min(w + 6 * ONE_DAY, today), "item"))[0] for w in weeks]
    red = await supervision_api.read_red_list(request, session.principal, str(asked))
    return site.page(
        request,
        "orchestrator/supervision.html",
        session=session,
        titles=titles,
        month=str(asked),
        months=_months(today),
        period=period,
        league=league(period.rows),
        heat=heat_map(drawn),
        red_list=red.items,
        **WORDS,
    )


@router.get("/cards")
async def cards(
    request: Request,
    session: Seer,
    site: Pages,
    titles: Named,
    department: str = "",
    colour: str = "",
    state: str = "",
    application: str = "",
    after: str | None = None,
) -> Response:
    """Cards, newest first; a department sees its own."""
    page = await supervision_api.list_cards(
        request,
        session.principal,
        department=department[:64] or None,
        colour=Colour(colour) if colour in set(Colour) else None,
        state=CardState(state) if state in set(CardState) else None,
        application=application[:40] or None,
        after=after,
        limit=USUAL_PAGE,
    )
    return site.page(
        request,
        "orchestrator/cards.html",
        session=session,
        titles=titles,
        page=page,
        watches=session.principal.has(*supervision_api.WATCHERS),
        following=following(request, page.next),
        asked={"department": department, "colour": colour, "state": state},
        **WORDS,
    )


@router.get("/cards/{card}")
async def card(
    request: Request, session: Seer, site: Pages, titles: Named, card: supervision_api.CardId
) -> Response:
    """One card: why, on what evidence, and what was done to it; appeal and decision."""
    whole = await supervision_api.read_card(request, session.principal, card)
    return _card(request, session, site, titles, whole)


def _card(
    request: Request,
    session: Session,
    site: Pages,
    titles: Named,
    whole: CardWhole,
    *,
    problem: Problem | None = None,
    text: str = "",
) -> Response:
    who, now = session.principal, request.app.state.clock.now()
    return site.page(
        request,
        "orchestrator/card.html",
        status=problem.kind.status if problem else 200,
        session=session,
        titles=titles,
        card=whole,
        can_appeal=who.has(*LEADERS)
        and who.department == whole.department
        and whole.state is CardState.OPEN
        and now <= whole.appeal_until,
        can_decide=who.has(Role.SUPERVISOR) and whole.state is not CardState.LIFTED,
        told=site.told(request, problem) if problem else None,
        text=text,
        **WORDS,
    )


@router.post("/cards/{card}/appeal")
async def appeal(
    request: Request,
    session: Leader,
    site: Pages,
    titles: Named,
    card: supervision_api.CardId,
    asked: Once,
    text: Text = "",
) -> Response:
    """Appeal for one's department."""

    async def act() -> Any:
        body = checked(AppealRequest, text=text)
        return await supervision_api.appeal_card(request, session.principal, card, body, asked)

    return await _done(request, session, site, titles, card, act, text, "申诉已提交")


@router.post("/cards/{card}/decision")
async def decide(
    request: Request,
    session: Supervisor,
    site: Pages,
    titles: Named,
    card: supervision_api.CardId,
    asked: Once,
    decision: Text = "",
    reason: Text = "",
) -> Response:
    """Uphold a card, or lift it."""

    async def act() -> Any:
        body = checked(DecisionRequest, decision=decision, reason=reason)
        return await supervision_api.decide_card(request, session.principal, card, body, asked)

    return await _done(request, session, site, titles, card, act, reason, "决定已记录")


async def _done(
    request: Request,
    session: Session,
    site: Pages,
    titles: Named,
    card: int,
    act: Callable[[], Awaitable[Any]],
    text: str,
    note: str,
) -> Response:
    """Act on a card; what is refused is said on its page, with what was written."""
    try:
        await act()
    except Problem as problem:
        if problem.kind.status in (403, 404):
            raise
        whole = await supervision_api.read_card(request, session.principal, card)
        return _card(request, session, site, titles, whole, problem=problem, text=text)
    response = RedirectResponse(f"/supervision/cards/{card}", status_code=303)
    site.flash(request, response, note)
    return response


@router.get("/findings")
async def findings(
    request: Request,
    session: Seer,
    site: Pages,
    titles: Named,
    department: str = "",
    fact: str = "",
    after: str | None = None,
) -> Response:
    """What the sensors of handling outside the system saw."""
    page = await supervision_api.list_findings(
        request,
        session.principal,
        department=department[:64] or None,
        fact=FactKind(fact) if fact in set(FactKind) else None,
        after=after,
        limit=USUAL_PAGE,
    )
    return site.page(
        request,
        "orchestrator/findings.html",
        session=session,
        titles=titles,
        page=page,
        watches=session.principal.has(*supervision_api.WATCHERS),
        following=following(request, page.next),
        asked={"department": department},
        **WORDS,
    )


@router.get("/reports/{month}.csv")
async def report_csv(request: Request, session: Watcher, month: figures_api.InPath) -> Response:
    """The monthly report as a table."""
    return await figures_api.read_report_as_csv(request, session.principal, month)


@router.get("/reports/{month}.pdf")
async def report_pdf(request: Request, session: Watcher, month: figures_api.InPath) -> Response:
    """The monthly report as a document."""
    return await figures_api.read_report_as_pdf(request, session.principal, month)


@router.get("/reports/{month}")
async def report(
    request: Request, session: Watcher, site: Pages, titles: Named, month: figures_api.InPath
) -> Response:
    """The monthly report on a page."""
    found = await figures_api.read_report(request, session.principal, month)
    return site.page(
        request, "orchestrator/report.html", session=session, titles=titles, report=found, **WORDS
    )


def following(request: Request, cursor: str | None) -> str | None:
    """Return the address of the next page; None on the last one."""
    if cursor is None:
        return None
    return str(request.url.include_query_params(after=cursor).replace(scheme="", netloc=""))


def _months(today: date) -> list[str]:
    """Return the months to choose from, the newest first."""
    found = [Month(year=today.year, month=today.month)]
    while len(found) < MONTHS:
        found.append(found[-1].before)
    return [str(one) for one in found]


def instant_of(text: object) -> datetime | None:
    """Return an instant that stands in evidence as text; None for anything else."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) and "T" in text else None
    except ValueError:
        return None


WORDS["instant_of"] = instant_of
WORDS["evidence_words"] = said.EVIDENCE
