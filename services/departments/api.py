"""The queues' API: what officers see and do. Every query is scoped by who asks."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from services.contracts.vocabulary import Part, Role, TaskState
from services.departments import deciding, handling, models, problems, store
from services.departments.deciding import Entry, Verdict
from services.departments.models import State
from services.departments.scope import queue_of, sight_of
from services.departments.store import Filters, Row
from services.domain.calendar import ZONE
from services.runtime.auth import Principal, require
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.problems import (
    BAD_CURSOR,
    NOT_FOUND,
    Problem,
    preferred_language,
    problem_responses,
)

router = APIRouter(prefix="/v1/tasks", tags=["queue"])
operations = APIRouter(prefix="/v1/operations", tags=["operations"])
Reader = Annotated[
    Principal,
    Depends(
        require(Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD, Role.SUPERVISOR)
    ),
]
Officer = Annotated[Principal, Depends(require(Role.OFFICER, Role.CHIEF_REPRESENTATIVE))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
IfMatch = Annotated[etag.Expected, Depends(etag.if_match)]
Key = Annotated[idempotency.Asked, Depends(idempotency.asked)]
TaskId = Annotated[
    int,
    Path(
        alias="id",
        ge=1,
        le=models.LARGEST_ID,
        examples=[4711],
        description="Number of the task here.",
    ),
]
CODE = "^[A-Za-z][A-Za-z0-9-]{0,63}$"
Department = Annotated[
    str | None,
    Query(pattern=CODE, description="A supervisor's choice; for officers their own, if given."),
]
Code = Annotated[str | None, Query(pattern=CODE, description="Code of an item.")]
READING = (problems.DEPARTMENT_REQUIRED, problems.NO_DEPARTMENT, NOT_FOUND)
ACTING = (problems.NO_DEPARTMENT, problems.OWN_APPLICATION, NOT_FOUND)
HOLDING = (*ACTING, problems.TASK_ENDED, problems.CLAIMED, *etag.PROBLEMS)
ENDING = (
    *(*HOLDING, problems.WRONG_PART, problems.INCOMPLETE, problems.VISIT_UNSIGNED),
    *(problems.PAUSED, problems.RENEWED, *idempotency.PROBLEMS),
)
DECIDING = (
    *(*ENDING, problems.REPRESENTATIVE_REQUIRED, problems.NOT_AUTHORISED),
    *(problems.ABOVE_REQUIRED, problems.ABOVE_PENDING, problems.ABOVE_DIFFERS),
)


def _json(content: Any, *, status: int = 200, version: int | None = None) -> Response:
    headers = None if version is None else {"etag": etag.etag(version)}
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


@router.get("", response_model=models.TaskPage, responses=problem_responses(BAD_CURSOR, *READING))
async def list_tasks(
    request: Request,
    who: Reader,
    department: Department = None,
    state: Annotated[State, Query(description="State of the tasks.")] = "open",
    item: Code = None,
    part: Annotated[
        Part | None, Query(description="Only what is to be decided, or only consultations.")
    ] = None,
    claimed_by: Annotated[
        Literal["me", "none", "any"], Query(description="Whose: mine, nobody's, or all.")
    ] = "any",
    special: Annotated[bool, Query(description="Only what goes before the others (特办).")] = False,
    due_before: Annotated[
        date | None, Query(description="Promised before this day (Asia/Shanghai).")
    ] = None,
    q: Annotated[
        str | None,
        Query(pattern="^[A-Za-z0-9-]{1,64}$", description="Beginning of a number or project code."),
    ] = None,
    sort: Annotated[
        Literal["due", "issued"], Query(description="Soonest due first, or first issued first.")
    ] = "due",
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List a department's queue."""
    filters = Filters(
        department=queue_of(who, department),
        state=TaskState(state),
        item=item,
        part=part,
        holder=who.ref if claimed_by == "me" else None,
        unclaimed=claimed_by == "none",
        special=special,
        due_before=datetime.combine(due_before, time.min, ZONE) if due_before else None,
        prefix=q,
    )
    place = pages.decode(after, str, pages.instant, pages.whole) if after else None
    if place is not None and place[0] != sort:
        raise Problem(BAD_CURSOR)
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_tasks(
            conn,
            filters,
            by_issue=sort == "issued",
            after=None if place is None else (place[1], place[2]),
            rows=limit + 1,
        )
    key = "issued_at" if sort == "issued" else "promised_at"
    shown, following = pages.split(rows, limit, lambda row: pages.encode(sort, row[key], row["id"]))
    return _page([models.summary(row) for row in shown], following)


def _page(items: list[dict[str, Any]], following: str | None) -> Response:
    return _json({"items": items} | ({"next": following} if following else {}))


@router.get("/counts", response_model=models.Counts, responses=problem_responses(*READING))
async def count_tasks(request: Request, who: Reader, department: Department = None) -> Response:
    """Count what is open in a department's queue, item by item."""
    queue = queue_of(who, department)
    async with request.app.state.pool.acquire() as conn:
        rows = await store.count_queue(
            conn, queue, holder=who.ref, now=request.app.state.clock.now()
        )
    return _json(models.counts(queue, rows))


@router.post(
    "/decisions",
    response_model=models.BatchAnswer,
    responses=problem_responses(problems.NO_DEPARTMENT, *idempotency.PROBLEMS),
)
async def decide_many(request: Request, who: Officer, body: models.Batch, asked: Key) -> Response:
    """Sign off up to a hundred tasks at once.

    Each entry is checked by itself and answered by itself: one that may not end so does not hold
    up the others. All of it is one transaction, and one answer to its Idempotency-Key.
    """
    language = preferred_language(request.headers.get("accept-language"))

    def answer(verdicts: list[Verdict]) -> Response:
        ids = [one.id for one in body.entries]
        return _json(models.batch_answer(ids, verdicts, language))

    return await _end(request, who, [one.entry() for one in body.entries], asked, answer)


