"""One's own absence, as anybody of the department records it; and whose substitute one is."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.departments import absences, workbench_store
from services.departments import authority_store as store
from services.departments.models import LARGEST_ID
from services.departments.pages import queue
from services.departments.pages.case_form import Back, Form, refused
from services.departments.pages.common import (
    CHIEF,
    OFFICER,
    Member,
    Once,
    Pages,
    acted,
    greet,
    today_of,
)
from services.departments.pages.head_people import MOST, choices, person_if_any, substitutes_in
from services.departments.pages.queue_lines import Line, Reader, lines_of
from services.departments.pages.queue_reading import SPECIAL, TASK, USUAL, Key
from services.departments.scope import department_of
from services.departments.store import Row
from services.departments.workbench_store import MOST as MOST_COUNTED
from services.domain.calendar import WorkingCalendar
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
ABSENCE = "/absence"
SHOWN = 50
"""Tasks of one absent colleague on the page."""
Number = Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID)]
Page = Callable[[Request, Session, Site, Back], Awaitable[Response]]
_NAMES = {name: name for name in ("since", "until", "substitute")}


class _Days(BaseModel):
    """The first and the last day that somebody is absent on; None: today, until he is back."""

    since: date | None
    until: date | None


@router.get(ABSENCE)
async def own_absence(request: Request, session: Member, site: Pages) -> Response:
    """Show when one is absent, and what those have in hand for whom one stands in."""
    return await _page(request, session, site, Back())


async def _page(request: Request, session: Session, site: Site, back: Back) -> Response:
    who, own = session.principal, department_of(session.principal)
    async with request.app.state.pool.acquire() as conn:
        await greet(conn, request, session)
        reader = await queue.reader_of(conn, request, session)
        rows = await store.list_absences(
            conn, own, person=who.ref, at=reader.now, after=0, rows=MOST
        )
        authorised = await substitutes_in(conn, request, own, of=who.ref)
        counts = await queue.counts_of(conn, request, who)
        absent = await queue.stood_in_for(conn, request, who)
        lines = await _in_hand(conn, reader, own, [one["person_ref"] for one in absent])
    today = today_of(request)
    return site.page(
        request,
        "departments/absence.html",
        status=back.status,
        session=session,
        rows=[(row, row["since"] <= reader.now, _days(reader.calendar, row)) for row in rows],
        authorised=authorised.get(who.ref, {}),
        in_hand=counts.mine,
        most=MOST_COUNTED,
        stands_in=[
            (one, [line for line in lines if line.holder == one["person_ref"]]) for one in absent
        ],
        people=reader.people,
        colleagues=choices(reader.people, without=who.ref),
        may_claim=who.has(OFFICER, CHIEF),
        me=who.ref,
        today=today,
        latest=today + absences.LONGEST,
        back=back,
        **queue.WORDS,
    )


def _days(calendar: WorkingCalendar, row: Row) -> int | None:
    until: datetime | None = row["until"]
    return None if until is None else absences.working_days(calendar, row["since"], until)


async def _in_hand(conn: Connection, reader: Reader, own: str, refs: list[str]) -> list[Line]:
    """Return what some colleagues have in hand, in the order of the queue."""
    found = await workbench_store.in_hand(conn, own, refs, size=SHOWN) if refs else []
    keys = [Key(SPECIAL if r["is_special"] else USUAL, r["at"], TASK, r["id"]) for r in found]
    return await lines_of(conn, reader, own, keys)


@router.post(ABSENCE)
async def record(request: Request, session: Member, site: Pages, asked: Once) -> Response:
    """Record one's own absence."""
    form, state, who = Form.of(await request.form()), request.app.state, session.principal
    try:
        days = checked(_Days, since=form.text("since") or None, until=form.text("until") or None)
        since, until = absences.term(
            state.shelf.calendar, state.clock.now(), days.since, days.until
        )
        substitute = await person_if_any(request, session, form, "substitute")
        act = partial(
            absences.record,
            clock=state.clock,
            who=who,
            person=who.ref,
            substitute=substitute,
            since=since,
            until=until,
        )
        return await acted(request, site, asked, act, to=ABSENCE, note="缺勤已登记。")
    except Problem as problem:
        back = refused(site, request, "absence", form, problem, _NAMES)
        return await _page(request, session, site, back)


@router.post(ABSENCE + "/{id}/end")
async def end(request: Request, session: Member, site: Pages, id_: Number, asked: Once) -> Response:
    """End one's own absence: one is back, or comes after all."""
    return await end_absence(request, session, site, id_, asked, _page, to=ABSENCE)


async def end_absence(
    request: Request, session: Session, site: Site, id_: int, asked: Asked, page: Page, *, to: str
) -> Response:
    """End an absence; what cannot be is said on the page. Raises Problem 404."""
    form = Form.of(await request.form())
    try:
        act = partial(absences.end, clock=request.app.state.clock, who=session.principal, id_=id_)
        return await acted(request, site, asked, act, to=to, note="缺勤已结束。")
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        return await page(request, session, site, refused(site, request, "end", form, problem, {}))
