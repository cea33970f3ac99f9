"""The operator API of clocks: moves of dates, and the projection of all cases onto new days."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import DateChange, LimitKind
from services.orchestrator import clock_store, reprojection
from services.orchestrator.api import Number, Operator, Watcher
from services.orchestrator.models import Shown
from services.orchestrator.store import Store
from services.runtime.web import idempotency, pages
from services.runtime.web.pages import Page
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["clocks"])
_store = Store()


class ReprojectionRequest(BaseModel):
    """Why all running applications are to be reckoned by the calendar in force here."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "国务院办公厅关于2027年部分节假日安排的通知"}]},
    )

    reason: str = Field(
        min_length=2, max_length=500, description="The notice; stands with each application."
    )


class ReprojectionAnswer(Shown):
    """How many applications were asked; each records what moved in its own turn."""

    calendar_version: str = Field(examples=["2024-2026-1f0c7a2e"])
    applications: int = Field(description="Running applications under another calendar.")
    at: datetime


class DateChangeView(Shown):
    """One move of a date that had been told. Instants are the close of business."""

    task: str | None = Field(description="Absent when something of the whole was moved.")
    why: DateChange
    ref: UUID | None = Field(description="The message that moved it.")
    at: datetime
    promised_before: datetime | None
    promised_after: datetime | None
    statutory_before: datetime | None
    statutory_after: datetime | None
    limit_kind: LimitKind | None = Field(description="The limit that was moved, and no promise.")
    limit_before: datetime | None
    limit_after: datetime | None


class DateChangePage(Page):
    """A page of moves, oldest first."""

    items: list[DateChangeView]


@router.post(
    "/calendar/reprojections",
    status_code=202,
    response_model=ReprojectionAnswer,
    responses=problem_responses(*idempotency.PROBLEMS),
)
async def reproject(
    request: Request,
    who: Operator,
    body: ReprojectionRequest,
    asked: Annotated[idempotency.Asked, Depends(idempotency.asked)],
) -> Any:
    """Project all running applications onto the calendar that this service has read.

    First put the new year's file into the calendar folder of every service and start them anew.
    What was told as a day in a notice (the term of a rectification, the end of a pause) stays.
    """
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        at, calendar = state.clock.now(), state.shelf.calendar
        number = await reprojection.perform(
            conn, calendar=calendar, reason=body.reason, actor_ref=who.ref, at=at
        )
        answer = ReprojectionAnswer(calendar_version=calendar.version, applications=number, at=at)
        response = slot.keep(JSONResponse(answer.model_dump(mode="json"), status_code=202))
    state.deliverer.wake.set()
    return response


@router.get("/applications/{number}/date-changes", responses=problem_responses(NOT_FOUND))
async def list_date_changes(
    request: Request,
    _who: Watcher,
    number: Number,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> DateChangePage:
    """List every move of a date of an application: what it was, what it is, and why."""
    turn, place = pages.decode(after, pages.small, pages.small) if after else (0, 0)
    async with request.app.state.pool.acquire() as conn:
        if await _store.get_application(conn, number) is None:
            raise Problem(NOT_FOUND)
        rows = await clock_store.date_changes_of(conn, number, (turn, place), limit + 1)
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["turn"], row["place"]))
    return DateChangePage(
        items=[DateChangeView.model_validate(dict(row)) for row in shown], next=following
    )
