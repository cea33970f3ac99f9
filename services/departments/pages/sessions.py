"""Joint sessions on pages: one's invitations, what waits to be convened, times, the roster."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.departments import sessions_api, sessions_roster
from services.departments import sessions_models as models
from services.departments import sessions_store as store
from services.departments.pages.case_form import Form
from services.departments.pages.common import (
    Member,
    Officer,
    Once,
    Pages,
    People,
    people_of,
    today_of,
)
from services.departments.pages.sessions_calendar import Slot, Week, monday_of, week
from services.departments.pages.sessions_words import WORDS
from services.departments.scope import department_of
from services.departments.web import once
from services.domain.calendar import ZONE
from services.domain.catalogue import Name
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import Shelf
from services.runtime.web.pages import LARGEST_PAGE
from services.runtime.web.problems import Problem
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

router = APIRouter(prefix="/sessions", include_in_schema=False)
WEEKS = timedelta(weeks=1)
YEARS = range(2000, 2200)
"""Of days that somebody may ask for; another one is none."""
USUAL_MINUTES, USUAL_TRAVEL = 120, 30
Number = Annotated[str, Query(max_length=40)]


def names_of(shelf: Shelf) -> dict[str, Any]:
    """Return what departments, items and steps are called."""
    newest_last = sorted(shelf.catalogues, key=lambda one: one.county.effective_from)
    groups = {group.code: group.name for one in newest_last for group in one.groups}
    items = {item.code: item.name for one in newest_last for item in one.items}
    departments: Mapping[str, Name] = {code: one.name for code, one in shelf.departments.items()}
    return {"departments": departments, "steps": groups | items, "items": items}


def read(response: Response) -> Any:
    """Return what an operation of the API answered, with its instants as such."""
    return _instants(orjson.loads(bytes(response.body)))


def _instants(found: Any) -> Any:
    if isinstance(found, dict):
        return {
            key: datetime.fromisoformat(value)
            if (key.endswith("_at") or key == "until") and isinstance(value, str)
            else _instants(value)
            for key, value in found.items()
        }
    return [_instants(one) for one in found] if isinstance(found, list) else found


@router.get("")
async def listed(
    request: Request,
    session: Member,
    site: Pages,
    monday: Annotated[date | None, Query(alias="week")] = None,
) -> Response:
    """One's department's week, its sessions, and what it leads and has not convened yet."""
    state, who = request.app.state, session.principal
    asked = monday if monday and monday.year in YEARS else today_of(request)
    first = monday_of(asked)
    since = datetime.combine(first, datetime.min.time(), ZONE)
    found = await _listed(request, who, since)
    async with state.pool.acquire() as conn:
        waiting = await store.to_convene(conn, department_of(who))
    names = names_of(state.shelf)
    slots = [
        Slot(
            starts_at=one["starts_at"],
            ends_at=one["ends_at"],
            kind="session",
            label=f"#{one['id']}",
        )
        for one in found
        if one["state"] != "cancelled"
    ]
    return site.page(
        request,
        "departments/sessions.html",
        session=session,
        sessions=found,
        waiting=waiting,
        week=week(state.shelf.calendar, first, slots),
        before=first - WEEKS,
        following=first + WEEKS,
        own=department_of(who),
        **names,
        **WORDS,
    )


async def _listed(request: Request, who: Principal, since: datetime) -> list[dict[str, Any]]:
    """Return the sessions of a week and later, and before them those that are not over yet."""
    asked: tuple[tuple[models.State | None, datetime | None], ...] = (
        (None, since),
        ("convened", None),
        ("held", None),
    )
    pages = [
        read(
            await sessions_api.list_sessions(
                request, who, department=None, state=state, since=at, after=None, limit=LARGEST_PAGE
            )
        )
        for state, at in asked
    ]
    found = {one["id"]: one for page in pages for one in page["items"]}
    return sorted(found.values(), key=lambda one: (one["starts_at"], one["id"]))


@router.get("/new")
async def offered(
    request: Request,
    session: Officer,
    site: Pages,
    application: Number = "",
    step: Number = "",
    minutes: Annotated[int, Query(ge=15, le=480)] = USUAL_MINUTES,
    travel: Annotated[int, Query(ge=0, le=180)] = USUAL_TRAVEL,
    since: Annotated[date | None, Query()] = None,
) -> Response:
    """The times at which a session can be held, inside every member's clock."""
    asked = {"application": application, "step": step, "minutes": minutes, "travel": travel}
    asked["since"] = since.isoformat() if since else ""
    return await _offer(request, session, site, asked)


async def _offer(
    request: Request,
    session: Session,
    site: Pages,
    asked: dict[str, Any],
    *,
    problem: Problem | None = None,
    typed: Form | None = None,
) -> Response:
    state, who = request.app.state, session.principal
    proposal = await _propose(request, who, asked)
    times = [one for one in (proposal["proposed"], *proposal["others"]) if one]
    times = [one for place, one in enumerate(times) if one not in times[:place]]
    return site.page(
        request,
        "departments/session_new.html",
        status=problem.kind.status if problem else 200,
        session=session,
        asked=asked,
        proposal=proposal,
        times=times,
        weeks=_weeks(state.shelf, times),
        told=site.told(request, problem) if problem else None,
        typed=typed or Form(fields={}),
        encoded=[orjson.dumps(one).decode() for one in times],
        **names_of(state.shelf),
        **WORDS,
    )


