"""The page of one case: what it is about, its clock, what others said, and what can be done."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Role
from services.departments import case_store, checklist, models
from services.departments.pages import case_letters, case_reading
from services.departments.pages.case_acts import ACTS, Act, Asking
from services.departments.pages.case_form import Back, Form, refused
from services.departments.pages.case_reading import Case
from services.departments.pages.case_words import WORDS
from services.departments.pages.common import CHIEF, HEAD, OFFICER, Once, Pages, greet
from services.departments.scope import sight_of
from services.departments.store import Row
from services.departments.web import once
from services.domain.catalogue import Limit
from services.domain.disclosure import PROCEDURES
from services.domain.official_texts import REMEDIES, refusal_reasons
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, Problem
from services.runtime.web.site.live import live
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(include_in_schema=False)
Reader = Annotated[Session, Depends(signed_in_as(OFFICER, CHIEF, HEAD, Role.SUPERVISOR))]
TaskId = Annotated[int, Path(ge=1, le=models.LARGEST_ID)]
PREVIEWS = {"pause": case_letters.of_pause, "decision": case_letters.of_decision}


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One look at one case."""

    request: Request
    session: Session
    site: Pages
    task: int

    @property
    def path(self) -> str:
        """The address of the page, which all its forms are sent to."""
        return f"/tasks/{self.task}"

    async def read(self) -> Case:
        """Read the case. Raises Problem 404."""
        state = self.request.app.state
        async with state.pool.acquire() as conn, conn.transaction():
            found = await case_reading.read(conn, state, self.session, self.task)
            if found.rights.acts or found.rights.leads:
                await greet(conn, self.request, self.session)
        return found

    def page(self, case: Case, back: Back, status: int = 200) -> Response:
        """Return the page, with what comes back."""
        state = self.request.app.state
        shelf, who = state.shelf, self.session.principal
        why_not, before = case.rights.why_not, case.before
        step = case.row["step"]
        others = [
            {"row": one, "texts": _texts(one), "near": bool(one["outcome"]) or one["step"] == step}
            for one in case.others
        ]
        pauses = [(one, case_letters.of_stored(case, one, shelf)) for one in case.pauses]
        return self.site.page(
            self.request,
            "departments/case.html",
            status=status,
            session=self.session,
            case=case,
            back=back,
            me=who.ref,
            pauses=pauses,
            said=[one for one in others if one["near"]],
            waiting=[one for one in others if not one["near"]],
            before_reasons=() if before is None else _texts(before),
            why_not="" if why_not is None else self.site.told(self.request, why_not)["title"],
            colleagues=[one for one in case.people.offered.items() if one[0] != who.ref],
            reads_papers=getattr(state, "papers", None) is not None,
            changes=_changes(case, back) if back.stale else (),
            departments=shelf.departments,
            items={} if case.catalogue is None else case.catalogue.item_by_code,
            conditions=checklist.conditions(case.item),
            procedures=PROCEDURES,
            templates=() if case.item is None else refusal_reasons(case.item),
            remedies=REMEDIES,
            limit=Limit,
            above_days=state.settings.approval_above_days,
            **WORDS,
        )


async def visiting(request: Request, session: Reader, site: Pages, task: TaskId) -> Visit:
    """FastAPI dependency: a look at a case by somebody who is logged in."""
    return Visit(request=request, session=session, site=site, task=task)


Visiting = Annotated[Visit, Depends(visiting)]


@router.get("/tasks/{task}")
async def case_page(visit: Visiting) -> Response:
    """Show one case."""
    return visit.page(await visit.read(), Back())


@router.get("/tasks/{task}/live")
async def case_live(visit: Visiting, version: int) -> Response:
    """Say that somebody has changed the case since the page was read."""
    pool, sight = visit.request.app.state.pool, sight_of(visit.session.principal)
    async with pool.acquire() as conn:
        if await case_store.read_case(conn, visit.task, sight) is None:
            raise Problem(NOT_FOUND)

    async def revision() -> str:
        async with pool.acquire() as conn:
            return str(await case_store.version_of(conn, visit.task))

    async def render() -> str:
        now = await revision()
        return visit.site.fragment(
            visit.request,
            "departments/case_changed.html",
            session=visit.session,
            changed=now != str(version),
            path=visit.path,
        )

    return await live(visit.request, revision, render)


@router.post("/tasks/{task}")
async def case_act(visit: Visiting, asked: Once) -> Response:
    """Do what one of the page's forms asks for."""
    form = Form.of(await visit.request.form())
    name = form.text("act")
    act = ACTS.get(name)
    if act is None:
        raise Problem(NOT_FOUND)
    case = await visit.read()
    try:
        if not visit.session.principal.has(*act.roles):
            raise Problem(FORBIDDEN)
        if form.text("do") == "preview":
            return await _preview(visit, case, name, form)
        return await _do(visit, case, act, form, asked)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        back = refused(visit.site, visit.request, name, form, problem, act.names)
        return visit.page(await visit.read(), back, problem.kind.status)


async def _do(visit: Visit, case: Case, act: Act, form: Form, asked: Asked) -> Response:
    response: Response = RedirectResponse(visit.path, status_code=303)
    with ExitStack() as spans:
        async with once(visit.request, asked) as (conn, slot):
            if slot.stored is not None:
                return slot.stored
            asking = Asking(
                request=visit.request,
                session=visit.session,
                task=visit.task,
                form=form,
                case=case,
                spans=spans,
            )
            note = await act.do(conn, asking)
            slot.keep(response)
    visit.site.flash(visit.request, response, note)
    return response


async def _preview(visit: Visit, case: Case, name: str, form: Form) -> Response:
    make = PREVIEWS.get(name)
    if make is None:
        raise Problem(NOT_FOUND)
    state = visit.request.app.state
    letter = make(case, form, state.shelf, state.clock.now())
    return visit.page(case, Back(act=name, typed=form, letter=letter))


def _texts(row: Row) -> list[str]:
    """Return the reasons of an outcome, or what a grant is subject to."""
    found = {**dict(row)}
    return [
        text for name in ("reasons", "conditions") for text in orjson.loads(found.get(name) or "[]")
    ]


def _changes(case: Case, back: Back) -> list[Mapping[str, Any]]:
    """Return what was done since the page was read that a form was sent from."""
    seen, version = back.typed.number("seen"), back.typed.number("version")
    found: list[Mapping[str, Any]] = [dict(one) for one in case.acts if one["id"] > seen]
    marks = [one for one in case.marks.values() if one["version"] > version]
    if marks:
        last = max(marks, key=lambda one: one["marked_at"])
        found.append(
            {
                "kind": "checked",
                "actor_ref": last["marked_by"],
                "actor_role": last["marked_role"],
                "note": None,
                "at": last["marked_at"],
            }
        )
    return found
