"""What an operator does to an application, each with a form of its own and a reason."""

from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from services.orchestrator import api, models, operating_api
from services.orchestrator.acts import Act
from services.orchestrator.pages.applications_words import ACTS
from services.orchestrator.pages.frame import Operator, Pages
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
Number = Annotated[str, Path(max_length=40)]
Name = Annotated[str, Path(max_length=20)]
Once = Annotated[Asked, Depends(asked_on_page)]
SHORTEST, LONGEST = 2, 500
REASON_MISSING = "请写明理由，至少 2 个字。"


@dataclass(frozen=True, kw_only=True)
class Doing:
    """One act: what it brings about, and what is said when it is done."""

    brings: str
    done: str


DOINGS = {
    Act.HOLD: Doing(
        brings="不再派发新的任务。已派发的任务照常办理，期限照常计算。",
        done="已暂停派发",
    ),
    Act.RESUME: Doing(
        brings="恢复派发：暂停期间已具备条件的步骤马上派发。",
        done="已恢复派发",
    ),
    "resend": Doing(
        brings="对方还没有回执的消息马上再发一次。已有回执的不会重发，对方也不会重复处理。",
        done="已重新发送",
    ),
    "reproject": Doing(
        brings="按现行日历重新推算这一申请的所有期限，每一处变动都会记录并告知。",
        done="已重新推算",
    ),
}


@router.get("/applications/{number}/acts/{act}")
async def act_form(
    number: Number, act: Name, request: Request, session: Operator, site: Pages
) -> Response:
    """The form of an act: what it brings about, and why."""
    doing = _doing(act)
    async with request.app.state.pool.acquire() as conn:
        head = await api.head_of(conn, number)
    return _form(site, request, session, head=dict(head), act=act, doing=doing)


@router.post("/applications/{number}/acts/{act}")
async def act_on(
    number: Number,
    act: Name,
    request: Request,
    session: Operator,
    site: Pages,
    asked: Once,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Do it, and go back to the application; what is wrong is said beside what was typed."""
    doing = _doing(act)
    async with request.app.state.pool.acquire() as conn:
        head = dict(await api.head_of(conn, number))
    shown = {"head": head, "act": act, "doing": doing, "reason": reason}
    try:
        body = models.ActRequest(reason=reason.strip())
    except pydantic.ValidationError:
        return _form(site, request, session, **shown, error=REASON_MISSING, status=422)
    try:
        await _do(request, session, number, act, body.reason, asked)
    except Problem as problem:
        told = site.told(request, problem)
        status = problem.kind.status
        return _form(site, request, session, **shown, told=told, status=status)
    response = RedirectResponse(f"/applications/{number}", status_code=303)
    site.flash(request, response, doing.done)
    return response


async def _do(
    request: Request, session: Session, number: str, act: str, reason: str, asked: Asked
) -> None:
    who = session.principal
    match act:
        case Act.HOLD | Act.RESUME:
            await api.act_on(request, who, number, Act(act), reason, asked)
        case "resend":
            await operating_api.resend_now(request, who, number, reason, asked)
        case _:
            await operating_api.reproject_now(request, who, number, reason, asked)


def _doing(act: str) -> Doing:
    found = DOINGS.get(act)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def _form(
    site: Site, request: Request, session: Session, *, status: int = 200, **shown: Any
) -> Response:
    given = {"reason": "", "error": "", "told": None} | shown
    return site.page(
        request,
        "orchestrator/act.html",
        session=session,
        status=status,
        title=ACTS[shown["act"]],
        longest=LONGEST,
        **given,
    )