async def _propose(request: Request, who: Principal, asked: Mapping[str, Any]) -> Any:
    wanted = {
        "application": asked["application"],
        "step": asked["step"],
        "minutes": asked["minutes"],
        "travel_minutes": asked["travel"],
        "not_before": _wall(f"{asked['since']}T00:00") if asked.get("since") else None,
    }
    body = checked(models.NewRound, sessions=[wanted])
    found = read(await sessions_api.propose_sessions(request, who, body))
    return found["sessions"][0]


def _weeks(shelf: Shelf, times: list[dict[str, Any]]) -> list[Week]:
    """Return the weeks that have an offered time, drawn."""
    slots = [
        Slot(starts_at=one["starts_at"], ends_at=one["ends_at"], kind="offer", label=str(place))
        for place, one in enumerate(times, 1)
    ]
    mondays = sorted({monday_of(one.starts_at.astimezone(ZONE).date()) for one in slots})
    return [week(shelf.calendar, monday, slots) for monday in mondays]


@router.post("/new")
async def convened(request: Request, session: Officer, site: Pages, asked: Once) -> Response:
    """Convene at one of the times that were offered."""
    form = Form.of(await request.form())
    about = {
        "application": form.text("application"),
        "step": form.text("step"),
        "minutes": form.number("minutes") or USUAL_MINUTES,
        "travel": form.number("travel"),
        "since": form.text("since"),
    }
    try:
        body = _convening(form, about)
        answer = read(await sessions_api.convene_session(request, session.principal, body, asked))
    except Problem as problem:
        if problem.kind.status == HTTPStatus.NOT_FOUND:
            raise
        return await _offer(request, session, site, about, problem=problem, typed=form)
    response = RedirectResponse(f"/sessions/{answer['id']}", status_code=303)
    site.flash(request, response, "会议已召集，各部门已收到邀请")
    return response


def _convening(form: Form, about: Mapping[str, Any]) -> models.NewSession:
    """Return what is convened: the time chosen, as it was offered. The rules check all of it."""
    try:
        chosen = orjson.loads(form.text("time") or "{}")
    except orjson.JSONDecodeError:
        chosen = {}
    taken = {name: chosen.get(name) for name in ("starts_at", "ends_at", "attendees")}
    return checked(
        models.NewSession,
        application=about["application"],
        step=about["step"],
        travel_minutes=about["travel"],
        place=form.text("place"),
        **taken,
    )


@router.get("/roster")
async def roster(request: Request, session: Member, site: Pages) -> Response:
    """Who of the department can be sent, and when he is not free."""
    return await _roster(request, session, site)


async def _roster(
    request: Request, session: Session, site: Pages, problem: Problem | None = None
) -> Response:
    found = read(await sessions_api.read_roster(request, session.principal))
    async with request.app.state.pool.acquire() as conn:
        people: People = await people_of(conn, request, session)
    return site.page(
        request,
        "departments/session_roster.html",
        status=problem.kind.status if problem else 200,
        session=session,
        officers=found["officers"],
        people=people,
        listed=any(people.is_me(one["officer"]) for one in found["officers"]),
        told=site.told(request, problem) if problem else None,
        **WORDS,
    )


@router.post("/roster")
async def enrolled(request: Request, session: Officer, site: Pages, asked: Once) -> Response:
    """Put oneself on the roster or take oneself off, or note when one is not free."""
    form, state, who = Form.of(await request.form()), request.app.state, session.principal
    response: Response = RedirectResponse("/sessions/roster", status_code=303)
    try:
        async with once(request, asked) as (conn, slot):
            if slot.stored is not None:
                return slot.stored
            match form.text("act"):
                case "engage":
                    body = _engagement(form)
                    await sessions_roster.engage(
                        conn,
                        clock=state.clock,
                        who=who,
                        officer=who.ref,
                        kind=body.kind,
                        starts=body.starts_at,
                        ends=body.ends_at,
                    )
                case "leave":
                    await sessions_roster.strike(conn, clock=state.clock, who=who, officer=who.ref)
                case "free":
                    await sessions_roster.disengage(
                        conn,
                        clock=state.clock,
                        who=who,
                        officer=who.ref,
                        engagement=form.number("engagement"),
                    )
                case _:
                    await sessions_roster.enlist(conn, clock=state.clock, who=who, officer=who.ref)
            slot.keep(response)
    except Problem as problem:
        return await _roster(request, session, site, problem)
    site.flash(request, response, "已记录")
    return response


def _engagement(form: Form) -> models.NewEngagement:
    return checked(
        models.NewEngagement,
        kind=form.text("kind"),
        starts_at=_wall(form.text("starts_at")),
        ends_at=_wall(form.text("ends_at")),
    )


def _wall(text: str) -> datetime | str:
    """Return a time typed by the clock on the wall; what is none is left to the checks."""
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=ZONE)
    except ValueError:
        return text
    return found if found.year in YEARS else text
