"""The routes of documents: one's own, sealed; and remedies against decisions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, Response, StreamingResponse

from services.contracts.vocabulary import Role
from services.intake import contesting, issuing, problems
from services.intake.api import Investor, Number, Once, Tools
from services.intake.shown_documents import (
    DocumentList,
    RemedyEnded,
    RemedyGiven,
    RemedyList,
    RemedyShown,
)
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1", tags=["documents"])
Supervisor = Annotated[Principal, Depends(require(Role.SUPERVISOR))]
Concerned = Annotated[Principal, Depends(require(Role.INVESTOR, Role.SUPERVISOR))]
Name = Annotated[
    str,
    PathParameter(
        max_length=60,
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="`submission`, `correction-<n>`, `notice-<round>`, `acceptance` or "
        "`result-<item>`.",
        examples=["result-FIRE-DESIGN"],
    ),
]
Item = Annotated[
    str, PathParameter(max_length=64, description="Code of the item that was decided.")
]


def _file(media_type: str, what: str) -> dict[int | str, dict[str, object]]:
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": what}}


@router.get(
    "/applications/{application}/documents",
    responses=problem_responses(NOT_FOUND, problems.NO_CATALOGUE),
)
async def list_documents(number: Number, who: Investor, parts: Tools) -> DocumentList:
    """List the documents there are by now: receipts, grants, refusals."""
    return await issuing.listed(parts, who, number)


@router.get(
    "/applications/{application}/documents/{name}",
    response_class=Response,
    responses=problem_responses(NOT_FOUND, problems.NO_CATALOGUE, problems.NO_SEAL)
    | _file(issuing.PDF, "The document, PDF/A-2b with a PAdES signature."),
)
async def read_document(number: Number, name: Name, who: Investor, parts: Tools) -> Response:
    """Get a document as a sealed PDF; made when first asked for, then the same bytes for ever."""
    path, file_name = await issuing.document(parts, who, number, name)
    return FileResponse(
        path,
        media_type=issuing.PDF,
        filename=file_name,
        content_disposition_type="attachment",
    )


@router.get(
    "/applications/{application}/bundle",
    response_class=Response,
    responses=problem_responses(NOT_FOUND, problems.NO_CATALOGUE, problems.NO_SEAL)
    | _file("application/zip", "Every document there is by now, with an index."),
)
async def read_bundle(number: Number, who: Investor, parts: Tools) -> Response:
    """Get every document there is by now as one archive, with an index and the certificate."""
    return StreamingResponse(
        await issuing.bundled(parts, who, number),
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{number}.zip"'},
    )


@router.get(
    "/applications/{application}/results/{item}/remedies", responses=problem_responses(NOT_FOUND)
)
async def list_remedies(number: Number, item: Item, who: Concerned, parts: Tools) -> RemedyList:
    """List the reviews and suits noted against a decision, and what they leave of it."""
    return await contesting.listed(parts, who, number, item)


@router.post(
    "/applications/{application}/results/{item}/remedies",
    status_code=201,
    response_model=RemedyShown,
    responses=problem_responses(
        *idempotency.PROBLEMS, NOT_FOUND, problems.OWN_APPLICATION, problems.REMEDY_NOTED
    ),
)
async def note_remedy(
    number: Number, item: Item, given: RemedyGiven, who: Supervisor, asked: Once, parts: Tools
) -> Response:
    """Note that an administrative review or a suit was filed against a decision."""
    return await contesting.note(parts, who, asked, number, item, given)


@router.post(
    "/applications/{application}/results/{item}/remedies/{remedy}/outcome",
    response_model=RemedyShown,
    responses=problem_responses(
        *idempotency.PROBLEMS, NOT_FOUND, problems.OWN_APPLICATION, problems.REMEDY_ENDED
    ),
)
async def end_remedy(
    number: Number,
    item: Item,
    remedy: Annotated[UUID, PathParameter(description="Id of the remedy.")],
    given: RemedyEnded,
    who: Supervisor,
    asked: Once,
    parts: Tools,
) -> Response:
    """Note how a review or a suit ended; an annulled decision stands so in the register."""
    return await contesting.end(parts, who, asked, number, item, remedy, given)
