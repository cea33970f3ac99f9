"""The queues' API of clocks: pauses with written notice, their ends, extensions."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.clocks import DocumentNumber
from services.contracts.vocabulary import Approver, PauseKind, Unit
from services.departments import clocks_store, problems, store
from services.departments.clocks import Changed, Clocks, ExtensionAsked, PauseAsked
from services.departments.models import TASK, Asked, Ref, Written
from services.departments.scope import sight_of
from services.departments.web import (
    KEYED,
    ON_TASK,
    IfMatch,
    Key,
    Officer,
    Reader,
    TaskId,
    answer,
    once,
    plain,
)
from services.runtime.web import etag
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1/tasks", tags=["clocks"])
NOTICE = "消审听告〔2026〕3号"
CLOCKS = (*ON_TASK, *KEYED, *etag.PROBLEMS, problems.CLAIMED, problems.WRONG_PART)
Number = Annotated[int, Path(ge=1, le=99, description="Number of the pause, from 1.")]


class NewPause(Asked):
    """A procedure whose time is not counted, and the written notice of the time it needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "expert_review",
                    "until": "2026-03-20",
                    "notice": NOTICE,
                    "reason": "超限高层建筑，须组织专家评审",
                }
            ]
        }
    )

    kind: PauseKind = Field(description="One that the catalogue lists for the item.")
    until: date = Field(description="The last day that is not counted, as the notice names it.")
    notice: DocumentNumber | None = Field(
        default=None, description="Number of the written notice; without one the clock runs on."
    )
    reason: Written = Field(description="Told to the applicant.")


class NewExtension(Asked):
    """More days, approved by whoever the catalogue names."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "days": 10,
                    "approver": "department_head",
                    "approval": "住建延〔2026〕7号",
                    "reason": "工程技术复杂，需进一步论证",
                }
            ]
        }
    )

    days: int = Field(ge=1, le=400, description="In the unit of the catalogue's rule.")
    approver: Approver
    approval: DocumentNumber = Field(description="Number of the approver's written decision.")
    reason: Written = Field(description="Told to the applicant.")


class ClockChanged(BaseModel):
    """The act is recorded; the dates that follow from it come in a moment."""

    id: int
    task: str = Field(examples=[TASK])
    number: int = Field(description="Of the pause or extension, from 1.")
    at: datetime
    version: int


class PauseView(BaseModel):
    """A pause. It lasts until `ended_on`, or `until_on` when nobody has ended it before."""

    number: int
    kind: PauseKind
    from_on: date
    until_on: date
    ended_on: date | None
    cap_value: int | None = Field(description="What the law had left for it.")
    cap_unit: Unit | None
    notice: str = Field(examples=[NOTICE])
    article: str
    reason: str
    actor_ref: Ref
    at: datetime


class ExtensionView(BaseModel):
    """An extension of the statutory limit."""

    number: int
    days: int
    unit: Unit
    approver: Approver
    approval: str
    article: str
    reason: str
    actor_ref: Ref
    at: datetime


class ClockView(BaseModel):
    """Everything that was done to a task's clock."""

    pauses: list[PauseView]
    extensions: list[ExtensionView]


@router.get(
    "/{id}/clock",
    response_model=ClockView,
    responses=problem_responses(problems.NO_DEPARTMENT, NOT_FOUND),
)
async def read_clock(request: Request, who: Reader, task: TaskId) -> Response:
    """Read a task's pauses and extensions, first to last."""
    sight = sight_of(who)
    async with request.app.state.pool.acquire() as conn:
        if await store.read_task(conn, task, sight) is None:
            raise Problem(NOT_FOUND)
        pauses = await clocks_store.pauses_of(conn, task, sight)
        extensions = await clocks_store.extensions_of(conn, task, sight)
    return answer(
        {
            "pauses": [plain(row, PauseView) for row in pauses],
            "extensions": [plain(row, ExtensionView) for row in extensions],
        }
    )


@router.post(
    "/{id}/pauses",
    status_code=201,
    response_model=ClockChanged,
    responses=problem_responses(
        *CLOCKS,
        problems.NOT_AUTHORISED,
        problems.PAUSED,
        problems.LIMIT_OVER,
        problems.PAUSE_INVALID,
    ),
)
async def pause_task(
    request: Request, who: Officer, task: TaskId, body: NewPause, asked: Key, expected: IfMatch
) -> Response:
    """Stop a task's clock for a procedure that is not counted (行政许可法 45).

    It needs a written notice of the time needed, and ends on the day the notice names. The promise
    of a merged step stops for all who sign it.
    """
    wanted = PauseAsked(kind=body.kind, until=body.until, notice=body.notice, reason=body.reason)
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        acts = _acts(request)
        return slot.keep(_answer(await acts.pause(conn, who, task, wanted, expected)))


@router.post(
    "/{id}/pauses/{number}/end",
    response_model=ClockChanged,
    responses=problem_responses(*CLOCKS, problems.NOT_AUTHORISED, problems.NOT_PAUSED),
)
async def end_pause(
    request: Request, who: Officer, task: TaskId, number: Number, asked: Key, expected: IfMatch
) -> Response:
    """End a pause before its day: today is still not counted, the next day is."""
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        acts = _acts(request)
        ended = await acts.end_pause(conn, who, task, number, expected)
        return slot.keep(_answer(ended, status=200))


@router.post(
    "/{id}/extensions",
    status_code=201,
    response_model=ClockChanged,
    responses=problem_responses(
        *CLOCKS,
        problems.REPRESENTATIVE_REQUIRED,
        problems.NOT_AUTHORISED,
        problems.EXTENSION_UNAPPROVED,
        problems.LIMIT_OVER,
        problems.EXTENSION_INVALID,
    ),
)
async def extend_task(
    request: Request, who: Officer, task: TaskId, body: NewExtension, asked: Key, expected: IfMatch
) -> Response:
    """Record that a task's statutory limit was extended (行政许可法 42). The promise stays.

    Where written authorisations are required, propose it (`extension-proposals`): its approver
    answers himself.
    """
    wanted = ExtensionAsked(
        days=body.days, approver=body.approver, approval=body.approval, reason=body.reason
    )
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        acts = _acts(request)
        return slot.keep(_answer(await acts.extend(conn, who, task, wanted, expected)))


def _acts(request: Request) -> Clocks:
    return Clocks(request.app.state.clock, request.app.state.shelf)


def _answer(changed: Changed, *, status: int = 201) -> Response:
    return answer(plain(changed, ClockChanged), status=status, version=changed.version)
