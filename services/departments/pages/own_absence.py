"""One's own absence, as anybody of the department records it; and whose substitute one is."""

from datetime import date, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.departments import absences
from services.departments import authority_store as store
from services.departments.models import LARGEST_ID
from services.departments.pages import queue, queue_reading
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
from services.departments.pages.queue_reading import Filter, Whose
from services.departments.scope import department_of
from services.departments.store import Row
from services.departments.workbench_store import MOST as MOST_COUNTED
from services.domain.calendar import WorkingCalendar
from services.runtime.db import Connection
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site import Site
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
ABSENCE = "/absence"
SHOWN = 50
"""Tasks of one absent colleague on the page."""
Number = Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID)]
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
        stands_in = [
            (one, await _in_hand(conn, reader, own, one["person_ref"]))
            for one in await queue.stood_in_for(conn, request, who)
        ]
    today = today_of(request)
    return site.page(
        request,
        "departments/absence.html",
        status=back.status,
        session=session,
        rows=[(row, row["since"] <= reader.now, _days(reader.calendar, row)) for row in rows],
        authorised=sorted(authorised.get(who.ref, ())),
        in_hand=counts.mine,
        most=MOST_COUNTED,
        stands_in=stands_in,
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


async def _in_hand(conn: Connection, reader: Reader, own: str, ref: str) -> list[Line]:
    found = await queue_reading.find(
        conn, own, Filter(whose=Whose.ME), me=ref, now=reader.now, size=SHOWN
    )
    return await lines_of(conn, reader, own, found.keys)


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
    form = Form.of(await request.form())
    try:
        clock, who = request.app.state.clock, session.principal
        act = partial(absences.end, clock=clock, who=who, id_=id_)
        return await acted(request, site, asked, act, to=ABSENCE, note="缺勤已结束。")
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        return await _page(request, session, site, refused(site, request, "end", form, problem, {}))
