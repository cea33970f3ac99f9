"""Saved views: filters of the queue that an officer has given a name. Everybody sees his own."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from services.departments import workbench_store as store
from services.departments.models import LARGEST_ID
from services.departments.pages import queue
from services.departments.pages.common import Member, Pages
from services.departments.scope import department_of
from services.runtime.web.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False)
LONGEST_NAME = 40
MOST_VIEWS = 20


@router.post("/queue/views")
async def save(request: Request, session: Member, site: Pages) -> Response:
    """Keep the filter under a name; one of the same name is replaced."""
    form = await request.form()
    name = " ".join(str(form.get("name") or "").split())
    wanted = queue.read(str(form.get("view") or ""))
    who, state = session.principal, request.app.state
    department = department_of(who)
    async with state.pool.acquire() as conn, conn.transaction():
        there = [one["name"] for one in await store.views_of(conn, who.ref, department)]
        wrong = _wrong(name, there)
        if wrong is None:
            query, at = urlencode(wanted.query), state.clock.now()
            await store.save_view(conn, who.ref, department, name=name, query=query, at=at)
    if wrong is not None:
        context = await queue.contents(request, session, wanted)
        context |= {"view_name": name, "view_problem": site.say(request, wrong)}
        return site.page(request, queue.TEMPLATE, status=422, session=session, **context)
    response = RedirectResponse(queue.address(wanted), status_code=303)
    site.flash(request, response, "视图已保存。")
    return response


def _wrong(name: str, there: list[str]) -> str | None:
    """Return what is wrong with a new view (a message)."""
    if not name or not name.isprintable():
        return "请填写视图名称"
    if len(name) > LONGEST_NAME:
        return "视图名称不超过 40 个字"
    if name not in there and len(there) >= MOST_VIEWS:
        return "最多保存 20 个视图，请先删除不用的"
    return None


@router.post("/queue/views/{id}/removal")
async def remove(
    request: Request,
    session: Member,
    site: Pages,
    id_: Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID)],
) -> Response:
    """Forget a view of one's own."""
    form = await request.form()
    who = session.principal
    async with request.app.state.pool.acquire() as conn:
        if await store.drop_view(conn, id_, who.ref, department_of(who)) is None:
            raise Problem(NOT_FOUND)
    wanted = queue.read(str(form.get("view") or ""))
    response = RedirectResponse(queue.address(wanted), status_code=303)
    site.flash(request, response, "视图已删除。")
    return response
