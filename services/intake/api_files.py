"""The routes of files: uploads of investors, dossiers of departments that take part."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi import Path as PathParameter
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.intake import dossier, problems, uploads
from services.intake.api import Investor, Number, Once, Tools
from services.intake.settings import UploadSettings
from services.intake.shown import Dossier, UploadShown
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency
from services.runtime.web.problems import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    MEDIA_TYPE_UNSUPPORTED,
    NOT_FOUND,
    problem_responses,
)

router = APIRouter(prefix="/v1")
UploadId = Annotated[UUID, PathParameter(description="Id of the upload.")]
Reader = Annotated[
    Principal,
    Depends(require(Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.SUPERVISOR)),
]
FILE_CONTENT = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    "description": "The file, as an attachment.",
}
UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                },
                "example": {"file": "总平面图.pdf"},
            }
        },
    }
}


def limits_of(request: Request) -> UploadSettings:
    """FastAPI dependency: what files may be like."""
    found: UploadSettings = request.app.state.uploads
    return found


@router.post(
    "/uploads",
    status_code=201,
    tags=["uploads"],
    response_model=UploadShown,
    openapi_extra=UPLOAD_FORM,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        BAD_REQUEST,
        BODY_TOO_LARGE,
        MEDIA_TYPE_UNSUPPORTED,
        problems.FILE_REFUSED,
    ),
)
async def upload_file(
    request: Request,
    who: Investor,
    asked: Once,
    parts: Tools,
    limits: Annotated[UploadSettings, Depends(limits_of)],
    content_type: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Hand in one file: PDF, PNG, JPEG, DOCX or XLSX, as the one part `file` of a form."""
    return await uploads.receive(parts, who, asked, content_type, request.stream(), limits)


@router.get(
    "/uploads/{upload}",
    tags=["uploads"],
    response_class=Response,
    responses=problem_responses(NOT_FOUND) | {200: FILE_CONTENT},
)
async def read_upload(upload: UploadId, who: Investor, parts: Tools) -> Response:
    """Get a file of one's own back."""
    return uploads.as_attachment(parts, await uploads.get(parts, who, upload))


@router.get(
    "/applications/{application}/dossier", tags=["dossiers"], responses=problem_responses(NOT_FOUND)
)
async def read_dossier(number: Number, who: Reader, parts: Tools) -> Dossier:
    """Read project, applicant, agent and papers: for departments that take part, and supervisors.

    Every look is recorded.
    """
    return await dossier.read(parts, who, number)


@router.get(
    "/applications/{application}/materials/{material}/file",
    tags=["dossiers"],
    response_class=Response,
    responses=problem_responses(NOT_FOUND) | {200: FILE_CONTENT},
)
async def read_material_file(
    number: Number,
    material: Annotated[str, PathParameter(max_length=64, description="Catalogue id.")],
    who: Reader,
    parts: Tools,
    sha256: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{64}$", description="An older file of it; default: the newest."),
    ] = None,
) -> Response:
    """Get the file of a material. Every look is recorded."""
    row = await dossier.material_file(parts, who, number, material, sha256)
    return uploads.as_attachment(parts, row)


@router.get(
    "/applications/{application}/agent/authorisation",
    tags=["dossiers"],
    response_class=Response,
    responses=problem_responses(NOT_FOUND) | {200: FILE_CONTENT},
)
async def read_authorisation(number: Number, who: Reader, parts: Tools) -> Response:
    """Get the file that authorises the agent. Every look is recorded."""
    return uploads.as_attachment(parts, await dossier.authorisation(parts, who, number))
