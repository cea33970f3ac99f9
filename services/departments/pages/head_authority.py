"""Who may act for the department: written authorisations and absences, as its head keeps them."""

from datetime import date, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.departments import absences, authorisations
from services.departments import authority_store as store
from services.departments.authority_models import NewAbsence, NewAuthorisation
from services.departments.authority_store import Grant
from services.departments.models import LARGEST_ID
from services.departments.pages.case_form import Back, Form, refused
from services.departments.pages.case_words import POWERS
from services.departments.pages.common import (
    HEAD,
    Head,
    Once,
    Pages,
    acted,
    department_name,
    greet,
    item_names,
    people_of,
    today_of,
)
from services.departments.pages.head import Leader
from services.departments.pages.head_people import (
    choices,
    person_if_any,
    person_of,
    reason_of,
    substitutes_in,
)
from services.departments.pages.own_absence import end_absence
from services.departments.scope import department_of
from services.departments.store import Row
from services.domain.calendar import ZONE
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
AUTHORISATIONS, ABSENCES = "/department/authorisations", "/department/absences"
MOST = 200
Number = Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID)]
_GRANT = {
    name: name
    for name in ("representative", "substitute", "items", "powers", "valid_from", "valid_until")
} | {"document": "document"}
_ABSENCE = {name: name for name in ("person", "substitute", "since", "until")}


@router.get(AUTHORISATIONS)
async def list_authorisations(request: Request, session: Leader, site: Pages) -> Response:
    """Show the department's written authorisations."""
    return await _authorisations(request, session, site, Back())


async def _authorisations(request: Request, session: Session, site: Site, back: Back) -> Response:
    state, own = request.app.state, department_of(session.principal)
    async with state.pool.acquire() as conn:
        await greet(conn, request, session)
        people = await people_of(conn, request, session)
        rows = await store.list_authorisations(
            conn, own, person=None, on_day=None, after=0, rows=MOST
        )
    names, today = item_names(state.shelf), today_of(request)
    return site.page(
        request,
        "departments/head_authorisations.html",
        status=back.status,
        session=session,
        department=department_name(state.shelf, own),
        rows=[(row, _standing(row, today)) for row in reversed(rows)],
        people=people,
        colleagues=choices(people, without=session.principal.ref),
        items=[(code, names[code]) for code in sorted(authorisations.items_of(state.shelf, own))],
        names=names,
        powers=POWERS,
        today=today,
        grants=session.principal.has(HEAD),
        back=back,
    )


def _standing(row: Row, today: date) -> tuple[str, str]:
    """Return whether an authorisation holds: a message, and how it is marked."""
    if row["revoked_at"] is not None:
        return "已撤销", "bad"
    if row["valid_until"] < today:
        return "已到期", "quiet"
    if row["valid_from"] > today:
        return "尚未生效", "warn"
    return "有效", "good"


@router.post(AUTHORISATIONS)
async def grant(request: Request, session: Head, site: Pages, asked: Once) -> Response:
    """Sign a written authorisation."""
    form = Form.of(await request.form())
    try:
        act = partial(
            authorisations.grant,
            clock=request.app.state.clock,
            shelf=request.app.state.shelf,
            who=session.principal,
            given=await _grant_of(request, session, form),
        )
        return await acted(request, site, asked, act, to=AUTHORISATIONS, note="授权书已签发。")
    except Problem as problem:
        back = refused(site, request, "grant", form, problem, _GRANT)
        return await _authorisations(request, session, site, back)


async def _grant_of(request: Request, session: Session, form: Form) -> Grant:
    """Return what a form grants. Raises Problem 422."""
    representative = await person_of(request, session, form, "representative")
    substitute = await person_if_any(request, session, form, "substitute")
    body = checked(
        NewAuthorisation,
        representative=representative,
        substitute=substitute,
        items=form.all("items") or None,
        powers=form.all("powers"),
        valid_from=form.text("valid_from") or None,
        valid_until=form.text("valid_until"),
        document=form.text("document"),
    )
    return Grant(
        department=department_of(session.principal),
        representative=representative,
        substitute=substitute,
        items=body.items,
        powers=tuple(sorted(set(body.powers))),
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        document=body.document,
    )


@router.post(AUTHORISATIONS + "/{id}/revocation")
async def revoke(
    request: Request, session: Head, site: Pages, id_: Number, asked: Once
) -> Response:
    """Revoke an authorisation, with the reason."""
    form = Form.of(await request.form())
    try:
        act = partial(
            authorisations.revoke,
            clock=request.app.state.clock,
            who=session.principal,
            id_=id_,
            reason=reason_of(form),
        )
        return await acted(request, site, asked, act, to=AUTHORISATIONS, note="授权书已撤销。")
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        back = refused(site, request, f"revoke-{id_}", form, problem, {"reason": "reason"})
        return await _authorisations(request, session, site, back)


@router.get(ABSENCES)
async def list_absences(request: Request, session: Leader, site: Pages) -> Response:
    """Show who is absent, who stands in, and what he has in hand."""
    return await _absences(request, session, site, Back())


async def _absences(request: Request, session: Session, site: Site, back: Back) -> Response:
    state, own = request.app.state, department_of(session.principal)
    now = state.clock.now()
    async with state.pool.acquire() as conn:
        await greet(conn, request, session)
        people = await people_of(conn, request, session)
        rows = await store.list_absences(conn, own, at=now, after=0, rows=MOST)
        authorised = await substitutes_in(conn, request, own)
    return site.page(
        request,
        "departments/head_absences.html",
        status=back.status,
        session=session,
        department=department_name(state.shelf, own),
        rows=[(row, authorised.get(row["person_ref"], {}), row["since"] <= now) for row in rows],
        people=people,
        colleagues=choices(people),
        back=back,
    )


@router.post(ABSENCES)
async def record(request: Request, session: Leader, site: Pages, asked: Once) -> Response:
    """Record that somebody of the department is absent."""
    form = Form.of(await request.form())
    try:
        person = await person_of(request, session, form, "person")
        substitute = await person_if_any(request, session, form, "substitute")
        body = checked(
            NewAbsence,
            person=person,
            since=_instant(form.text("since")),
            until=_instant(form.text("until")),
        )
        act = partial(
            absences.record,
            clock=request.app.state.clock,
            who=session.principal,
            person=person,
            substitute=substitute,
            since=body.since,
            until=body.until,
        )
        return await acted(request, site, asked, act, to=ABSENCES, note="缺勤已登记。")
    except Problem as problem:
        back = refused(site, request, "absence", form, problem, _ABSENCE)
        return await _absences(request, session, site, back)


def _instant(text: str) -> datetime | str | None:
    """Return what a control for date and time holds, on the clock of the county."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found.replace(tzinfo=ZONE) if found.tzinfo is None else found


@router.post(ABSENCES + "/{id}/end")
async def end(request: Request, session: Leader, site: Pages, id_: Number, asked: Once) -> Response:
    """End an absence: somebody is back."""
    return await end_absence(request, session, site, id_, asked, _absences, to=ABSENCES)
