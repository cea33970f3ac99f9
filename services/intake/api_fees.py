"""The routes of the bill: read and pay one's own; assess, remit and refund as an operator."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.intake import fees, payments, problems
from services.intake import fees_problems as wrong
from services.intake.api import Investor, Number, Once, Tools
from services.intake.fees_shown import (
    EXAMPLE_LINE,
    AssessmentGiven,
    BillShown,
    ExemptionGiven,
    LineShown,
    PaymentGiven,
    RefundGiven,
    TransferShown,
)
from services.runtime.auth import Principal, require
from services.runtime.web import idempotency
from services.runtime.web.problems import NOT_FOUND, problem_responses

router = APIRouter(prefix="/v1/applications/{application}/bill", tags=["fees"])
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Reader = Annotated[Principal, Depends(require(Role.INVESTOR, Role.OPERATOR, Role.SUPERVISOR))]
Standard = Annotated[
    str,
    PathParameter(
        max_length=64, description="Id of the standard of a line.", examples=[EXAMPLE_LINE]
    ),
]
_ACTS = (*idempotency.PROBLEMS, NOT_FOUND, problems.NO_CATALOGUE, wrong.NOT_ACCEPTED)


@router.get("", responses=problem_responses(NOT_FOUND, problems.NO_CATALOGUE))
async def read_bill(number: Number, who: Reader, parts: Tools) -> BillShown:
    """Read the one bill: each line by a published standard in force on the day of acceptance."""
    return await fees.bill(parts, who, number)


@router.post(
    "/payments",
    status_code=202,
    response_model=TransferShown,
    responses=problem_responses(*_ACTS, wrong.NOT_DUE, wrong.NO_PAYMENT, problems.WITHDRAWN),
)
async def pay_bill(
    number: Number, given: PaymentGiven, who: Investor, asked: Once, parts: Tools
) -> Response:
    """Pay everything that is due on the bill, or some lines; how it went stands on the bill."""
    return await payments.pay(parts, who, asked, number, given)


@router.post(
    "/lines/{standard}/assessments",
    status_code=201,
    response_model=LineShown,
    responses=problem_responses(*_ACTS, problems.OWN_APPLICATION, wrong.NOT_TO_ASSESS),
)
async def assess_line(
    number: Number,
    standard: Standard,
    given: AssessmentGiven,
    who: Operator,
    asked: Once,
    parts: Tools,
) -> Response:
    """Record what the department's document settles of a line whose amount is open."""
    return await fees.assess(parts, who, asked, number, standard, given)


@router.post(
    "/lines/{standard}/exemption",
    status_code=201,
    response_model=LineShown,
    responses=problem_responses(*_ACTS, problems.OWN_APPLICATION, wrong.NOT_TO_EXEMPT),
)
async def exempt_line(
    number: Number,
    standard: Standard,
    given: ExemptionGiven,
    who: Operator,
    asked: Once,
    parts: Tools,
) -> Response:
    """Remit a line that was not paid, or a part of it, for a reason and by a document."""
    return await fees.exempt(parts, who, asked, number, standard, given)


@router.post(
    "/lines/{standard}/refund",
    status_code=202,
    response_model=TransferShown,
    responses=problem_responses(
        *_ACTS, problems.OWN_APPLICATION, wrong.NOT_PAID, wrong.PAID_ELSEWHERE, wrong.NO_PAYMENT
    ),
)
async def refund_line(
    number: Number, standard: Standard, given: RefundGiven, who: Operator, asked: Once, parts: Tools
) -> Response:
    """Pay back a line that was charged against the law (行政许可法 75)."""
    return await payments.refund(parts, who, asked, number, standard, given)
