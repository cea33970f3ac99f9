"""The applicant's view of joint sessions: when the departments come, or meet."""

from fastapi import APIRouter

from services.intake import sessions
from services.intake.api import Investor, Number, Tools
from services.intake.sessions import Sessions
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["applications"])


@router.get("/applications/{application}/sessions", responses=problem_responses(NOT_FOUND))
async def read_sessions(parts: Tools, who: Investor, number: Number) -> Sessions:
    """Read when departments come, or meet, about an application, and what became of it."""
    async with parts.pool.acquire() as conn:
        found = await sessions.told(conn, number, who.ref)
    if found is None:
        raise Problem(NOT_FOUND)
    return found
