"""The applicant's view of papers that come later in the life of the project."""

from fastapi import APIRouter

from services.intake import later
from services.intake.api import Investor, Number, Tools
from services.intake.shown_later import PapersShown
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1", tags=["applications"])


@router.get("/applications/{application}/papers", responses=problem_responses(NOT_FOUND))
async def read_papers(number: Number, who: Investor, parts: Tools) -> PapersShown:
    """Read which papers come later, when each is needed, and what is awaited now.

    They are handed in at `/supplements` with `round` 0, before or when their turn comes. While a
    step waits for them, no clock of it runs, and the days are not counted.
    """
    return await later.read(parts, who, number)
