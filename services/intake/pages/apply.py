"""Applying: from the answers to a draft, section by section to the review, one button, a receipt.

Every form posts and is answered with the next page (303); what was typed is in the draft before
anything is said about it.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Role
from services.domain.plan import Plan
from services.intake import drafts
from services.intake.drafts_checks import Standing
from services.intake.pages import apply_shown as shown
from services.intake.pages import needs
from services.intake.pages.public import Pages, Tools
from services.intake.parts import Parts
from services.intake.settings import DraftSettings
from services.intake.submission import planned
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.languages import language_of
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(include_in_schema=False)
Investor = Annotated[Session, Depends(signed_in_as(Role.INVESTOR))]
Once = Annotated[Asked, Depends(asked_on_page)]
LONGEST = 400
"""Letters of one field that are kept; what is longer than the rules allow is told all the same."""
SAVED = "草稿已保存"


def to(address: str) -> RedirectResponse:
    """Return the answer that sends a browser on after an act."""
    return RedirectResponse(address, status_code=303)


async def opened(parts: Parts, session: Session, draft: UUID) -> Standing | Response:
    """Return where a draft stands; the way to its receipt when it was handed in."""
    found = await drafts.find(parts, session.principal, draft)
    if found.application is not None:
        return to(f"/applications/{found.application}/receipt")
    return await drafts.read(parts, session.principal, draft)


def frame(where: Standing, here: str) -> dict[str, Any]:
    """Return what every section's page shows."""
    return {
        "draft": where.draft,
        "where": where,
        "plan": where.plan,
        "steps": shown.steps(where, here),
        "changed": shown.changed(where),
        "scenario": where.catalogue.scenario_by_code.get(where.draft.scenario),
        "again": shown.questions_again(where),
    }


@router.get("/apply")
async def own(request: Request, session: Investor, parts: Tools, site: Pages) -> Response:
    """One's drafts."""
    keep: DraftSettings = request.app.state.drafts
    rows = await drafts.own(parts, session.principal)
    known = parts.catalogue().scenario_by_code
    return site.page(
        request,
        "intake/apply.html",
        session=session,
        drafts=[
            {
                **row,
                "scenario_name": known[row["scenario"]].name if row["scenario"] in known else None,
                "until": row["touched_at"] + timedelta(days=keep.keep_days),
            }
            for row in rows
        ],
        keep_days=keep.keep_days,
    )


