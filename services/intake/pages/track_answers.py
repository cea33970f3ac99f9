"""The answer in writing that nothing is to be applied for here (行政许可法 32(1), 32(2))."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import FileResponse, RedirectResponse, Response

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain import outcomes as domain
from services.domain.sheets_unaccepted import NO_LICENCE, NO_POWER
from services.intake import issuing, outcomes
from services.intake.api_outcomes import Inquiry
from services.intake.outcomes_shown import InquiryGiven
from services.intake.pages import needs
from services.intake.pages.public import Pages, Tools
from services.intake.pages.track import Investor, Once
from services.intake.parts import Parts
from services.intake.submission import planned
from services.runtime.web.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False, prefix="/inquiries")
STATEMENTS = {
    AcceptanceOutcome.NOT_NEEDED: NO_LICENCE.statement,
    AcceptanceOutcome.NOT_IN_POWER: NO_POWER.statement,
}
FIELDS = ("project", "name", "kind")


@router.get("/new/{code}")
async def ask(
    code: str, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """Which items are not needed or not ours; the form that asks for it in writing."""
    walk = _walk(parts, code, request)
    if walk.question is not None:
        return RedirectResponse(f"/needs/{code}?{urlencode(walk.query)}", status_code=303)
    context = _context(parts, walk)
    context |= {"wrong": {}, "told": None}
    typed = {"project": "", "name": "", "kind": "company", "item": _all_if_none_is_ours(context)}
    return site.page(
        request,
        "intake/track_ask.html",
        session=session,
        typed=typed,
        **context,
    )


@router.post("/new/{code}")
async def answer(
    code: str, request: Request, parts: Tools, site: Pages, session: Investor, asked: Once
) -> Response:
    """Answer in writing; the document is made when it is asked for."""
    walk = _walk(parts, code, request)
    form = await request.form()
    items = [str(one) for one in form.getlist("item")]
    typed = {name: str(form.get(name) or "").strip() for name in FIELDS} | {"item": items}
    wrong, told, status = _wrong(partial(site.say, request), typed), None, 422
    if not wrong:
        try:
            given = _given(walk, typed)
            found = await outcomes.ask(parts, session.principal, asked, given)
            number = orjson.loads(bytes(found.body))["number"]
            return RedirectResponse(f"/inquiries/{number}", status_code=303)
        except ValidationError:
            wrong = {"project": site.say(request, "请核对填写的内容。")}
        except Problem as problem:
            told, status = site.told(request, problem), problem.kind.status
    return site.page(
        request,
        "intake/track_ask.html",
        session=session,
        status=status,
        typed=typed,
        wrong=wrong,
        told=told,
        **_context(parts, walk),
    )


def _walk(parts: Parts, code: str, request: Request) -> needs.Walk:
    catalogue = parts.catalogue()
    scenario = catalogue.scenario_by_code.get(code)
    if scenario is None:
        raise Problem(NOT_FOUND)
    return needs.walk(catalogue, scenario, request.query_params)


def _context(parts: Parts, walk: needs.Walk) -> dict[str, Any]:
    """Return what holds for every item: those that can be answered for, and those to apply for."""
    catalogue, plan = planned(parts, walk.scenario.code, walk.answers, {}, parts.today)
    found = domain.answers(catalogue, plan)
    return {
        "scenario": walk.scenario,
        "query": urlencode(walk.query),
        "answered": [one for one in found if one.outcome is not None],
        "needed": [one for one in found if one.outcome is None],
    }


def _all_if_none_is_ours(context: Mapping[str, Any]) -> list[str]:
    return [] if context["needed"] else [one.item for one in context["answered"]]


def _wrong(say: Callable[[str], str], typed: Mapping[str, Any]) -> dict[str, str]:
    """Return what is to be filled in, by field."""
    found = {
        "item": "" if typed["item"] else say("请至少选择一个事项。"),
        "project": "" if typed["project"] else say("请填写项目名称。"),
        "name": "" if typed["name"] else say("请填写申请人名称。"),
    }
    return {name: text for name, text in found.items() if text}


def _given(walk: needs.Walk, typed: Mapping[str, Any]) -> InquiryGiven:
    return InquiryGiven.model_validate(
        {
            "project": typed["project"],
            "scenario": walk.scenario.code,
            "answers": walk.answers,
            "items": typed["item"],
            "applicant": {"name": typed["name"], "kind": typed["kind"]},
        }
    )


@router.get("/{inquiry}")
async def inquiry(
    number: Inquiry, request: Request, parts: Tools, site: Pages, session: Investor
) -> Response:
    """A written answer of one's own."""
    found = await outcomes.read(parts, session.principal, number)
    return site.page(
        request,
        "intake/track_answer.html",
        session=session,
        found=found,
        statement=STATEMENTS[AcceptanceOutcome(found.outcome)],
    )


@router.get("/{inquiry}/document", response_class=FileResponse)
async def document(number: Inquiry, parts: Tools, session: Investor) -> Response:
    """The answer as a sealed PDF."""
    path, name = await outcomes.document(parts, session.principal, number)
    return FileResponse(
        path, media_type=issuing.PDF, filename=name, content_disposition_type="attachment"
    )
