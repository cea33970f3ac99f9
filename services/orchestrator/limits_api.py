"""The limits beside those of tasks: their dates, their days, and the extension of a joint case."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.clocks import DocumentNumber
from services.contracts.vocabulary import LimitKind, Role, Unit
from services.domain.calendar import ZONE
from services.domain.limits import EMPTY, Ledger, explain
from services.domain.route import Budget, Route
from services.orchestrator import joint_extending, limit_store
from services.orchestrator.api import Number, Watcher
from services.orchestrator.conflict import OWN_APPLICATION
from services.orchestrator.explanation import view
from services.orchestrator.joint_extending import Asked
from services.orchestrator.models import DayView, Shown
from services.orchestrator.reprojection import Calendars
from services.orchestrator.store import Row, Store
from services.runtime.auth import Principal, require
from services.runtime.db import Connection
from services.runtime.web import idempotency
from services.runtime.web.problems import CONFLICT, INVALID, NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["limits"])
GovernmentHead = Annotated[Principal, Depends(require(Role.GOVERNMENT_HEAD))]
_store = Store()


class LimitView(Shown):
    """A limit beside promise and statute of a task, running or ended."""

    kind: LimitKind
    task: str | None = Field(description="Absent: it is the application's.")
    start_on: date
    days: int
    unit: Unit
    article: str = Field(examples=["行政许可法 42(2)"])
    due_on: date
    due_at: datetime
    provisional: bool
    ended_at: datetime | None = Field(description="When what it is for was done.")
    in_time: bool | None


class LimitList(Shown):
    """Every limit of an application beside those of its tasks."""

    items: list[LimitView]


class LimitDays(Shown):
    """A limit, day by day."""

    kind: LimitKind
    task: str | None
    start_on: date
    due_on: date
    days: int
    unit: Unit
    article: str
    calendar_version: str = Field(description="The calendar it is reckoned by.")
    lines: list[DayView]


class JointExtensionRequest(BaseModel):
    """The decision of the head of the government on a joint case."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"days": 15, "approval": "县府延〔2026〕1号", "reason": "涉及多部门论证，情况复杂"}
            ]
        },
    )

    days: int = Field(ge=1, le=400, description="Working days; fifteen at most.")
    approval: DocumentNumber = Field(description="Number of the written decision.")
    reason: str = Field(min_length=2, max_length=500, description="Told to the applicant.")


class JointExtensionAnswer(Shown):
    """The extension was recorded and is on its way to the workflow."""

    application: str
    days: int
    approval: str
    at: datetime


@router.get("/applications/{number}/limits", responses=problem_responses(NOT_FOUND))
async def list_limits(request: Request, _who: Watcher, number: Number) -> LimitList:
    """List the limits of the joint case, of first reviews and of deliveries that had to wait."""
    async with request.app.state.pool.acquire() as conn:
        await _head(conn, number)
        rows = await limit_store.limits_of(conn, number)
    return LimitList(items=[LimitView.model_validate(dict(row)) for row in rows])


@router.get("/applications/{number}/limits/{kind}", responses=problem_responses(NOT_FOUND))
async def explain_limit(
    request: Request,
    _who: Watcher,
    number: Number,
    kind: Annotated[LimitKind, Path(description="Which limit.")],
    task: Annotated[
        str | None, Query(max_length=200, description="Whose: of a first review, of a delivery.")
    ] = None,
) -> LimitDays:
    """Explain a limit day by day: counted or not, and by which article or notice."""
    async with request.app.state.pool.acquire() as conn:
        head = await _head(conn, number)
        rows = await limit_store.limits_of(conn, number)
        found = _chosen(rows, kind, task) or await _delivered(conn, head, kind, task)
    if found is None:
        raise Problem(NOT_FOUND)
    state = request.app.state
    calendars = Calendars(state.pool, lambda: state.shelf.calendar)
    calendar = await calendars.of(found["calendar_version"])
    budget = Budget(value=found["days"], unit=Unit(found["unit"]))
    lines = explain(budget, found["start_on"], calendar, found["ledger"])
    return LimitDays(
        kind=kind,
        task=task,
        start_on=found["start_on"],
        due_on=lines[-1].day,
        days=budget.value,
        unit=budget.unit,
        article=found["article"],
        calendar_version=calendar.version,
        lines=[view(line) for line in lines],
    )


@router.post(
    "/applications/{number}/joint-extensions",
    status_code=202,
    response_model=JointExtensionAnswer,
    responses=problem_responses(
        *(NOT_FOUND, CONFLICT, INVALID, OWN_APPLICATION),
        *(joint_extending.NO_JOINT_CASE, joint_extending.LIMIT_PASSED, *idempotency.PROBLEMS),
    ),
)
async def extend_joint(
    request: Request,
    who: GovernmentHead,
    number: Number,
    body: JointExtensionRequest,
    asked: Annotated[idempotency.Asked, Depends(idempotency.asked)],
) -> Any:
    """Extend the limit of a joint case, once; the applicant is told why (行政许可法 42(2))."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        at, head = state.clock.now(), await _head(conn, number)
        wish = Asked(days=body.days, approval=body.approval, reason=body.reason)
        await joint_extending.perform(
            conn, head=head, asked=wish, who=who, at=at, calendar=state.shelf.calendar
        )
        answer = JointExtensionAnswer(
            application=number, days=body.days, approval=body.approval, at=at
        )
        response = slot.keep(JSONResponse(answer.model_dump(mode="json"), status_code=202))
    state.deliverer.wake.set()
    return response


async def _head(conn: Connection, number: str) -> Row:
    row = await _store.get_application(conn, number)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


def _chosen(rows: Sequence[Row], kind: LimitKind, task: str | None) -> dict[str, Any] | None:
    for row in rows:
        if (row["kind"], row["task"]) == (kind, task):
            ledger = msgspec.json.decode(row["ledger"], type=Ledger)
            return {**dict(row), "ledger": ledger}
    return None


async def _delivered(
    conn: Connection, head: Row, kind: LimitKind, task: str | None
) -> dict[str, Any] | None:
    """Return the delivery of a licence that was released in the turn in which it was decided."""
    limits = msgspec.json.decode(head["route"], type=Route).limits
    if kind is not LimitKind.DELIVERY or task is None or limits is None or limits.delivery is None:
        return None
    _, _, rest = task.partition("/")
    row = await limit_store.licence_of(conn, head["number"], rest.partition("/")[0])
    if row is None:
        return None
    return {
        "calendar_version": head["calendar_version"],
        "days": limits.delivery.budget.value,
        "unit": limits.delivery.budget.unit,
        "start_on": row["decided_at"].astimezone(ZONE).date(),
        "ledger": EMPTY,
        "article": limits.delivery.article,
    }
