"""The routes of catalogue versions: what was approved is public, approving is the supervisor's."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.intake import approvals, problems
from services.intake.api import Once, Tools
from services.intake.approvals_shown import ApprovalGiven, ApprovalList, ApprovalShown, PendingList
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1/catalogue", tags=["catalogue"])
Supervisor = Annotated[Principal, Depends(require(Role.SUPERVISOR))]


@router.get("/approvals")
async def list_approvals(parts: Tools) -> ApprovalList:
    """Read which versions of the catalogue may be used, since when, why, and what each changed."""
    return await approvals.listed(parts)


@router.get("/pending")
async def list_pending(_who: Supervisor, parts: Tools) -> PendingList:
    """Read the versions that wait for an approval, each with all that it would change."""
    return approvals.pending(parts)


@router.post(
    "/approvals",
    status_code=201,
    response_model=ApprovalShown,
    responses=problem_responses(
        *idempotency.PROBLEMS, NOT_FOUND, problems.APPROVED, problems.APPROVAL_REFUSED
    ),
)
async def approve_version(
    given: ApprovalGiven, who: Supervisor, asked: Once, parts: Tools
) -> Response:
    """Approve a version: new applications rest on it from its day on, running ones keep theirs.

    What takes an item back out of the centre, changes a fee or a list of materials is told in the
    answer and to the public. The content approved cannot be changed any more.
    """
    return await approvals.approve(parts, who, asked, given)
