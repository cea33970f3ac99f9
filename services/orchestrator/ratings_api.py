"""The follow-ups of bad ratings: listed, answered by the department, closed by the supervision."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import FollowUpState, Grade, Role
from services.orchestrator import ratings
from services.orchestrator.models import EXAMPLE_NUMBER, Shown
from services.orchestrator.ratings import QUERIES
from services.orchestrator.store import Row
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency, pages
from services.runtime.web.pages import Page
from services.runtime.web.problems import CONFLICT, NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1/supervision/follow-ups", tags=["supervision"])
LEADERS = (Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
WATCHERS = (Role.SUPERVISOR, Role.OPERATOR)
Reader = Annotated[Principal, Depends(require(*WATCHERS, *LEADERS))]
Leader = Annotated[Principal, Depends(require(*LEADERS))]
Supervisor = Annotated[Principal, Depends(require(Role.SUPERVISOR))]
Once = Annotated[idempotency.Asked, Depends(idempotency.asked)]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The follow-up.", examples=[17])]
_ACT = problem_responses(NOT_FOUND, CONFLICT, *idempotency.PROBLEMS)


class FollowUpView(Shown):
    """The follow-up of one bad rating. The comment is read at intake, where it is kept."""

    id: int = Field(examples=[17])
    application: str = Field(examples=[EXAMPLE_NUMBER])
    department: str
    grade: Grade = Field(examples=["dissatisfied"])
    state: FollowUpState
    opened_at: datetime
    due_on: date = Field(description="Last day for answering and closing it.")
    due_at: datetime
    overdue: bool = Field(description="Not closed at the end of its term.")
    answer: str | None
    answered_at: datetime | None
    closing: str | None = Field(description="What the supervision found.")
    closed_at: datetime | None
    comment: str = Field(
        description="Where the applicant's words are read: a path of intake.",
        examples=[f"/v1/applications/{EXAMPLE_NUMBER}/ratings"],
    )


class FollowUpPage(Page):
    """A page of follow-ups, the next term first."""

    items: list[FollowUpView]


class FollowUpText(BaseModel):
    """What the department answers, or what the supervision found. Names nobody."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [{"text": "已向申请人当面说明，窗口今后一次告知全部要求。"}]
        },
    )

    text: str = Field(min_length=2, max_length=2000)


@router.get("")
async def list_follow_ups(
    request: Request,
    who: Reader,
    department: Annotated[
        str | None, Query(max_length=64, description="Only of this department.")
    ] = None,
    state: Annotated[FollowUpState | None, Query(description="Only in this state.")] = None,
    overdue: Annotated[
        bool | None, Query(description="Only those that are (or are not) past their term, open.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> FollowUpPage:
    """List the follow-ups of bad ratings in the order of their terms.

    A department sees its own alone.
    """
    at, id_ = pages.decode(after, pages.instant, pages.whole) if after else (None, None)
    if not who.has(*WATCHERS):
        department = who.department or ""
    now = request.app.state.clock.now()
    async with request.app.state.pool.acquire() as conn:
        found = QUERIES.list_follow_ups(
            conn,
            department=department,
            state=state,
            overdue=overdue,
            now=now,
            after_at=at,
            after_id=id_,
            at_most=limit + 1,
        )
        rows = [row async for row in found]
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["due_at"], row["id"]))
    return FollowUpPage(items=[_view(row, now) for row in shown], next=following)


@router.post("/{follow_up}/answers", status_code=201, response_model=FollowUpView, responses=_ACT)
async def answer_follow_up(
    request: Request, who: Leader, follow_up: Id, body: FollowUpText, asked: Once
) -> Any:
    """Answer a bad rating for the department, once; the applicant reads the answer."""
    return await _act(request, who, follow_up, body, asked, ratings.answer)


@router.post("/{follow_up}/closures", status_code=201, response_model=FollowUpView, responses=_ACT)
async def close_follow_up(
    request: Request, who: Supervisor, follow_up: Id, body: FollowUpText, asked: Once
) -> Any:
    """Close a follow-up that the department has answered, with what was found."""
    return await _act(request, who, follow_up, body, asked, ratings.close)


async def _act(
    request: Request,
    who: Principal,
    id_: int,
    body: FollowUpText,
    asked: idempotency.Asked,
    act: Any,
) -> Any:
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        now = state.clock.now()
        row = await act(conn, who, id_, body.text, now)
        view = _view(row, now)
        return slot.keep(JSONResponse(view.model_dump(mode="json"), status_code=201))


def _view(row: Row, now: datetime) -> FollowUpView:
    closed, answered = row["closed_at"], row["answered_at"]
    state = FollowUpState.ANSWERED if answered else FollowUpState.OPEN
    return FollowUpView(
        **{name: row[name] for name in FollowUpView.model_fields if name in row.keys()},  # noqa: SIM118 - a Record iterates over values
        state=FollowUpState.CLOSED if closed else state,
        overdue=closed is None and now > row["due_at"],
        comment=f"/v1/applications/{row['application']}/ratings",
    )
