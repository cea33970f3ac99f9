"""The routes of investors: applications of their own. Each does nothing but call a use case."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi import Path as PathParameter
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.domain.plan import Plan
from services.intake import acts, problems, reading, submission
from services.intake.models import RectificationGiven, Submission
from services.intake.numbering import is_sound
from services.intake.parts import Parts, parts_of
from services.intake.shown import (
    Application,
    ApplicationPage,
    Progress,
    Receipt,
    RectificationTaken,
    Results,
    WithdrawalTaken,
)
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency, pages
from services.runtime.web.etag import etag
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import (
    BAD_CURSOR,
    NOT_FOUND,
    Problem,
    problem_responses,
)

router = APIRouter(prefix="/v1", tags=["applications"])
Investor = Annotated[Principal, Depends(require(Role.INVESTOR))]
Tools = Annotated[Parts, Depends(parts_of)]
Once = Annotated[Asked, Depends(idempotency.asked)]


async def sound_number(
    application: Annotated[
        str,
        PathParameter(
            description="The application's number.", max_length=40, examples=["QX20260302-000001-0"]
        ),
    ],
) -> str:
    """FastAPI dependency: an application's number. Raises Problem 404 for what can be none."""
    if not is_sound(application):
        raise Problem(NOT_FOUND)
    return application


Number = Annotated[str, Depends(sound_number)]


@router.post(
    "/applications",
    status_code=201,
    response_model=Receipt,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        problems.FACTS,
        problems.NOT_NEEDED,
        problems.NOT_IN_POWER,
        problems.INCOMPLETE,
        problems.NO_CATALOGUE,
    ),
)
async def submit_application(
    given: Submission, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Hand in one application for a project; complete, it is accepted on the spot.

    The answer is the dated receipt. What is missing or wrong is told completely, once: errors of
    the facts first (nothing can be planned with them), then everything else together. Where there
    is nothing to apply for here, that is said at once, with who is in power (行政许可法 32).
    """
    return await submission.submit(parts, who, asked, given)


@router.get("/applications", responses=problem_responses(BAD_CURSOR))
async def list_applications(
    who: Investor,
    parts: Tools,
    limit: pages.Limit = pages.USUAL_PAGE,
    after: pages.After = None,
) -> ApplicationPage:
    """List one's own applications, newest first."""
    return await reading.list_own(parts, who, limit, after)


@router.get(
    "/applications/{application}",
    response_model=Application,
    responses=problem_responses(NOT_FOUND) | {304: {"description": "Not changed since."}},
)
async def read_application(
    number: Number,
    who: Investor,
    parts: Tools,
    if_none_match: Annotated[str | None, Header(description="An ETag that was read.")] = None,
) -> Response:
    """Read one's own application: facts, plan in a few words, receipt, status, promise."""
    version, shown = await reading.read(parts, who, number)
    tag = etag(version)
    if if_none_match is not None and if_none_match.strip() == tag:
        return Response(status_code=304, headers={"etag": tag})
    return Response(shown.model_dump_json(), media_type="application/json", headers={"etag": tag})


@router.get(
    "/applications/{application}/plan",
    response_model=Plan,
    responses=problem_responses(NOT_FOUND),
)
async def read_plan(number: Number, who: Investor, parts: Tools) -> Response:
    """Read the whole plan that the application was received under, as it was then."""
    digest, body = await reading.plan_bytes(parts, who, number)
    return Response(body, media_type="application/json", headers={"etag": f'"{digest}"'})


@router.get("/applications/{application}/progress", responses=problem_responses(NOT_FOUND))
async def read_progress(number: Number, who: Investor, parts: Tools) -> Progress:
    """Read where the application stands: every task, step, signal and notice, and who holds it."""
    return await reading.progress(parts, who, number)


@router.get("/applications/{application}/results", responses=problem_responses(NOT_FOUND))
async def read_results(number: Number, who: Investor, parts: Tools) -> Results:
    """Read what was decided; results of one merged step appear together."""
    return await reading.results(parts, who, number)


@router.post(
    "/applications/{application}/rectifications",
    status_code=202,
    response_model=RectificationTaken,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        NOT_FOUND,
        problems.NOTHING_TO_RECTIFY,
        problems.TERM_PASSED,
        problems.CONCLUDED,
        problems.WITHDRAWN,
        problems.INCOMPLETE,
    ),
)
async def rectify_application(
    number: Number, given: RectificationGiven, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Answer the notice of a merged step with the papers put right, within its term."""
    return await acts.rectify(parts, who, asked, number, given)


@router.post(
    "/applications/{application}/withdrawal",
    status_code=202,
    response_model=WithdrawalTaken,
    responses=problem_responses(
        *idempotency.PROBLEMS, NOT_FOUND, problems.CONCLUDED, problems.WITHDRAWN
    ),
)
async def withdraw_application(
    number: Number, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Withdraw an application; whatever is open is cancelled, results that are out stay."""
    return await acts.withdraw(parts, who, asked, number)
