"""The department as its head sees it: load, lateness, and what waits for an answer from above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from services.departments import (
    assigning,
    authorisations,
    authority_store,
    extending_store,
    head_store,
)
from services.departments import workbench_store as store
from services.departments.authority_models import Reassignment
from services.departments.pages import queue, queue_reading
from services.departments.pages.case_form import Back, Form, refused
from services.departments.pages.common import (
    CHIEF,
    HEAD,
    Pages,
    department_name,
    greet,
    item_names,
    people_of,
)
from services.departments.pages.head_people import choices, person_of
from services.departments.pages.queue_lines import lines_of, task_lines
from services.departments.pages.queue_reading import Filter, Whose
from services.departments.scope import department_of
from services.departments.store import Row
from services.domain.calendar import ZONE
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words
from services.runtime.web.site import Site
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session, signed_in_as

router = APIRouter(include_in_schema=False)
Leader = Annotated[Session, Depends(signed_in_as(CHIEF, HEAD))]
Ref = Annotated[str, Path(pattern="^[0-9a-f]{8,128}$")]
MOST_ABOVE = 50
MOST_IN_HAND = 100
_NOTHING = Words("请选中要改派的事项", "Choose what is given into other hands")
_NAMES = {"task": "task", "to": "to", "reason": "reason"}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Something that went up and waits for an answer. `what`: a message."""

    what: str
    task: int
    application: str
    item: str
    due_at: datetime
    is_late: bool


@router.get("/department")
async def department(request: Request, session: Leader, site: Pages) -> Response:
    """Show who has how much to do, what is late, and what waits for the head."""
    state, own = request.app.state, department_of(session.principal)
    now = state.clock.now()
    known = sorted(authorisations.items_of(state.shelf, own))
    async with state.pool.acquire() as conn:
        await greet(conn, request, session)
        people = await people_of(conn, request, session)
        officers = await head_store.load_of_people(conn, own, now=now)
        absent = await authority_store.absent(conn, [one["ref"] for one in officers], own, at=now)
        items = await head_store.load_of_items(conn, own, known, now=now)
        kept = await head_store.kept(conn, own, since=_first_of_month(now), now=now)
        waiting = await _waiting(conn, own, now)
    return site.page(
        request,
        "departments/head.html",
        session=session,
        department=department_name(state.shelf, own),
        people=people,
        officers=[(one, one["ref"] in absent) for one in officers],
        items=[one for one in items if one["open"]],
        names=item_names(state.shelf),
        kept=kept,
        late=sum(one["late"] for one in items),
        waiting=waiting,
        most=store.MOST,
    )


def _first_of_month(now: datetime) -> datetime:
    return now.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def _waiting(conn: Connection, own: str, now: datetime) -> list[Waiting]:
    """Return what went up and has no answer, and longer limits proposed; soonest due first."""
    aboves = await authority_store.list_aboves(
        conn, own, task=None, unanswered=True, overdue_at=None, after=None, rows=MOST_ABOVE
    )
    proposals = await extending_store.list_proposals(
        conn, own, task=None, unanswered=True, after=None, rows=MOST_ABOVE
    )
    found = [_waits(one, "报批", now) for one in aboves]
    found += [_waits(one, "延期申请", now) for one in proposals]
    return sorted(found, key=lambda one: one.due_at)


def _waits(row: Row, what: str, now: datetime) -> Waiting:
    return Waiting(
        what=what,
        task=row["task_id"],
        application=row["application"],
        item=row["item"],
        due_at=row["due_at"],
        is_late=row["due_at"] < now,
    )


@router.get("/department/people/{ref}")
async def person(
    request: Request, session: Leader, site: Pages, ref: Ref, result: str = ""
) -> Response:
    """Show what one officer has in hand, to give it into other hands."""
    given = queue.numbers(result)
    return await _person_page(request, session, site, ref, Back(), given=given)


async def _person_page(
    request: Request,
    session: Session,
    site: Site,
    ref: str,
    back: Back,
    *,
    given: Sequence[int] = (),
) -> Response:
    state, own = request.app.state, department_of(session.principal)
    async with state.pool.acquire() as conn:
        reader = await queue.reader_of(conn, request, session)
        held = await queue_reading.find(
            conn, own, Filter(whose=Whose.ME), me=ref, now=reader.now, size=MOST_IN_HAND
        )
        if ref not in reader.people.names and not held.keys and not given:
            raise Problem(NOT_FOUND)
        lines = await lines_of(conn, reader, own, held.keys)
        done = await task_lines(conn, reader, own, given)
        absent = await authority_store.absent(conn, [ref], own, at=reader.now)
    return site.page(
        request,
        "departments/head_person.html",
        status=back.status,
        session=session,
        ref=ref,
        name=reader.people.name(ref),
        is_absent=ref in absent,
        lines=lines,
        has_more=held.next is not None,
        moved=[one for one in done if one.holder not in (None, ref)],
        colleagues=choices(reader.people, without=ref),
        back=back,
        me=session.principal.ref,
        **queue.WORDS,
    )


@router.post("/department/people/{ref}")
async def reassign(request: Request, session: Leader, site: Pages, ref: Ref) -> Response:
    """Give chosen tasks into a colleague's hands, with the reason; all of them or none."""
    form = Form.of(await request.form())
    try:
        chosen = queue.chosen(form.all("task"))
        if not chosen:
            raise Problem(INVALID, errors=[Fault("#/task", _NOTHING)])
        to = await person_of(request, session, form, "to")
        body = checked(Reassignment, to=to, reason=form.text("reason"))
        state = request.app.state
        async with state.pool.acquire() as conn, conn.transaction():
            for task, version in sorted(chosen.items()):
                await assigning.reassign(
                    conn,
                    clock=state.clock,
                    who=session.principal,
                    task=task,
                    colleague=to,
                    reason=body.reason,
                    expected=Expected(frozenset({version})),
                )
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        back = refused(site, request, "reassign", form, problem, _NAMES)
        return await _person_page(request, session, site, ref, back)
    there = ",".join(map(str, sorted(chosen)))
    response = RedirectResponse(f"/department/people/{ref}?result={there}", status_code=303)
    site.flash(request, response, "已改派。")
    return response
