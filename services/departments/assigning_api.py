"""The API of who works on a task, and of what was seen on the spot."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.departments import assigning, models, problems, visits
from services.departments import authority_models as views
from services.departments import authority_store as store
from services.departments.scope import sight_of
from services.departments.web import (
    ON_TASK,
    IfMatch,
    Key,
    Leader,
    Officer,
    Reader,
    TaskId,
    answer,
    last_id,
    number_in_path,
    once,
    page,
    plain,
    ref_of,
)
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.problems import BAD_CURSOR, NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["queue"])
VisitId = Annotated[int, number_in_path("Number of the record.")]


@router.post(
    "/tasks/{id}/reassignment",
    response_model=models.HoldingView,
    responses=problem_responses(*ON_TASK, *etag.PROBLEMS, problems.ABSENT),
)
async def reassign_task(
    request: Request, who: Leader, task: TaskId, body: views.Reassignment, expected: IfMatch
) -> Response:
    """Give a task into a colleague's hands, whoever has it now; the history keeps the reason."""
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        held = await assigning.reassign(
            conn,
            clock=state.clock,
            who=who,
            task=task,
            colleague=ref_of(request, body.to),
            reason=body.reason,
            expected=expected,
        )
    return answer(plain(held, models.HoldingView), version=held.version)


@router.post(
    "/tasks/{id}/special-handling",
    response_model=views.SpecialView,
    responses=problem_responses(
        *ON_TASK, *etag.PROBLEMS, problems.REPRESENTATIVE_REQUIRED, problems.NOT_AUTHORISED
    ),
)
async def handle_specially(
    request: Request, who: Officer, task: TaskId, body: views.SpecialHandling, expected: IfMatch
) -> Response:
    """Put a task before the others of its queue (特办). It takes the power for special handling."""
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        since, version = await assigning.handle_specially(
            conn, clock=state.clock, who=who, task=task, reason=body.reason, expected=expected
        )
    return answer({"id": task, "special_at": since, "version": version}, version=version)


@router.post(
    "/tasks/{id}/site-visits",
    status_code=201,
    response_model=views.VisitRecorded,
    responses=problem_responses(*ON_TASK, *idempotency.PROBLEMS),
)
async def record_visit(
    request: Request, who: Officer, task: TaskId, body: views.NewVisit, asked: Key
) -> Response:
    """Record what at least two officers saw on the spot (行政许可法 34), and sign the record.

    It counts when two of those it names have signed; until then the task cannot end.
    """
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found, version = await visits.record(
            conn,
            clock=request.app.state.clock,
            who=who,
            task=task,
            visited_on=body.visited_on,
            colleagues=[ref_of(request, one) for one in body.colleagues],
            findings=body.findings,
        )
        return slot.keep(answer(plain(found, views.VisitRecorded), status=201, version=version))


@router.get(
    "/tasks/{id}/site-visits",
    response_model=views.VisitPage,
    responses=problem_responses(problems.NO_DEPARTMENT, NOT_FOUND, BAD_CURSOR),
)
async def list_visits(
    request: Request,
    who: Reader,
    task: TaskId,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List the records of visits about a task, and who has signed them."""
    async with request.app.state.pool.acquire() as conn:
        rows = await store.visits_of(
            conn, task, sight_of(who), after=last_id(after), rows=limit + 1
        )
    if rows is None:
        raise Problem(NOT_FOUND)
    return page(rows, limit, views.VisitView)


@router.post(
    "/site-visits/{id}/signature",
    response_model=views.VisitRecorded,
    responses=problem_responses(*ON_TASK, *idempotency.PROBLEMS, problems.NOT_NAMED),
)
async def sign_visit(request: Request, who: Officer, id_: VisitId, asked: Key) -> Response:
    """Sign the record of a visit that names one, with one's own token."""
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await visits.sign(conn, clock=request.app.state.clock, who=who, id_=id_)
        return slot.keep(answer(plain(found, views.VisitRecorded)))
