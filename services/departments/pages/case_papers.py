"""Looking at one paper of a case, in the page: PDF and images; the rest is saved first."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from services.departments import case_store
from services.departments.pages.case import Visit, Visiting
from services.departments.pages.case_reading import catalogue_of
from services.departments.papers import Paper, Papers
from services.departments.scope import sight_of
from services.departments.store import Row
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site.session import LoginNeededError, sessions_of

router = APIRouter(include_in_schema=False)
INLINE = {"application/pdf": "frame", "image/png": "image", "image/jpeg": "image"}
POLICY = "default-src 'none'; object-src 'self'; frame-ancestors 'self'"
Material = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,64}$")]
Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$")]
Edition = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")]


@router.get("/tasks/{task}/papers/{material}")
async def paper_page(visit: Visiting, material: Material, sha256: Edition = None) -> Response:
    """Show one paper, and the others of the same material."""
    row, there = await _there(visit, material)
    chosen = _chosen(there, sha256)
    catalogue = catalogue_of(visit.request.app.state.shelf, row["catalogue_version"])
    known = catalogue.material_by_id.get(material) if catalogue is not None else None
    return visit.site.page(
        visit.request,
        "departments/case_paper.html",
        session=visit.session,
        row=row,
        back_to=visit.path,
        paper=chosen,
        name=None if known is None else known.name,
        material=material,
        editions=there,
        shown=INLINE.get(chosen.media_type, "no"),
        address=f"{visit.path}/papers/{material}/file?sha256={chosen.sha256}",
    )


@router.get("/tasks/{task}/papers/{material}/file")
async def paper_file(visit: Visiting, material: Material, sha256: Digest) -> Response:
    """Send the file: to be shown in a page of this site and nowhere else, or to be saved."""
    row = await _row(visit)
    papers, token = _tools(visit)
    found = await papers.open(token, row["application"], material, sha256)
    is_inline = found.media_type in INLINE
    disposition = found.disposition
    if is_inline:
        disposition = disposition.replace("attachment", "inline", 1)
    return StreamingResponse(
        found.pieces,
        media_type=found.media_type if is_inline else "application/octet-stream",
        headers={
            "content-disposition": disposition,
            "content-security-policy": POLICY,
            "cache-control": "private, no-store",
        },
    )


async def _there(visit: Visit, material: str) -> tuple[Row, list[Paper]]:
    """Return the case and the files of a material, newest first. Raises Problem 404 without any."""
    row = await _row(visit)
    papers, token = _tools(visit)
    found = [one for one in await papers.of(token, row["application"]) if one.material == material]
    if not found:
        raise Problem(NOT_FOUND)
    return row, sorted(found, key=lambda one: one.given_at, reverse=True)


async def _row(visit: Visit) -> Row:
    async with visit.request.app.state.pool.acquire() as conn:
        row = await case_store.read_case(conn, visit.task, sight_of(visit.session.principal))
    if row is None:
        raise Problem(NOT_FOUND)
    return row


def _chosen(there: list[Paper], sha256: str | None) -> Paper:
    for one in there:
        if sha256 in (None, one.sha256):
            return one
    raise Problem(NOT_FOUND)


def _tools(visit: Visit) -> tuple[Papers, str]:
    app = visit.request.app
    papers: Papers | None = getattr(app.state, "papers", None)
    sessions = sessions_of(app)
    token = sessions.token(visit.request.scope) if sessions is not None else None
    if papers is None:
        raise Problem(NOT_FOUND)
    if token is None:
        raise LoginNeededError
    return papers, token
