"""The API of longer limits: proposed by whoever has the task, answered by the approver."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.clocks import DocumentNumber
from services.contracts.vocabulary import Approver, Role, Unit
from services.departments import above, extending, models, problems
from services.departments import extending_store as store
from services.departments.clocks import Clocks
from services.departments.extending import ApproverAnswer
from services.departments.models import TASK, Asked, Ref, Written
from services.departments.scope import queue_of
from services.departments.web import (
    KEYED,
    LISTING,
    ON_TASK,
    Department,
    Head,
    IfMatch,
    Key,
    Officer,
    Reader,
    TaskId,
    answer,
    number_in_path,
    once,
    page,
    plain,
)
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.pages import Page
from services.runtime.web.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["clocks"])
ProposalId = Annotated[int, number_in_path("Number of the proposal.")]


class NewProposal(Asked):
    """More days than the statutory limit has, for the approver whom the catalogue names."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"days": 10, "approver": "department_head", "reason": "工程技术复杂，需进一步论证"}
            ]
        }
    )

    days: int = Field(ge=1, le=400, description="In the unit of the catalogue's rule.")
    approver: Approver
    reason: Written = Field(description="Told to the applicant when it is approved.")


class Proposed(BaseModel):
    """It was proposed, and is to be answered until `due_at`."""

    id: int
    task: str = Field(examples=[TASK])
    approver: Approver
    due_at: datetime
    version: int


class NewAnswer(Asked):
    """What the approver said, and the number of the document that says so."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answer": "approved", "document": "住建延〔2026〕7号"}]}
    )

    answer: ApproverAnswer
    document: DocumentNumber = Field(
        description="The head's own decision; else the one of whoever has to approve."
    )


class Answered(BaseModel):
    """It was answered; approved, the limit is longer from now on."""

    id: int
    task: str = Field(examples=[TASK])
    answer: ApproverAnswer
    extension: int | None = Field(description="Number of the extension, when it was approved.")
    answered_at: datetime
    version: int


class ProposalView(BaseModel):
    """A longer limit that was proposed, and what was answered."""

    id: int
    task_id: TaskId
    task: str = Field(examples=[TASK])
    application: str
    item: str
    days: int
    unit: Unit
    approver: Approver
    reason: str
    authorisation_id: int | None
    asked_by: Ref
    asked_role: Role
    asked_at: datetime
    due_at: datetime
    answer: ApproverAnswer | None
    document: str | None
    answered_by: Ref | None
    answered_at: datetime | None


class ProposalPage(Page):
    """A page of proposals, soonest due first."""

    items: list[ProposalView]


@router.post(
    "/tasks/{id}/extension-proposals",
    status_code=201,
    response_model=Proposed,
    responses=problem_responses(
        *ON_TASK,
        *idempotency.PROBLEMS,
        *etag.PROBLEMS,
        problems.CLAIMED,
        problems.WRONG_PART,
        problems.REPRESENTATIVE_REQUIRED,
        problems.NOT_AUTHORISED,
        problems.LIMIT_OVER,
        problems.EXTENSION_PROPOSED,
        problems.EXTENSION_INVALID,
    ),
)
async def propose_extension(
    request: Request, who: Officer, task: TaskId, body: NewProposal, asked: Key, expected: IfMatch
) -> Response:
    """Propose that a task's statutory limit be extended (行政许可法 42).

    Nothing is longer before the approver has answered.
    """
    state = request.app.state
    step = above.Step(budget=state.settings.approval_above_days, calendar=state.shelf.calendar)
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await extending.propose(
            conn,
            clock=state.clock,
            clocks=Clocks(state.clock, state.shelf),
            step=step,
            who=who,
            task=task,
            days=body.days,
            approver=body.approver,
            reason=body.reason,
            expected=expected,
        )
        return slot.keep(answer(plain(found, Proposed), status=201, version=found.version))


@router.get(
    "/extension-proposals", response_model=ProposalPage, responses=problem_responses(*LISTING)
)
async def list_extension_proposals(
    request: Request,
    who: Reader,
    department: Department = None,
    state: Annotated[
        Literal["open", "any"], Query(description="Not answered yet, or all.")
    ] = "any",
    task: Annotated[
        int | None, Query(ge=1, le=models.LARGEST_ID, description="Number of a task.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List the longer limits that were proposed in a department, soonest due first."""
    queue = queue_of(who, department)
    place = pages.decode(after, pages.instant, pages.whole) if after else None
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_proposals(
            conn,
            queue,
            task=task,
            unanswered=state == "open",
            after=None if place is None else (place[0], place[1]),
            rows=limit + 1,
        )
    return page(rows, limit, ProposalView, "due_at", "id")


@router.post(
    "/extension-proposals/{id}/answer",
    response_model=Answered,
    responses=problem_responses(
        *ON_TASK,
        *KEYED,
        problems.ANOTHER_PERSON,
        problems.EXTENSION_ANSWERED,
        problems.LIMIT_OVER,
        problems.EXTENSION_INVALID,
    ),
)
async def answer_extension(
    request: Request, who: Head, id_: ProposalId, body: NewAnswer, asked: Key
) -> Response:
    """Answer a proposal: one's own decision, or the document of whoever has to approve."""
    state = request.app.state
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await extending.answer(
            conn,
            clock=state.clock,
            clocks=Clocks(state.clock, state.shelf),
            who=who,
            id_=id_,
            said=body.answer,
            document=body.document,
        )
        return slot.keep(answer(plain(found, Answered), version=found.version))
