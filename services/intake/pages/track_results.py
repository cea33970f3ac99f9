"""Results of an application and everything in writing about it; rating of who worked on it."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from services.contracts.vocabulary import FollowUpState, Grade
from services.domain.catalogue import Name
from services.domain.remedies import Standing
from services.domain.sheets import DocumentKind
from services.intake import issuing, ratings
from services.intake.api import Number
from services.intake.api_documents import Name as DocumentName
from services.intake.pages.public import Pages, Tools
from services.intake.pages.track import Investor, Once
from services.intake.pages.track_told import Told, told
from services.intake.parts import Parts
from services.intake.ratings_shown import RatingGivenIn, RatingShown
from services.intake.shown_documents import DocumentShown
from services.runtime.auth import Principal
from services.runtime.web.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False, prefix="/applications/{application}")
GRADES: dict[Grade, str] = {
    Grade.VERY_SATISFIED: "非常满意",
    Grade.SATISFIED: "满意",
    Grade.BASICALLY_SATISFIED: "基本满意",
    Grade.DISSATISFIED: "不满意",
    Grade.VERY_DISSATISFIED: "非常不满意",
}
STANDINGS: dict[Standing, str] = {
    Standing.UNDER_REVIEW: "复议或诉讼中，仍然有效",
    Standing.CHANGED: "已变更",
    Standing.ANNULLED: "已撤销",
}
FOLLOW_UPS: dict[FollowUpState, str] = {
    FollowUpState.OPEN: "已转该部门，{day} 前答复您并由监察人员核实。",
    FollowUpState.ANSWERED: "该部门已经答复，监察人员正在核实。",
    FollowUpState.CLOSED: "监察人员已核实，回访结束。",
}
NOTHING_WRONG: dict[str, Any] = {
    "title": None,
    "detail": None,
    "faults": (),
    "grade": "",
    "comment": "",
}
DECISIONS = {DocumentKind.GRANT, DocumentKind.REFUSAL}


@dataclass(frozen=True, kw_only=True)
class Rated:
    """One department's rating: given, or still to be given."""

    code: str
    name: Name
    rating: RatingShown
    grade: str | None
    follow_up: str | None


@router.get("/results")
async def results(
    number: Number, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """What was decided, with its documents; receipts and notices; the ratings."""
    context = await _context(parts, session.principal, number)
    return site.page(request, "intake/track_results.html", session=session, **context)


@router.get("/documents/{name}", response_class=FileResponse)
async def document(number: Number, name: DocumentName, parts: Tools, session: Investor) -> Response:
    """One document as a sealed PDF; made when it is first asked for."""
    path, file_name = await issuing.document(parts, session.principal, number, name)
    return FileResponse(
        path, media_type=issuing.PDF, filename=file_name, content_disposition_type="attachment"
    )


@router.get("/bundle", response_class=StreamingResponse)
async def bundle(number: Number, parts: Tools, session: Investor) -> Response:
    """Every document there is by now as one archive."""
    return StreamingResponse(
        await issuing.bundled(parts, session.principal, number),
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{number}.zip"'},
    )


@router.post("/ratings")
async def rate(
    number: Number,
    request: Request,
    parts: Tools,
    site: Pages,
    session: Investor,
    asked: Once,
    department: str = Form(default="", max_length=64),
    grade: str = Form(default=""),
    comment: str = Form(default=""),
) -> Response:
    """Rate one department, once."""
    typed = {"department": department, "grade": grade, "comment": comment}
    problem: dict[str, Any] = {}
    status = 422
    try:
        given = RatingGivenIn.model_validate(typed | {"comment": comment.strip() or None})
        await ratings.rate(parts, session.principal, asked, number, given)
    except ValidationError as error:
        where = {str(one["loc"][0]) for one in error.errors()}
        problem = {
            "grade": site.say(request, "请选择一个评价等级。") if "grade" in where else "",
            "comment": site.say(request, "最多两千字。") if "comment" in where else "",
        }
    except Problem as wrong:
        if wrong.kind is NOT_FOUND:
            raise
        problem, status = site.told(request, wrong), wrong.kind.status
    if problem:
        context = await _context(parts, session.principal, number)
        return site.page(
            request,
            "intake/track_results.html",
            session=session,
            status=status,
            **(context | {"typed": typed, "problem": NOTHING_WRONG | problem}),
        )
    response = RedirectResponse(f"/applications/{number}/results#ratings", status_code=303)
    site.flash(request, response, "谢谢，您的评价已收到。")
    return response


async def _context(parts: Parts, who: Principal, number: str) -> dict[str, Any]:
    found = await told(parts, who, number)
    documents = (await issuing.listed(parts, who, number)).items
    by_item = {one.item: one for one in documents if one.kind in DECISIONS}
    return {
        "told": found,
        "results": [(one, by_item.get(one.item)) for one in found.results.items],
        "papers": [one for one in documents if one.kind not in DECISIONS],
        "ratings": [_rated(found, one) for one in found.ratings],
        "may_rate": await ratings.is_applicant(parts, who, number),
        "grades": GRADES,
        "standings": STANDINGS,
        "local": parts.shelf.calendar.local_date,
        "href": lambda one: _href(number, one),
        "typed": {"department": "", "grade": "", "comment": ""},
        "problem": NOTHING_WRONG,
    }


def _href(number: str, one: DocumentShown) -> str:
    return f"/applications/{number}/documents/{one.name}"


def _rated(found: Told, one: RatingShown) -> Rated:
    return Rated(
        code=one.department,
        name=found.department(one.department),
        rating=one,
        grade=GRADES[one.grade] if one.grade is not None else None,
        follow_up=FOLLOW_UPS[one.follow_up.state] if one.follow_up is not None else None,
    )
