"""The routes of ratings: the applicant rates; who is concerned reads."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.intake import ratings
from services.intake import ratings_problems as wrong
from services.intake.api import Investor, Number, Once, Tools
from services.intake.ratings_shown import RatingGivenIn, Ratings, RatingShown
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1/applications/{application}/ratings", tags=["ratings"])
Reader = Annotated[
    Principal,
    Depends(require(Role.INVESTOR, Role.SUPERVISOR, *ratings.LEADERS)),
]


@router.post(
    "",
    status_code=201,
    response_model=RatingShown,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        NOT_FOUND,
        wrong.NOT_THE_APPLICANT,
        wrong.NOTHING_TO_RATE,
        wrong.ALREADY_RATED,
    ),
)
async def rate_department(
    number: Number, given: RatingGivenIn, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Rate one department whose result is out, once, in five grades.

    The applicant alone rates. A bad rating is followed up within a term: the department answers,
    the supervision closes it.
    """
    return await ratings.rate(parts, who, asked, number, given)


@router.get("", responses=problem_responses(NOT_FOUND))
async def list_ratings(number: Number, who: Reader, parts: Tools) -> Ratings:
    """Read the ratings of an application, and what the departments answered to bad ones.

    The applicant and the supervision read all; a department reads what was said of itself.
    """
    return await ratings.listed(parts, who, number)
