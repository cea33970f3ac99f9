"""The route on which an investor reads why a clock was stopped or a limit extended."""

from fastapi import APIRouter

from services.intake import clocks
from services.intake.api import Investor, Number, Tools
from services.intake.clocks import ClockNotices
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["applications"])


@router.get("/applications/{application}/clocks", responses=problem_responses(NOT_FOUND))
async def read_clocks(parts: Tools, who: Investor, number: Number) -> ClockNotices:
    """Read what departments told of pauses and extensions (行政许可法 42, 45), oldest first."""
    async with parts.pool.acquire() as conn:
        found = await clocks.told(conn, number, who.ref)
    if found is None:
        raise Problem(NOT_FOUND)
    return found
