"""The follow-ups of bad ratings on their page: departments answer, the supervision closes.

Each act is the operation of the API of the same name, by the same people.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import FollowUpState, Role
from services.orchestrator import ratings_api
from services.orchestrator.pages.frame import Named, Pages
from services.orchestrator.pages.supervision import (
    LEADERS,
    WORDS,
    Leader,
    Once,
    Supervisor,
    Text,
    following,
)
from services.runtime.web.idempotency import Asked
from services.runtime.web.pages import USUAL_PAGE
from services.runtime.web.problems import Problem
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(prefix="/supervision/follow-ups", include_in_schema=False)
Reader = Annotated[Session, Depends(signed_in_as(*ratings_api.WATCHERS, *ratings_api.LEADERS))]


@router.get("")
async def follow_ups(
    request: Request,
    session: Reader,
    site: Pages,
    titles: Named,
    state: str = "",
    after: str | None = None,
) -> Response:
    """Follow-ups of bad ratings, the next term first."""
    return await _follow_ups(request, session, site, titles, state, after)


async def _follow_ups(
    request: Request,
    session: Session,
    site: Pages,
    titles: Named,
    state: str = "",
    after: str | None = None,
    *,
    problem: Problem | None = None,
    wrong: int = 0,
    text: str = "",
) -> Response:
    page = await ratings_api.list_follow_ups(
        request,
        session.principal,
        department=None,
        state=FollowUpState(state) if state in set(FollowUpState) else None,
        overdue=None,
        after=after,
        limit=USUAL_PAGE,
    )
    return site.page(
        request,
        "orchestrator/follow_ups.html",
        status=problem.kind.status if problem else 200,
        session=session,
        titles=titles,
        page=page,
        following=following(request, page.next),
        answers=session.principal.has(*LEADERS),
        closes=session.principal.has(Role.SUPERVISOR),
        asked={"state": state},
        told=site.told(request, problem) if problem else None,
        wrong=wrong,
        text=text,
        **WORDS,
    )


@router.post("/{follow_up}/answer")
async def answer(
    request: Request,
    session: Leader,
    site: Pages,
    titles: Named,
    follow_up: ratings_api.Id,
    asked: Once,
    text: Text = "",
) -> Response:
    """Answer a bad rating for one's department."""
    return await _follow(
        request, session, site, titles, follow_up, text, asked, ratings_api.answer_follow_up
    )


@router.post("/{follow_up}/closure")
async def close(
    request: Request,
    session: Supervisor,
    site: Pages,
    titles: Named,
    follow_up: ratings_api.Id,
    asked: Once,
    text: Text = "",
) -> Response:
    """Close what was answered, with what was found."""
    return await _follow(
        request, session, site, titles, follow_up, text, asked, ratings_api.close_follow_up
    )


async def _follow(
    request: Request,
    session: Session,
    site: Pages,
    titles: Named,
    id_: int,
    text: str,
    asked: Asked,
    act: Callable[..., Awaitable[Any]],
) -> Response:
    try:
        body = checked(ratings_api.FollowUpText, text=text)
        await act(request, session.principal, id_, body, asked)
    except Problem as problem:
        if problem.kind.status in (403, 404):
            raise
        return await _follow_ups(
            request, session, site, titles, problem=problem, wrong=id_, text=text
        )
    response = RedirectResponse("/supervision/follow-ups", status_code=303)
    site.flash(request, response, "已记录")
    return response
