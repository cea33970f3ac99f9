"""The routes of acceptance: where it stands, and handing in what is missing."""

from fastapi import APIRouter
from starlette.responses import Response

from services.intake import problems, supplement, supplement_reading
from services.intake.api import Investor, Number, Once, Tools
from services.intake.supplement_shown import AcceptanceShown, SupplementGiven, SupplementTaken
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1", tags=["acceptance"])


@router.get("/applications/{application}/acceptance", responses=problem_responses(NOT_FOUND))
async def read_acceptance(number: Number, who: Investor, parts: Tools) -> AcceptanceShown:
    """Read how far the acceptance is: who looks, until when, what is missing, the receipts."""
    return await supplement_reading.read(parts, who, number)


@router.post(
    "/applications/{application}/supplements",
    status_code=202,
    response_model=SupplementTaken,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        NOT_FOUND,
        problems.NOTHING_TO_SUPPLEMENT,
        problems.CORRECTION_CLOSED,
        problems.CONCLUDED,
        problems.WITHDRAWN,
        problems.INCOMPLETE,
    ),
)
async def supplement_application(
    number: Number, given: SupplementGiven, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Hand in what a notice asks for, piece by piece; correct a paper; hand in what may follow.

    Only departments that asked for something look again, and those that use a paper that changed.
    """
    return await supplement.hand_in(parts, who, asked, number, given)
