"""The applicant's view of joint sessions: when the departments come, or meet, and his answer."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.intake import appointments, problems, sessions
from services.intake import appointments_problems as wrong
from services.intake.api import Investor, Number, Once, Tools
from services.intake.appointments import AppointmentGiven, AppointmentTaken
from services.intake.sessions import Sessions
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["applications"])
LEAD_PATTERN = "^[A-Za-z][A-Za-z0-9-]{0,63}$"
Lead = Annotated[
    str,
    Path(
        pattern=LEAD_PATTERN,
        examples=["fire-rescue"],
        description="Code of the department that convened it.",
    ),
]
SessionId = Annotated[
    int,
    Path(alias="session", ge=1, le=2**63 - 1, examples=[17], description="Its number there."),
]


@router.get("/applications/{application}/sessions", responses=problem_responses(NOT_FOUND))
async def read_sessions(parts: Tools, who: Investor, number: Number) -> Sessions:
    """Read when departments come, or meet, about an application, and what became of it."""
    async with parts.pool.acquire() as conn:
        found = await sessions.told(conn, number, who.ref, parts.shelf.calendar, parts.clock.now())
    if found is None:
        raise Problem(NOT_FOUND)
    return found


@router.post(
    "/applications/{application}/sessions/{lead}/{session}/answer",
    status_code=202,
    response_model=AppointmentTaken,
    responses=problem_responses(
        *idempotency.PROBLEMS,
        NOT_FOUND,
        problems.CONCLUDED,
        problems.WITHDRAWN,
        wrong.NOTHING_TO_ANSWER,
        wrong.TERM_PASSED,
        wrong.ALREADY_ANSWERED,
        wrong.REPLACED,
        wrong.NOT_OFFERED,
    ),
)
async def answer_appointment(
    number: Number,
    lead: Lead,
    session: SessionId,
    given: AppointmentGiven,
    who: Investor,
    asked: Once,
    parts: Tools,
) -> Response:
    """Confirm when departments come, or ask them to come at one of the other times offered.

    Each offer is answered once, at the latest one working day before the start. The lead department
    decides on a move, and says so; until then, and without an answer, the session stands as it is.
    Every time offered lies inside the departments' limits: a move changes no promised date.
    """
    return await appointments.answer(parts, who, asked, number, lead, session, given)
