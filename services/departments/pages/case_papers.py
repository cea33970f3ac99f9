"""Looking at one paper of a case, in the page: PDF and images; the rest is saved first.

Those who look at papers before the acceptance read them as those do who decide afterwards.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from services.departments import case_store
from services.departments.pages.case import Visit, Visiting
from services.departments.pages.case_examination import Look, Looking
from services.departments.pages.case_reading import catalogue_of
from services.departments.pages.common import Pages
from services.departments.papers import Paper, Papers
from services.departments.scope import sight_of
from services.departments.store import Row
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site.session import LoginNeededError, Session, sessions_of

router = APIRouter(include_in_schema=False)
INLINE = {"application/pdf": "frame", "image/png": "image", "image/jpeg": "image"}
POLICY = "default-src 'none'; object-src 'self'; frame-ancestors 'self'"
Material = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,64}$")]
Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$")]
Edition = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Somebody who reads the papers of a task or of an examination, at `path`: `row` is either."""

    request: Request
    session: Session
    site: Pages
    path: str
    row: Row

    @classmethod
    async def of_task(cls, visit: Visit) -> "Reading":
        """Return a reading of a task's papers. Raises Problem 404."""
        async with visit.request.app.state.pool.acquire() as conn:
            row = await case_store.read_case(conn, visit.task, sight_of(visit.session.principal))
        if row is None:
            raise Problem(NOT_FOUND)
        return cls(
            request=visit.request,
            session=visit.session,
            site=visit.site,
            path=visit.path,
            row=row,
        )

    @classmethod
    def of_examination(cls, look: Look) -> "Reading":
        """Return a reading of an examination's papers."""
        return cls(
            request=look.request,
            session=look.session,
            site=look.site,
            path=look.path,
            row=look.row,
        )

    async def page(self, material: str, sha256: str | None) -> Response:
        """Show one paper, and the others of the same material. Raises Problem 404 without any."""
        papers, token = self._tools()
        whole = await papers.of(token, self.row["application"])
        there = [one for one in whole if one.material == material]
        there.sort(key=lambda one: one.given_at, reverse=True)
        chosen = _chosen(there, sha256)
        catalogue = catalogue_of(self.request.app.state.shelf, self.row["catalogue_version"])
        known = catalogue.material_by_id.get(material) if catalogue is not None else None
        return self.site.page(
            self.request,
            "departments/case_paper.html",
            session=self.session,
            row=self.row,
            back_to=self.path,
            paper=chosen,
            name=None if known is None else known.name,
            material=material,
            editions=there,
            shown=INLINE.get(chosen.media_type, "no"),
            address=f"{self.path}/papers/{material}/file?sha256={chosen.sha256}",
        )

    async def file(self, material: str, sha256: str) -> Response:
        """Send the file: to be shown in a page of this site and nowhere else, or to be saved."""
        papers, token = self._tools()
        found = await papers.open(token, self.row["application"], material, sha256)
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

    def _tools(self) -> tuple[Papers, str]:
        app = self.request.app
        papers: Papers | None = getattr(app.state, "papers", None)
        sessions = sessions_of(app)
        token = sessions.token(self.request.scope) if sessions is not None else None
        if papers is None:
            raise Problem(NOT_FOUND)
        if token is None:
            raise LoginNeededError
        return papers, token


@router.get("/tasks/{task}/papers/{material}")
async def paper_page(visit: Visiting, material: Material, sha256: Edition = None) -> Response:
    """Show one paper of a task."""
    return await (await Reading.of_task(visit)).page(material, sha256)


@router.get("/tasks/{task}/papers/{material}/file")
async def paper_file(visit: Visiting, material: Material, sha256: Digest) -> Response:
    """Send the file of a task's paper."""
    return await (await Reading.of_task(visit)).file(material, sha256)


@router.get("/examinations/{examination}/papers/{material}")
async def examined_page(look: Looking, material: Material, sha256: Edition = None) -> Response:
    """Show one paper that is looked at before the acceptance."""
    return await Reading.of_examination(look).page(material, sha256)


@router.get("/examinations/{examination}/papers/{material}/file")
async def examined_file(look: Looking, material: Material, sha256: Digest) -> Response:
    """Send the file of a paper that is looked at before the acceptance."""
    return await Reading.of_examination(look).file(material, sha256)


def _chosen(there: list[Paper], sha256: str | None) -> Paper:
    for one in there:
        if sha256 in (None, one.sha256):
            return one
    raise Problem(NOT_FOUND)
