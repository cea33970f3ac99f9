"""The pages on which an investor follows what he has applied for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Role
from services.domain.catalogue import Limit, Name
from services.intake import acts, drafts, reading
from services.intake.api import Number
from services.intake.pages import track_clocks, track_standing, unread, waiting
from services.intake.pages.public import Pages, Tools
from services.intake.pages.track_chart import chart
from services.intake.pages.track_history import history
from services.intake.pages.track_told import Told, told
from services.intake.parts import Parts
from services.intake.shown import ApplicationRow, TaskShown
from services.runtime.auth import Principal
from services.runtime.web import pages
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.live import live, seen
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(include_in_schema=False, prefix="/applications")
Investor = Annotated[Session, Depends(signed_in_as(Role.INVESTOR))]
Once = Annotated[Asked, Depends(asked_on_page)]
ROWS = 10
NEWEST_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Row:
    """One application of the list, with what waits for its owner."""

    application: ApplicationRow
    scenario: Name
    status: str
    tone: track_standing.Tone
    waiting: Sequence[Any]


@router.get("")
async def applications(
    request: Request,
    parts: Tools,
    site: Pages,
    session: Investor,
    after: pages.After = None,
) -> Response:
    """One's own applications, newest first, with what waits for oneself on top."""
    page = await reading.list_own(parts, session.principal, ROWS, after)
    going_on = [
        one.number for one in page.items if one.conclusion is None and not one.withdrawal_asked
    ]
    waits = await waiting.waiting_among(parts, session.principal, going_on)
    return site.page(
        request,
        "intake/track_list.html",
        session=session,
        rows=[_row(parts, one, waits.get(one.number, ())) for one in page.items],
        drafts=len(await drafts.own(parts, session.principal)),
        next=page.next,
        first=after is None,
    )


def _row(parts: Parts, one: ApplicationRow, waits: Sequence[waiting.Waiting]) -> Row:
    scenario = parts.catalogue().scenario_by_code.get(one.scenario)
    return Row(
        application=one,
        scenario=scenario.name if scenario else Name(zh=one.scenario, en=one.scenario),
        status=track_standing.status_of(one.status, one.conclusion),
        tone=track_standing.tone_of(one.status, one.conclusion),
        waiting=waits,
    )


@router.get("/{application}")
async def application(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """Where one application stands."""
    who = session.principal
    revision = await _revision(parts, who, number)
    context = await _standing(parts, who, number)
    return site.page(
        request, "intake/track.html", session=session, revision=seen(revision), **context
    )


@router.get("/{application}/live")
async def application_live(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """The part of the page that changes by itself."""
    who = session.principal
    await reading.read(parts, who, number)

    async def revision() -> str:
        return await _revision(parts, who, number)

    async def render() -> str:
        context = await _standing(parts, who, number)
        part = site.fragment(request, "intake/track_part.html", session=session, **context)
        return part + await unread.anew(request, parts, who, site)

    return await live(request, revision, render)


async def _revision(parts: Parts, who: Principal, number: str) -> str:
    """Return what changes with what is shown."""
    version, _ = await reading.read(parts, who, number)
    return f"{version}/{parts.today}"


async def _standing(parts: Parts, who: Principal, number: str) -> dict[str, Any]:
    found = await told(parts, who, number)
    events = history(found)
    return {
        "told": found,
        "standing": track_standing.standing(found),
        "chart": chart(found),
        "waiting": await waiting.waiting_for(parts, who, number),
        "events": events[:NEWEST_SHOWN],
        "more_events": len(events) > NEWEST_SHOWN,
    }


@router.get("/{application}/history")
async def application_history(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """Everything that happened, to read or to print."""
    found = await told(parts, session.principal, number)
    return site.page(
        request, "intake/track_history.html", session=session, told=found, events=history(found)
    )


@router.get("/{application}/explain")
async def application_explained(
    number: Number,
    request: Request,
    parts: Tools,
    site: Pages,
    session: Investor,
    task: str = "",
    limit: str = "promised",
) -> Response:
    """Why a date is what it is, day by day: of the whole, or of one department's task."""
    found = await told(parts, session.principal, number)
    one = next((one for one in found.progress.tasks if one.task == task), None)
    reckoned = _reckoned(found, one, limit)
    if reckoned is None or (task and one is None):
        raise Problem(NOT_FOUND)
    return site.page(
        request,
        "intake/track_explain.html",
        session=session,
        told=found,
        task=one,
        limit=limit,
        reckoned=reckoned,
        months=track_clocks.months(reckoned.lines),
        mark=lambda line: track_clocks.mark(line, reckoned, found.calendar),
        in_both=track_clocks.in_both,
        tasks=[one for one in found.progress.tasks if one.promised_on],
        kinds=track_clocks.PAUSES,
        longer=lambda one: Limit(value=one.days, unit=one.unit),
    )


def _reckoned(found: Told, task: TaskShown | None, limit: str) -> track_clocks.Reckoned | None:
    if task is None:
        return track_clocks.promised(found)
    if limit == "statutory":
        return track_clocks.statute_of(found, task)
    return track_clocks.promise_of(found, task)


@router.get("/{application}/withdrawal")
async def withdrawal(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """What a withdrawal means, before it is confirmed."""
    found = await told(parts, session.principal, number)
    return site.page(
        request, "intake/track_withdrawal.html", session=session, told=found, problem=None
    )


@router.post("/{application}/withdrawal")
async def withdraw(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor, asked: Once
) -> Response:
    """Withdraw the application."""
    try:
        await acts.withdraw(parts, session.principal, asked, number)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        return site.page(
            request,
            "intake/track_withdrawal.html",
            session=session,
            status=problem.kind.status,
            told=await told(parts, session.principal, number),
            problem=site.told(request, problem),
        )
    response = RedirectResponse(f"/applications/{number}", status_code=303)
    site.flash(request, response, "已收到撤回申请，各部门正在停止办理。")
    return response