@router.get("/apply/new/{code}")
async def start(
    code: str, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """What is about to be applied for, what to have at hand; one button begins the draft."""
    found = _walk(parts, code, request.query_params)
    if found.question is not None:
        return to(f"/needs/{code}?{urlencode(found.query)}")
    _, plan = planned(parts, code, found.answers, {}, parts.today)
    mine = await drafts.own(parts, session.principal)
    return site.page(
        request,
        "intake/apply_new.html",
        session=session,
        walk=found,
        plan=plan,
        items=len(needs.needed(plan)),
        papers=len([one for one in plan.materials if one.asked and one.later is None]),
        departments=_departments(plan),
        others=[one for one in mine if one["scenario"] == code],
        keep_days=request.app.state.drafts.keep_days,
    )


@router.post("/apply/new/{code}")
async def begin(
    code: str, request: Request, session: Investor, asked: Once, parts: Tools
) -> Response:
    """Begin a draft; the same form pressed twice begins one."""
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    found = _walk(parts, code, given)
    if found.question is not None:
        return to(f"/needs/{code}?{urlencode(found.query)}")
    draft = uuid5(NAMESPACE_URL, f"{asked.owner}/{asked.key}")
    await drafts.begin(parts, session.principal, draft, code, found.answers)
    return to(f"/apply/{draft}")


@router.get("/apply/{draft}")
async def people(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """The project, the applicant, the agent."""
    where = await opened(parts, session, draft)
    if isinstance(where, Response):
        return where
    return _people(request, session, site, where, status=200)


@router.post("/apply/{draft}")
async def save_people(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Keep the section; what is wrong in it is said beside the field, and kept all the same."""
    form = await request.form()
    await drafts.save(parts, session.principal, draft, shown.typed_of(form, LONGEST))
    if form.get("action") == "next":
        where = await drafts.read(parts, session.principal, draft)
        if any(name in shown.LABELS for name in where.people):
            return _people(request, session, site, where, status=422)
        return to(f"/apply/{draft}/materials")
    response = to(f"/apply/{draft}")
    site.flash(request, response, SAVED)
    return response


def _people(
    request: Request, session: Session, site: Site, where: Standing, *, status: int
) -> Response:
    language = language_of(request)
    errors = where.people if status != HTTPStatus.OK else {}
    return site.page(
        request,
        "intake/apply_people.html",
        status=status,
        session=session,
        typed=where.draft.fields,
        errors={name: words.in_language(language) for name, words in errors.items()},
        labels=shown.LABELS,
        facts=shown.fact_lines(where),
        **frame(where, "people"),
    )


@router.get("/apply/{draft}/facts")
async def facts(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """The answers, each with the way to change it; or what those in the address would change."""
    where = await opened(parts, session, draft)
    if isinstance(where, Response):
        return where
    given = {k: v for k, v in request.query_params.items() if k != "lang"}
    other, plan = None, None
    if given:
        other = _walk(parts, where.draft.scenario, given)
        if other.question is not None:
            query = urlencode([*other.query, ("draft", str(draft))])
            return to(f"/needs/{where.draft.scenario}?{query}")
        _, plan = planned(parts, where.draft.scenario, other.answers, {}, parts.today)
    return site.page(
        request,
        "intake/apply_facts.html",
        session=session,
        facts=shown.fact_lines(where),
        answers=other,
        other_plan=plan,
        differences=[] if other is None else _differences(where, other),
        effect=None if plan is None else needs.effect(plan, where.plan),
        names={one.code: one.name for one in where.catalogue.items},
        **frame(where, "facts"),
    )


@router.post("/apply/{draft}/facts")
async def save_facts(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Go on with other answers."""
    form = await request.form()
    found = await drafts.find(parts, session.principal, draft)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    walk = _walk(parts, found.scenario, given)
    if walk.question is not None:
        query = urlencode([*walk.query, ("draft", str(draft))])
        return to(f"/needs/{found.scenario}?{query}")
    await drafts.answer(parts, session.principal, draft, walk.answers)
    response = to(f"/apply/{draft}/materials")
    site.flash(request, response, "已改用新的回答，方案和材料已重新计算")
    return response


@router.post("/apply/{draft}/catalogue")
async def accept_changes(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Go on under the newer catalogue whose changes were shown."""
    version = str((await request.form()).get("version", ""))
    try:
        await drafts.accept_changes(parts, session.principal, draft, version)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        response = to(f"/apply/{draft}/review")
        site.flash(
            request, response, problem.kind.title.in_language(language_of(request)), ok=False
        )
        return response
    response = to(f"/apply/{draft}/materials")
    site.flash(request, response, "已按新目录继续")
    return response


@router.get("/apply/{draft}/removal")
async def ask_removal(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Ask once more before a draft is removed."""
    where = await opened(parts, session, draft)
    if isinstance(where, Response):
        return where
    return site.page(
        request, "intake/apply_removal.html", session=session, **frame(where, "people")
    )


@router.post("/apply/{draft}/removal")
async def remove(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Remove a draft with everything in it."""
    await drafts.remove(parts, session.principal, draft)
    response = to("/apply")
    site.flash(request, response, "草稿和其中的文件已删除")
    return response


@router.get("/apply/{draft}/review")
async def review(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Everything as it will be handed in, what is missing, and the one button."""
    where = await opened(parts, session, draft)
    if isinstance(where, Response):
        return where
    return _review(request, session, site, where)


@router.post("/apply/{draft}/review")
async def hand_in(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Hand it in; pressing twice gives one application."""
    incomplete = (await request.form()).get("incomplete") is not None
    try:
        number = await drafts.hand_in(parts, session.principal, draft, incomplete=incomplete)
    except Problem as problem:
        where = await opened(parts, session, draft)
        if isinstance(where, Response):
            return where
        return _review(request, session, site, where, problem)
    return to(f"/applications/{number}/receipt")


def _review(
    request: Request,
    session: Session,
    site: Site,
    where: Standing,
    problem: Problem | None = None,
) -> Response:
    language = language_of(request)
    refused = problem or where.refusal
    return site.page(
        request,
        "intake/apply_review.html",
        status=200 if problem is None else problem.kind.status,
        session=session,
        typed=where.draft.fields,
        labels=shown.LABELS,
        slots=shown.slots(where),
        not_asked=shown.not_asked(where),
        facts=shown.fact_lines(where),
        departments=() if where.plan is None else _departments(where.plan),
        gaps=[
            (one, one.words.in_language(language) if one.words else None)
            for one in shown.gaps(where)
        ],
        refused=None if refused is None else site.told(request, refused),
        only_papers=not (where.people or where.facts or where.unauthorised or where.changes),
        names={one.code: one.name for one in where.catalogue.items},
        **frame(where, "review"),
    )


def _walk(parts: Parts, code: str, given: Mapping[str, str]) -> needs.Walk:
    """Return how far answers lead. Raises Problem 404 for a kind of project that is none."""
    catalogue = parts.catalogue()
    scenario = catalogue.scenario_by_code.get(code)
    if scenario is None:
        raise Problem(NOT_FOUND)
    return needs.walk(catalogue, scenario, given)


def _differences(where: Standing, other: needs.Walk) -> list[tuple[Any, Any, Any]]:
    """Return (question, answer so far or None, other answer) of what differs."""
    before = {one.answered.question.id: one.answered for one in shown.fact_lines(where)}
    found = []
    for one in other.answered:
        was = before.get(one.question.id)
        if was is None or was.value != one.value:
            found.append((one.question.text, was.shown if was else None, one.shown))
    return found


def _departments(plan: Plan) -> list[Any]:
    """Return who takes part in a plan, each once."""
    return list(
        {
            part.department: part.department_name for step in plan.steps for part in step.parts
        }.values()
    )
