"""Papers that follow: of a later stage of the project, secondary ones, and corrected ones."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import AcceptanceState
from services.domain.catalogue import Limit
from services.intake import clocks, later, supplement
from services.intake.clocks import ClockNoticeShown
from services.intake.pages.waiting import Case, case_of
from services.intake.pages.waiting_forms import (
    ACCEPTED_FILES,
    AtDesk,
    Desk,
    Filled,
    Once,
    filled,
    text,
)
from services.intake.shown_later import PaperShown, PapersShown, PaperState
from services.intake.supplement_shown import SupplementGiven
from services.intake.waiting_problems import WHICH, wrong
from services.runtime.web.problems import Problem
from services.runtime.web.site.forms import checked

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wrong:
    """What is wrong with the form of one paper, and what was filled in."""

    material: str
    problem: Problem
    paper: Filled


@router.get("/applications/{application}/papers")
async def papers(desk: AtDesk) -> Response:
    """Which papers are still to come, when, and with a place to hand in each."""
    return await _page(desk)


@router.post("/applications/{application}/papers")
async def hand_in(desk: AtDesk, asked: Once) -> Response:
    """Hand in one paper that no notice asks for."""
    form = await desk.request.form()
    material, paper = text(form, "material"), Filled()
    try:
        paper = await filled(desk, asked, form)
        if not material:
            raise wrong("#/material", WHICH)
        given = checked(SupplementGiven, round=0, materials=(paper.given(material),))
        await supplement.hand_in(desk.parts, desk.who, asked, desk.number, given)
    except Problem as problem:
        return await _page(desk, _Wrong(material=material, problem=problem, paper=paper))
    response = RedirectResponse(f"{desk.path}/papers", status_code=303)
    desk.site.flash(desk.request, response, "材料已收到")
    return response


async def _page(desk: Desk, found: _Wrong | None = None) -> Response:
    case = await case_of(desk.parts, desk.who, desk.number)
    coming = await later.read(desk.parts, desk.who, desk.number)
    async with desk.parts.pool.acquire() as conn:
        told = await clocks.told(conn, desk.number, desk.who.ref)
    awaited, correctable = _with_names(case, coming), _correctable(case)
    later_on = [one for one in coming.papers if one.state is not PaperState.AWAITED]
    beside = {
        *(paper.material for _, needed in awaited for paper in needed),
        *(one.material for one in later_on if one.state is PaperState.LATER),
        *(one.material for one in case.following),
        *(material for material, _ in correctable),
    }
    return desk.site.page(
        desk.request,
        "intake/waiting_papers.html",
        status=found.problem.kind.status if found else 200,
        session=desk.session,
        case=case,
        awaited=awaited,
        later=later_on,
        following=case.acceptance.following if not case.over else (),
        correctable=correctable,
        items={part.item: part.item_name for step in case.plan.steps for part in step.parts},
        clocks=_clocks(told.items if told else []),
        wrong=found,
        wrong_beside=found is not None and not case.over and found.material in beside,
        told=desk.site.told(desk.request, found.problem) if found else None,
        files=ACCEPTED_FILES,
        samples=desk.parts.samples,
    )


def _with_names(case: Case, coming: PapersShown) -> list[tuple[object, list[PaperShown]]]:
    """Return what steps wait for now, each with its papers."""
    if case.over:
        return []
    known = {one.material: one for one in coming.papers}
    return [
        (one, [known[material] for material in one.materials if material in known])
        for one in coming.awaited
    ]


def _correctable(case: Case) -> list[tuple[str, object]]:
    """Return the papers that may be corrected on the spot while departments look (32(3))."""
    looking = case.acceptance.state is AcceptanceState.EXAMINING and case.acceptance.round == 1
    if case.over or not looking or case.plan.acceptance is None:
        return []
    return [
        (one.id, one.name)
        for one in case.plan.materials
        if one.asked and one.later is None and one.may_follow is None
    ]


def _clocks(told: list[ClockNoticeShown]) -> list[tuple[ClockNoticeShown, Limit | None]]:
    """Return what was told of clocks, newest first, with how much longer."""
    return [
        (one, Limit(value=one.days, unit=one.unit) if one.days and one.unit else None)
        for one in reversed(told)
    ]
