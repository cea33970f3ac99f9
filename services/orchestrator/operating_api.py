"""What an operator does to one application beside holding it: send again, project anew."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from services.orchestrator import models, reprojection, resending
from services.orchestrator.api import Number, Operator, head_of
from services.orchestrator.conflict import OWN_APPLICATION
from services.orchestrator.models import Shown
from services.orchestrator.resending import NOTHING_TO_RESEND
from services.runtime.auth import Principal
from services.runtime.web import idempotency
from services.runtime.web.problems import CONFLICT, NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1", tags=["operator"])
Idempotent = Annotated[idempotency.Asked, Depends(idempotency.asked)]


class ResendAnswer(Shown):
    """Messages that are due again at once."""

    application: str = Field(examples=[models.EXAMPLE_NUMBER])
    messages: int = Field(description="So many were not receipted.", examples=[2])
    at: datetime


@router.post(
    "/applications/{number}/resends",
    status_code=202,
    response_model=ResendAnswer,
    responses=problem_responses(
        NOT_FOUND, OWN_APPLICATION, NOTHING_TO_RESEND, *idempotency.PROBLEMS
    ),
)
async def resend(
    request: Request, who: Operator, number: Number, body: models.ActRequest, asked: Idempotent
) -> Any:
    """Send again now what no consumer has receipted of this application."""
    return await resend_now(request, who, number, body.reason, asked)


@router.post(
    "/applications/{number}/reprojections",
    status_code=202,
    response_model=models.ActAnswer,
    responses=problem_responses(NOT_FOUND, OWN_APPLICATION, CONFLICT, *idempotency.PROBLEMS),
)
async def reproject_one(
    request: Request, who: Operator, number: Number, body: models.ActRequest, asked: Idempotent
) -> Any:
    """Project this application alone onto the calendar that this service has read."""
    return await reproject_now(request, who, number, body.reason, asked)


async def resend_now(
    request: Request, who: Principal, number: str, reason: str, asked: idempotency.Asked
) -> Any:
    """Send again, once for the key of the request. Raises Problem."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        head, at = await head_of(conn, number), state.clock.now()
        messages = await resending.perform(conn, head=head, reason=reason, who=who, at=at)
        answer = ResendAnswer(application=number, messages=messages, at=at)
        return slot.keep(JSONResponse(answer.model_dump(mode="json"), status_code=202))


async def reproject_now(
    request: Request, who: Principal, number: str, reason: str, asked: idempotency.Asked
) -> Any:
    """Project anew, once for the key of the request. Raises Problem."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        head, at = await head_of(conn, number), state.clock.now()
        await reprojection.perform_one(
            conn, head=head, calendar=state.shelf.calendar, reason=reason, who=who, at=at
        )
        answer = models.ActAnswer(application=number, act="reproject", at=at)
        response = slot.keep(JSONResponse(answer.model_dump(mode="json"), status_code=202))
    state.deliverer.wake.set()
    return response
