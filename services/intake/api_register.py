"""The routes that everybody may use about results: the register, and the check of a document."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from starlette.responses import Response

from services.intake import register
from services.intake.parts import Parts, parts_of
from services.intake.problems import NO_SEAL
from services.intake.register import Wanted
from services.intake.shown_documents import (
    CODE_PATTERN,
    EXAMPLE_CODE,
    EXAMPLE_GRANT,
    Grant,
    GrantPage,
    Verification,
)
from services.runtime.web import pages
from services.runtime.web.problems import BAD_CURSOR, NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1/public", tags=["register"])
Tools = Annotated[Parts, Depends(parts_of)]
_CSV = "text/csv; charset=utf-8"


def wanted(
    item: Annotated[str | None, Query(max_length=64, description="Code of an item.")] = None,
    department: Annotated[
        str | None, Query(max_length=64, description="Code of the department that decided.")
    ] = None,
    project_code: Annotated[str | None, Query(max_length=64, description="A project.")] = None,
    since: Annotated[
        date | None, Query(description="First local day of release.", ge=date(2000, 1, 1))
    ] = None,
    until: Annotated[
        date | None, Query(description="Last local day of release.", le=date(2100, 1, 1))
    ] = None,
) -> Wanted:
    """FastAPI dependency: which grants are asked for."""
    return Wanted(item=item, department=department, project=project_code, since=since, until=until)


Filter = Annotated[Wanted, Depends(wanted)]


@router.get("/results", responses=problem_responses(BAD_CURSOR))
async def list_grants(
    parts: Tools, which: Filter, limit: pages.Limit = pages.USUAL_PAGE, after: pages.After = None
) -> GrantPage:
    """List what was granted, newest first (行政许可法 40): the public register."""
    return await register.grants(parts, which, limit, after)


@router.get(
    "/results.csv",
    response_class=Response,
    responses=problem_responses(BAD_CURSOR)
    | {
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "description": "The same page as CSV; `Link: <...>; rel=next` leads to the next.",
        }
    },
)
async def list_grants_as_csv(
    request: Request,
    parts: Tools,
    which: Filter,
    limit: pages.Limit = pages.LARGEST_PAGE,
    after: pages.After = None,
) -> Response:
    """Get a page of the public register as a table for spreadsheets."""
    page = await register.grants(parts, which, limit, after)
    headers = {"content-disposition": 'attachment; filename="results.csv"'}
    if page.next is not None:
        following = request.url.include_query_params(after=page.next)
        headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Response(register.as_csv(page), media_type=_CSV, headers=headers)


@router.get("/results/{number:path}", responses=problem_responses(NOT_FOUND))
async def read_grant(
    number: Annotated[
        str,
        PathParameter(
            max_length=200, description="Number of the document granted.", examples=[EXAMPLE_GRANT]
        ),
    ],
    parts: Tools,
) -> Grant:
    """Read one grant of the public register by its number, and whether it still stands."""
    return await register.grant(parts, number)


@router.get("/verification", responses=problem_responses(NOT_FOUND))
async def verify_document(
    parts: Tools,
    number: Annotated[
        str, Query(max_length=200, description="Number on the document.", examples=[EXAMPLE_GRANT])
    ],
    code: Annotated[
        str, Query(pattern=CODE_PATTERN, description="Code beside it.", examples=[EXAMPLE_CODE])
    ],
) -> Verification:
    """Check a document that one holds: its QR code leads here.

    Number and code together show what it says, its SHA-256 and whether the decision still stands;
    one without the other shows nothing.
    """
    return await register.verification(parts, number, code)


@router.get(
    "/seal-certificate",
    response_class=Response,
    responses=problem_responses(NO_SEAL)
    | {
        200: {
            "content": {"application/x-pem-file": {"schema": {"type": "string"}}},
            "description": "The certificate, PEM.",
        }
    },
)
async def read_seal_certificate(parts: Tools) -> Response:
    """Get the certificate that documents are sealed with, to check signatures offline."""
    if parts.press is None:
        raise Problem(NO_SEAL)
    return Response(parts.press.seal.pem, media_type="application/x-pem-file")
