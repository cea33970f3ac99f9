"""Messages that could not be applied: what is known of them, applying them again, giving up."""

from typing import Annotated, Any

import pydantic
from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from services.orchestrator.pages.frame import Operator, Pages
from services.runtime import dead_letters
from services.runtime.web import operations, pages
from services.runtime.web.operations import Operations, Why
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
PAGE = 50
OPEN = "open"
STATES = {OPEN: "待处理", "replayed": "已重新处理", "discarded": "已放弃"}
REASON_MISSING = "请写明理由，至少 2 个字。"
Letter = Annotated[int, Path(ge=1, le=dead_letters.NEWEST)]
Parts = Annotated[Operations, Depends(operations.operations)]


@router.get("/dead-letters")
async def letters(
    request: Request,
    session: Operator,
    site: Pages,
    parts: Parts,
    state: Annotated[str, Query(pattern="^(open|replayed|discarded)$")] = OPEN,
    after: pages.After = None,
) -> Response:
    """All of one state, newest first."""
    found = await operations.list_dead_letters(
        session.principal, parts, state=state, limit=PAGE, after=after
    )
    return site.page(
        request,
        "orchestrator/dead_letters.html",
        session=session,
        found=found.items,
        states=STATES,
        state=state,
        more=f"/dead-letters?state={state}&after={found.next}" if found.next else None,
    )


@router.get("/dead-letters/{letter}")
async def letter_page(
    letter: Letter, request: Request, session: Operator, site: Pages, parts: Parts
) -> Response:
    """One of them: everything but the message itself, which may name people."""
    return await _page(site, request, session, parts, letter)


@router.post("/dead-letters/{letter}/{act}")
async def act_on(
    letter: Letter,
    act: Annotated[str, Path(pattern="^(replay|discard)$")],
    request: Request,
    session: Operator,
    site: Pages,
    parts: Parts,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Apply it again, or give it up, with the reason."""
    try:
        body = Why(reason=reason.strip())
    except pydantic.ValidationError:
        wrong = {"error": REASON_MISSING, "act": act, "reason": reason}
        return await _page(site, request, session, parts, letter, status=422, **wrong)
    do = parts.replay if act == "replay" else parts.discard
    try:
        await do(letter, session.principal, body.reason)
    except Problem as problem:
        if problem.kind is NOT_FOUND:  # somebody has acted on it, or this is a second press
            return RedirectResponse(f"/dead-letters/{letter}", status_code=303)
        told = site.told(request, problem)
        status = problem.kind.status
        return await _page(
            site, request, session, parts, letter, status=status, told=told, act=act, reason=reason
        )
    response = RedirectResponse(f"/dead-letters/{letter}", status_code=303)
    site.flash(request, response, "已重新处理" if act == "replay" else "已放弃这条消息")
    return response


async def _page(
    site: Site,
    request: Request,
    session: Session,
    parts: Operations,
    letter: int,
    *,
    status: int = 200,
    **shown: Any,
) -> Response:
    async with parts.pool.acquire() as conn:
        found = await dead_letters.get(conn, letter)
    if found is None:
        raise Problem(NOT_FOUND)
    given = {"reason": "", "error": "", "told": None, "act": ""} | shown
    return site.page(
        request,
        "orchestrator/dead_letter.html",
        session=session,
        status=status,
        found=found,
        states=STATES,
        **given,
    )