@router.get("/{id}", response_model=models.TaskDetail, responses=problem_responses(*READING))
async def read_task(request: Request, who: Reader, task: TaskId) -> Response:
    """Read a task with its facts and materials, and how it ended. The ETag is its version."""
    async with request.app.state.pool.acquire() as conn:
        row: Row | None = await store.read_task(conn, task, sight_of(who))
    if row is None:
        raise Problem(NOT_FOUND)
    return _json(models.detail(row), version=row["version"])


@router.get(
    "/{id}/history",
    response_model=models.ActPage,
    responses=problem_responses(BAD_CURSOR, *READING),
)
async def read_history(
    request: Request,
    who: Reader,
    task: TaskId,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """Read what was done about a task, oldest first."""
    last = pages.decode(after, pages.whole)[0] if after else 0
    async with request.app.state.pool.acquire() as conn:
        rows = await store.acts_of(conn, task, sight_of(who), after=last, rows=limit + 1)
    if rows is None:
        raise Problem(NOT_FOUND)
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["id"]))
    return _page([dict(row) for row in shown], following)


@router.post(
    "/{id}/claim", response_model=models.HoldingView, responses=problem_responses(*HOLDING)
)
async def claim_task(request: Request, who: Officer, task: TaskId, expected: IfMatch) -> Response:
    """Take a task in hand. Claiming what one holds already changes nothing."""
    return await _hold(request, who, task, expected, handling.claim)


@router.post(
    "/{id}/release", response_model=models.HoldingView, responses=problem_responses(*HOLDING)
)
async def release_task(request: Request, who: Officer, task: TaskId, expected: IfMatch) -> Response:
    """Give a task back to the queue; the chief representative may release an absent officer's."""
    return await _hold(request, who, task, expected, handling.release)


async def _hold(
    request: Request, who: Principal, task: int, expected: etag.Expected, act: handling.Hold
) -> Response:
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        held = await act(conn, clock=state.clock, who=who, task=task, expected=expected)
    return _json(held, version=held.version)


@router.post(
    "/{id}/notes",
    status_code=201,
    response_model=models.NoteAdded,
    responses=problem_responses(*ACTING, *idempotency.PROBLEMS),
)
async def add_note(
    request: Request, who: Officer, task: TaskId, body: models.NewNote, asked: Key
) -> Response:
    """Add a note to a task's history, for colleagues only."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        act, at = await handling.note(conn, clock=state.clock, who=who, task=task, text=body.text)
        return slot.keep(_json({"id": act, "at": at}, status=201))


@router.post("/{id}/opinion", response_model=models.EndedView, responses=problem_responses(*ENDING))
async def give_opinion(
    request: Request,
    who: Officer,
    task: TaskId,
    body: models.Opinion,
    asked: Key,
    expected: IfMatch,
) -> Response:
    """Give a consulted department's opinion: no objection, or an objection with its reasons."""
    return await _end(request, who, [body.entry(task, expected)], asked, _single)


@router.post(
    "/{id}/decision",
    response_model=models.EndedView,
    responses=problem_responses(*DECIDING),
)
async def decide_task(
    request: Request,
    who: Officer,
    task: TaskId,
    body: models.Decision,
    asked: Key,
    expected: IfMatch,
) -> Response:
    """Decide on an item: grant it, or refuse it with reasons and remedies.

    Only the chief representative decides; where authorisations are required, under one that holds
    and covers the item, or the substitute in his absence. Where the authority is higher, he records
    the decision that was taken there and says which (`decided_above`), or sent it up and it came
    back (报批).
    """
    return await _end(request, who, [body.entry(task, expected)], asked, _single)


def _single(verdicts: list[Verdict]) -> Response:
    [verdict] = verdicts
    if isinstance(verdict, Problem):
        raise verdict
    return _json(models.ended(verdict), version=verdict.version)


async def _end(
    request: Request,
    who: Principal,
    entries: list[Entry],
    asked: idempotency.Asked,
    answer: Callable[[list[Verdict]], Response],
) -> Response:
    """End tasks in one transaction, and keep the answer; a Problem from `answer` undoes it all."""
    state = request.app.state
    with ExitStack() as spans:
        async with idempotency.once(state.pool, asked) as (conn, slot):
            if slot.stored is not None:
                return slot.stored
            verdicts = await deciding.decide(
                conn, clock=state.clock, who=who, entries=entries, spans=spans
            )
            return slot.keep(answer(verdicts))


@operations.get(
    "/silent-tasks",
    response_model=models.SilentPage,
    responses=problem_responses(BAD_CURSOR),
)
async def list_silent_tasks(
    request: Request,
    _who: Operator,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List open tasks whose silence should have been asked about: its time is over."""
    place = pages.decode(after, pages.instant, pages.whole) if after else None
    async with request.app.state.pool.acquire() as conn:
        rows = await store.silent_tasks(
            conn,
            before=request.app.state.clock.now(),
            after=None if place is None else (place[0], place[1]),
            rows=limit + 1,
        )
    shown, following = pages.split(
        rows, limit, lambda row: pages.encode(row["expires_at"] or row["promised_at"], row["id"])
    )
    return _page([dict(row) for row in shown], following)
