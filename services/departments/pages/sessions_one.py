"""One joint session on its page: who comes, who came, the one record, the signatures of all."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Outcome, TaskState
from services.departments import sessions_api, sessions_photos
from services.departments import sessions_models as models
from services.departments import sessions_store as store
from services.departments.case_faults import CHOOSE_EACH, SIGN_RECORD
from services.departments.models import LARGEST_ID
from services.departments.pages.case_form import Form
from services.departments.pages.common import Member, Officer, Once, Pages, people_of
from services.departments.pages.sessions import names_of, read
from services.departments.pages.sessions_words import WORDS
from services.departments.problems import INCOMPLETE
from services.departments.scope import department_of, sight_of
from services.departments.web import once
from services.domain.official_texts import REMEDIES
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import NOT_FOUND, Fault, Problem
from services.runtime.web.site.forms import checked
from services.runtime.web.site.live import live
from services.runtime.web.site.session import Session

router = APIRouter(prefix="/sessions", include_in_schema=False)
Id = Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID)]
PhotoId = Annotated[int, Path(alias="photo", ge=1, le=LARGEST_ID)]
REFUSING = frozenset({Outcome.REFUSED, Outcome.OBJECTION})
Found = Mapping[str, Any]


@router.get("/{id}")
async def shown(request: Request, session: Member, site: Pages, id_: Id) -> Response:
    """Show a session."""
    return await _page(request, session, site, id_)


async def _page(
    request: Request,
    session: Session,
    site: Pages,
    id_: int,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
) -> Response:
    context = await _context(request, session, id_)
    return site.page(
        request,
        "departments/session.html",
        status=problem.kind.status if problem else 200,
        session=session,
        told=site.told(request, problem) if problem else None,
        typed=form or Form(fields={}),
        **context,
    )


async def _context(request: Request, session: Session, id_: int) -> dict[str, Any]:
    state, who = request.app.state, session.principal
    found: Found = read(await sessions_api.read_session(request, who, id_))
    async with state.pool.acquire() as conn:
        people = await people_of(conn, request, session)
        photos = await sessions_photos.photos_of(conn, id_)
        roster = [row["officer_ref"] for row in await store.roster_of(conn, [department_of(who)])]
    own = department_of(who)
    sent = [one["officer"] for one in found["attendees"] if one["released_at"] is None]
    mine = [one for one in found["tasks"] if one["department"] == own]
    return {
        "found": found,
        "own": own,
        "leads": found["lead"] == own,
        "begun": found["starts_at"] <= state.clock.now(),
        "now": state.clock.now(),
        "people": people,
        "photos": photos,
        "spare": [ref for ref in roster if ref not in sent],
        "open_tasks": [one for one in mine if one["state"] == TaskState.OPEN],
        "verifying": sorted(
            {one["department"] for one in found["tasks"] if one["part"] == "decide"}
        ),
        "remedies": "\n".join(one.zh for one in REMEDIES),
        **names_of(state.shelf),
        **WORDS,
    }


@router.get("/{id}/live")
async def changed(
    request: Request, session: Member, site: Pages, id_: Id, version: int = 0
) -> Response:
    """Say that somebody else has gone on with the session since the page was read."""
    pool, sight = request.app.state.pool, sight_of(session.principal)

    async def look() -> tuple[int, int]:
        async with pool.acquire() as conn:
            whole = await store.read_session(conn, id_, sight)
        if whole is None:
            raise Problem(NOT_FOUND)
        return whole.row["version"], sum(one["signed_at"] is not None for one in whole.members)

    first = await look()

    async def revision() -> str:
        return str(await look())

    async def render() -> str:
        now = await look()
        return site.fragment(
            request,
            "departments/session_changed.html",
            session=session,
            changed=now != first or now[0] != version,
            path=f"/sessions/{id_}",
        )

    return await live(request, revision, render)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """An act that is asked for by a form of the page."""

    request: Request
    session: Session
    id: int
    form: Form
    asked: Asked


async def _substitute(one: Asking) -> None:
    body = checked(
        models.Substitution,
        officer=one.form.text("officer"),
        instead_of=one.form.text("instead_of"),
    )
    await sessions_api.send_substitute(
        one.request, one.session.principal, one.id, body, one.form.expected
    )


async def _attendance(one: Asking) -> None:
    body = checked(models.Attendance, present=one.form.all("present"))
    await sessions_api.take_attendance(
        one.request, one.session.principal, one.id, body, one.form.expected
    )


async def _record(one: Asking) -> None:
    prefix = "finding-"
    findings = {
        name.removeprefix(prefix): text
        for name in one.form.fields
        if name.startswith(prefix) and (text := one.form.text(name))
    }
    body = checked(models.NewRecord, minutes=one.form.text("minutes"), findings=findings)
    await sessions_api.record_session(
        one.request, one.session.principal, one.id, body, one.form.expected
    )


async def _cancel(one: Asking) -> None:
    body = checked(models.Cancellation, reason=one.form.text("reason"))
    await sessions_api.cancel_session(
        one.request, one.session.principal, one.id, body, one.form.expected
    )


async def _sign(one: Asking) -> None:
    tasks, faults = one.form.all("task"), []
    if not all(one.form.text(f"outcome-{task}") for task in tasks):
        faults.append(Fault("#/entries", CHOOSE_EACH))
    if one.form.text("signed") != "yes":
        faults.append(Fault("#/signed", SIGN_RECORD))
    if faults:
        raise Problem(INCOMPLETE, errors=faults)
    entries = []
    for task in tasks:
        outcome = one.form.text(f"outcome-{task}")
        refusing = outcome in REFUSING
        entries.append(
            {
                "id": task,
                "outcome": outcome,
                "reasons": one.form.lines(f"reasons-{task}") if refusing else (),
                "remedies": one.form.lines(f"remedies-{task}")
                if outcome == Outcome.REFUSED
                else (),
                "conditions": () if refusing else one.form.lines(f"conditions-{task}"),
            }
        )
    body = checked(models.OwnSignature, sha256=one.form.text("sha256"), entries=entries)
    await sessions_api.sign_record(one.request, one.session.principal, one.id, body, one.asked)


async def _photo(one: Asking) -> None:
    given = (await one.request.form()).getlist("photo")
    state = one.request.app.state
    async with once(one.request, one.asked) as (conn, slot):
        if slot.stored is not None:
            return
        for file in given:
            if isinstance(file, UploadFile) and file.filename:
                await sessions_photos.add(
                    conn,
                    clock=state.clock,
                    who=one.session.principal,
                    session=one.id,
                    content=await file.read(sessions_photos.LARGEST + 1),
                )
        slot.keep(Response(status_code=204))


ACTS: Mapping[str, tuple[Callable[[Asking], Awaitable[None]], str]] = {
    "substitute": (_substitute, "替补人员已派出"),
    "attendance": (_attendance, "到场情况已登记"),
    "record": (_record, "记录已存档，请各部门签署"),
    "sign": (_sign, "已签署"),
    "cancel": (_cancel, "会议已取消，可重新召集"),
    "photo": (_photo, "照片已加入"),
}


@router.post("/{id}")
async def act(request: Request, session: Officer, site: Pages, id_: Id, asked: Once) -> Response:
    """Do what one of the page's forms asks for."""
    form = Form.of(await request.form())
    do, note = ACTS.get(form.text("act"), (None, ""))
    if do is None:
        raise Problem(NOT_FOUND)
    try:
        await do(Asking(request=request, session=session, id=id_, form=form, asked=asked))
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        return await _page(request, session, site, id_, problem=problem, form=form)
    response = RedirectResponse(f"/sessions/{id_}", status_code=303)
    site.flash(request, response, note)
    return response


@router.get("/{id}/photos/{photo}")
async def photo(request: Request, session: Member, id_: Id, photo_: PhotoId) -> Response:
    """One photo, to look at."""
    async with request.app.state.pool.acquire() as conn:
        whole = await store.read_session(conn, id_, sight_of(session.principal))
        found = None if whole is None else await sessions_photos.read_photo(conn, id_, photo_)
    if found is None:
        raise Problem(NOT_FOUND)
    headers = {"cache-control": "no-store", "content-disposition": "inline"}
    return Response(bytes(found["content"]), media_type=found["media_type"], headers=headers)
