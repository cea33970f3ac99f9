"""The page of one application, live: how it stands and why, its graph, its days, its forecast."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.orchestrator import api, console_store, forecast_api, limits_api
from services.orchestrator.acts import ENDED
from services.orchestrator.explanation import Kind
from services.orchestrator.pages import applications_drawing, applications_words
from services.orchestrator.pages.applications_view import PartView, View, read
from services.orchestrator.pages.frame import (
    Named,
    Pages,
    Titles,
    Tongue,
    Watcher,
    today_of,
)
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.live import live, seen
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
Number = Annotated[str, Path(max_length=40)]
WORDS: dict[str, Any] = {
    "statuses": applications_words.STATUSES,
    "kinds": applications_words.KINDS,
    "conclusions": applications_words.CONCLUSIONS,
    "step_words": applications_words.STEPS,
    "task_words": applications_words.TASKS,
    "outcome_words": applications_words.OUTCOMES,
    "signal_words": applications_words.SIGNALS,
    "limit_words": applications_words.LIMITS,
    "act_words": applications_words.ACTS,
}


@router.get("/applications/{number}")
async def application(
    number: Number, request: Request, session: Watcher, site: Pages, titles: Named
) -> Response:
    """Everything about one application."""
    revision = await _revision(request, number)
    return site.page(
        request,
        "orchestrator/application.html",
        session=session,
        revision=seen(revision),
        **await _shown(number, request, session, site, titles),
    )


@router.get("/applications/{number}/live")
async def application_live(
    number: Number, request: Request, session: Watcher, site: Pages, titles: Named
) -> Response:
    """The same, whenever something happens to it. Raises Problem 404."""
    state = request.app.state

    async def revision() -> str:
        return await _revision(request, number)

    async def render() -> str:
        shown = await _shown(number, request, session, site, titles)
        return site.fragment(request, "orchestrator/_application.html", session=session, **shown)

    async with state.pool.acquire() as conn:
        await api.head_of(conn, number)
    return await live(request, revision, render)


async def _revision(request: Request, number: str) -> str:
    """Return what changes with what is shown."""
    state = request.app.state
    async with state.pool.acquire() as conn:
        found = await console_store.revision_of(conn, number)
    return f"{found} {today_of(state)}"


async def _shown(
    number: str, request: Request, session: Session, site: Site, titles: Titles
) -> dict[str, Any]:
    state = request.app.state
    view = await read(request, session.principal, number, titles)
    limits = await limits_api.list_limits(request, session.principal, number)
    tongue = Tongue(site, request)
    return {
        **WORDS,
        "view": view,
        "titles": titles,
        "limits": limits.items,
        "drawing": applications_drawing.drawing(view, tongue),
        "chart": applications_drawing.chart(view, state.shelf.calendar),
        "forecast": await _forecast(request, view),
        "acts": _acts(session, view, str(state.shelf.calendar.version)),
        "explain": explain,
    }


async def _forecast(request: Request, view: View) -> forecast_api.ForecastView | None:
    """Return what is to be expected; None where nothing can be foreseen."""
    if view.head.status in ENDED:
        return None
    found = await request.app.state.forecaster.of(view.head.number)
    return None if found is None else forecast_api.view(found)


def _acts(session: Session, view: View, calendar: str) -> list[str]:
    """Return what somebody may do to the application as it stands."""
    if not session.principal.has(Role.OPERATOR) or view.head.status in ENDED:
        return []
    found = ["resume" if view.head.status == "held" else "hold"]
    if view.underway:
        found.append("resend")
    if view.head.calendar_version != calendar:
        found.append("reproject")
    return found


def explain(part: PartView, kind: Kind = "promised") -> str:
    """Return the address at which a deadline is explained day by day; empty: it has none."""
    task = part.task
    if task is None or (kind == "statutory" and task.statutory_on is None):
        return ""
    application, item, department, round_ = task.task.split("/")
    suffix = "" if kind == "promised" else "?kind=statutory"
    return f"/applications/{application}/deadlines/{item}/{department}/{round_}{suffix}"


@router.get("/applications/{number}/deadlines/{item}/{department}/{round}")
async def deadline(
    number: Number,
    item: Annotated[str, Path(max_length=64)],
    department: Annotated[str, Path(max_length=64)],
    round: Annotated[int, Path(ge=1, le=99)],  # noqa: A002  the word of the path
    request: Request,
    session: Watcher,
    site: Pages,
    titles: Named,
    kind: Kind = "promised",
) -> Response:
    """A deadline of a task, day by day: counted or not, and by which article or notice."""
    who = session.principal
    found = await api.explain_deadline(request, who, number, item, department, round, kind)
    try:
        other: Kind = "statutory" if kind == "promised" else "promised"
        await api.explain_deadline(request, who, number, item, department, round, other)
        has_other = True
    except Problem as problem:
        if problem.kind is not NOT_FOUND:
            raise
        has_other = False
    return site.page(
        request,
        "orchestrator/deadline.html",
        session=session,
        number=number,
        item=titles.item(item),
        department=titles.department(department),
        found=found,
        silent=[titles.department(code) for code in found.silent],
        kind=kind,
        other_kind=other if has_other else None,
        today=today_of(request.app.state),
    )
