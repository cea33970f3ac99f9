"""The one notice: every finding with its place to answer; of the acceptance and of merged steps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Outcome
from services.domain.catalogue import Basis, Catalogue, Name
from services.domain.plan import PlannedMaterial
from services.intake import acts, supplement
from services.intake.models import RectificationGiven
from services.intake.pages.waiting import Case, case_of
from services.intake.pages.waiting_forms import (
    ACCEPTED_FILES,
    AtDesk,
    Desk,
    Filled,
    Once,
    filled,
    statement,
    text,
)
from services.intake.shown import NoticeShown
from services.intake.supplement_reading import BASES
from services.intake.supplement_shown import (
    NoticeLineShown,
    StatementGiven,
    SupplementGiven,
    SupplementNotice,
    SupplementTaken,
)
from services.intake.waiting_problems import NOTHING, UNKNOWN, wrong
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import Problem
from services.runtime.web.site.forms import checked

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Everything about one subject of the notice: who asks what of it, and by which law."""

    subject: str
    name: Name | None
    lines: Sequence[NoticeLineShown]
    items: Sequence[Name]
    basis: Basis | None
    supplied: bool
    open: bool

    @property
    def is_paper(self) -> bool:
        """Whether a paper answers it, or a statement."""
        return self.subject.startswith("material/")

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return self.subject.replace("/", "-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rectification:
    """The notice of a merged step: its reasons, who has objections, which papers it uses."""

    notice: NoticeShown
    name: Name
    departments: Sequence[Name]
    items: Sequence[Name]
    papers: Sequence[PlannedMaterial]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrong:
    """What is wrong with one form of the page, and what was typed in it."""

    place: str
    problem: Problem
    typed: str = ""
    papers: Mapping[str, Filled] = field(default_factory=dict)

    @property
    def filled(self) -> set[str]:
        """The papers about which something was filled in."""
        return {name for name, one in self.papers.items() if not one.empty}


@router.get("/applications/{application}/notice")
async def notice(desk: AtDesk) -> Response:
    """What has to be put right, each with its place to answer."""
    return await _page(desk)


@router.post("/applications/{application}/notice/answers")
async def answer(desk: AtDesk, asked: Once) -> Response:
    """Hand in one piece of the notice of what is missing."""
    form = await desk.request.form()
    subject, paper = text(form, "subject"), Filled()
    try:
        round_ = _number(form, "round")
        if subject.startswith("material/"):
            paper = await filled(desk, asked, form)
            papers = (paper.given(subject.partition("/")[2]),)
            given = checked(SupplementGiven, round=round_, materials=papers)
        else:
            said = statement(form)
            stated = checked(StatementGiven, subject=subject, statement=said)
            given = checked(SupplementGiven, round=round_, statements=(stated,))
        return await _supplement(desk, asked, given)
    except Problem as problem:
        typed = text(form, "statement")
        found = Wrong(place=subject, problem=problem, typed=typed, papers={subject: paper})
        return await _page(desk, found)


@router.post("/applications/{application}/notice/end")
async def end(desk: AtDesk, asked: Once) -> Response:
    """Say that there is no more to come: the departments look at what there is."""
    form = await desk.request.form()
    try:
        given = checked(SupplementGiven, round=_number(form, "round"), complete=True)
        return await _supplement(desk, asked, given)
    except Problem as problem:
        return await _page(desk, Wrong(place="end", problem=problem))


@router.post("/applications/{application}/notice/rectifications")
async def rectify(desk: AtDesk, asked: Once) -> Response:
    """Answer the notice of a merged step, with all the papers that were put right."""
    form = await desk.request.form()
    step = text(form, "step")
    papers: dict[str, Filled] = {}
    try:
        round_ = _number(form, "round")
        for name in _named(form):
            papers[name] = await filled(desk, asked, form, f".{name}")
        given = tuple(one.given(name) for name, one in papers.items() if not one.empty)
        if not given or not step:
            raise wrong("#/materials", NOTHING)
        corrected = checked(RectificationGiven, step=step, round=round_, materials=given)
        await acts.rectify(desk.parts, desk.who, asked, desk.number, corrected)
    except Problem as problem:
        return await _page(desk, Wrong(place=step, problem=problem, papers=papers))
    return _done(desk, "补正材料已提交，提出意见的部门将再次审查")


def _named(form: FormData) -> list[str]:
    """Return the papers that a form has fields for, each once."""
    prefix = "reference."
    return [name.removeprefix(prefix) for name in form if name.startswith(prefix)][:100]


def _number(form: FormData, name: str) -> int:
    """Return a round. Raises Problem 422 for what can be none."""
    found = text(form, name)
    if not re.fullmatch(r"[1-9][0-9]?", found, re.ASCII):
        raise wrong(f"#/{name}", UNKNOWN)
    return int(found)


async def _supplement(desk: Desk, asked: Asked, given: SupplementGiven) -> Response:
    taken = await supplement.hand_in(desk.parts, desk.who, asked, desk.number, given)
    left = SupplementTaken.model_validate_json(bytes(taken.body)).outstanding
    if given.complete or not left:
        return _done(desk, "答复完毕，提出要求的部门将再次审查")
    return _done(desk, "这一项已收到，请继续答复其余各项")


def _done(desk: Desk, message: str) -> Response:
    response = RedirectResponse(f"{desk.path}/notice", status_code=303)
    desk.site.flash(desk.request, response, message)
    return response


async def _page(desk: Desk, wrong: Wrong | None = None) -> Response:
    case = await case_of(desk.parts, desk.who, desk.number)
    catalogue = _catalogue(desk, case)
    notices = [(one, _pieces(case, one, catalogue)) for one in reversed(case.acceptance.notices)]
    return desk.site.page(
        desk.request,
        "intake/waiting_notice.html",
        status=wrong.problem.kind.status if wrong else 200,
        session=desk.session,
        case=case,
        notices=notices,
        rectifications=[_rectification(case, one) for one in reversed(case.progress.notices)],
        basis=BASES["incomplete"],
        wrong=wrong,
        wrong_beside=wrong is not None and wrong.place in _forms(case),
        told=desk.site.told(desk.request, wrong.problem) if wrong else None,
        files=ACCEPTED_FILES,
        samples=desk.parts.samples,
    )


def _forms(case: Case) -> set[str]:
    """Return the places on the page that have a form now; what is wrong elsewhere stands on top."""
    found = {one.step for one in case.rectifying}
    return found | {"end", *case.acceptance.outstanding} if case.supplementing else found


def _catalogue(desk: Desk, case: Case) -> Catalogue | None:
    try:
        return desk.parts.shelf.version(case.application.plan.catalogue_version)
    except UnknownVersionError:
        return None


def _pieces(case: Case, notice: SupplementNotice, catalogue: Catalogue | None) -> list[Piece]:
    """Return a notice by its subjects, in its order: several departments may ask for one paper."""
    by_subject: dict[str, list[NoticeLineShown]] = {}
    for line in notice.lines:
        by_subject.setdefault(line.subject, []).append(line)
    answering = case.supplementing
    is_open = answering is not None and answering.round == notice.round
    found = []
    for subject, lines in by_subject.items():
        items = _items(case, subject)
        found.append(
            Piece(
                subject=subject,
                name=lines[0].name,
                lines=lines,
                items=[_item_name(case, one) for one in items],
                basis=_basis(subject, items, catalogue),
                supplied=any(one.supplied for one in lines),
                open=is_open and subject in case.acceptance.outstanding,
            )
        )
    return found


def _items(case: Case, subject: str) -> Sequence[str]:
    """Return the items that need a paper, or that a condition is of."""
    kind, _, rest = subject.partition("/")
    if kind == "condition":
        return (rest.partition("/")[0],)
    used = next((one for one in case.plan.materials if one.id == rest), None)
    return () if used is None else used.used_by_items


def _item_name(case: Case, item: str) -> Name:
    shares = (part for step in case.plan.steps for part in step.parts)
    return next((one.item_name for one in shares if one.item == item), Name(zh=item, en=item))


def _basis(subject: str, items: Sequence[str], catalogue: Catalogue | None) -> Basis | None:
    """Return the article that asks for it: of the paper itself, else of the item."""
    if catalogue is None:
        return None
    kind, _, rest = subject.partition("/")
    material = catalogue.material_by_id.get(rest) if kind == "material" else None
    if material is not None and material.basis is not None:
        return material.basis
    found = next((catalogue.item_by_code.get(one) for one in items), None)
    return None if found is None else found.legal_basis[0]


def _rectification(case: Case, notice: NoticeShown) -> Rectification:
    tasks = [
        one
        for one in case.progress.tasks
        if one.step == notice.step
        and one.round == notice.round
        and one.outcome in (Outcome.OBJECTION, Outcome.REFUSED)
    ]
    names = {one.department: one.department_name for one in tasks if one.department_name}
    return Rectification(
        notice=notice,
        name=case.steps.get(notice.step, Name(zh=notice.step, en=notice.step)),
        departments=list(names.values()),
        items=[_item_name(case, one) for one in notice.items],
        papers=[
            one for one in case.plan.materials if one.asked and notice.step in one.used_by_steps
        ],
    )
