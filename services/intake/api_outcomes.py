"""The routes of written answers before an application: no licence needed, or not in our power."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, Response

from services.intake import issuing, outcomes, problems
from services.intake.api import Investor, Once, Tools
from services.intake.numbering import is_inquiry
from services.intake.outcomes_shown import EXAMPLE_INQUIRY, InquiryGiven, InquiryShown
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1/inquiries", tags=["inquiries"])


async def sound_number(
    inquiry: Annotated[
        str,
        PathParameter(
            description="Number of the answer.", max_length=40, examples=[EXAMPLE_INQUIRY]
        ),
    ],
) -> str:
    """FastAPI dependency: an answer's number. Raises Problem 404 for what can be none."""
    if not is_inquiry(inquiry):
        raise Problem(NOT_FOUND)
    return inquiry


Inquiry = Annotated[str, Depends(sound_number)]


@router.post(
    "",
    status_code=201,
    response_model=InquiryShown,
    responses=problem_responses(
        *idempotency.PROBLEMS, problems.FACTS, problems.LICENCE_NEEDED, problems.NO_CATALOGUE
    ),
)
async def ask_in_writing(given: InquiryGiven, who: Investor, asked: Once, parts: Tools) -> Response:
    """Get it in writing that no licence is needed, or that another authority is in power.

    行政许可法 32(1), 32(2). Where something is to be applied for here, the answer is 409 and says
    what.
    """
    return await outcomes.ask(parts, who, asked, given)


@router.get("/{inquiry}", responses=problem_responses(NOT_FOUND))
async def read_inquiry(number: Inquiry, who: Investor, parts: Tools) -> InquiryShown:
    """Read a written answer of one's own."""
    return await outcomes.read(parts, who, number)


@router.get(
    "/{inquiry}/document",
    response_class=Response,
    responses=problem_responses(NOT_FOUND, problems.NO_CATALOGUE, problems.NO_SEAL)
    | {
        200: {
            "content": {issuing.PDF: {"schema": {"type": "string", "format": "binary"}}},
            "description": "The answer, PDF/A-2b with a PAdES signature.",
        }
    },
)
async def read_inquiry_document(number: Inquiry, who: Investor, parts: Tools) -> Response:
    """Get the answer as a sealed PDF; made when first asked for, then the same bytes for ever."""
    path, file_name = await outcomes.document(parts, who, number)
    return FileResponse(
        path,
        media_type=issuing.PDF,
        filename=file_name,
        content_disposition_type="attachment",
    )
