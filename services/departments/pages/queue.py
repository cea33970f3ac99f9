"""The queue of a department: due first, found by filters, claimed one by one or together."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.departments import authorisations, authority_store, handling
from services.departments import workbench_store as store
from services.departments.models import LARGEST_BATCH, LARGEST_ID
from services.departments.pages import queue_export, queue_reading
from services.departments.pages.case_words import OUTCOMES
from services.departments.pages.common import (
    CHIEF,
    MEMBERS,
    OFFICER,
    Anybody,
    Member,
    Officer,
    Pages,
    department_name,
    greet,
    item_names,
    people_of,
    today_of,
)
from services.departments.pages.queue_lines import Line, Reader, lines_of, task_lines
from services.departments.pages.queue_reading import Filter, Key, Kind, State, Whose, place
from services.departments.scope import department_of
from services.departments.store import Row
from services.departments.workbench_store import MOST, Counts
from services.domain.calendar import ONE_DAY, ZONE
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.pages import After
from services.runtime.web.problems import Problem
from services.runtime.web.site.live import live, seen
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
KINDS = {
    Kind.EXAMINATION: "材料审查",
    Kind.DECIDE: "审批",
    Kind.CONSULT: "征求意见",
}
STATES = {
    State.OPEN: "待办理",
    State.DECIDED: "已办结",
    State.LAPSED: "逾期未答复",
    State.CANCELLED: "已取消",
}
WHOSE = {Whose.ANY: "全部", Whose.ME: "我承办的", Whose.NOBODY: "无人承办的"}
WORDS: Mapping[str, Mapping[Any, str]] = {
    "kinds": KINDS,
    "states": STATES,
    "whose": WHOSE,
    "outcomes": OUTCOMES,
}
TEMPLATE = "departments/queue.html"
_LONGEST = 64
_YEARS = range(2000, 2200)
_NUMBER = re.compile(r"[0-9]{1,19}")
_Choice = TypeVar("_Choice", bound=StrEnum)


def filter_of(given: Mapping[str, str]) -> Filter:
    """Return the filter that an address asks for; what cannot be read does not filter."""
    return Filter(
        state=_one(State, given.get("state")) or State.OPEN,
        kind=_one(Kind, given.get("kind")),
        item=_text(given.get("item")),
        until=_day(given.get("until")),
        late=given.get("late") == "yes",
        text=_text(given.get("q")),
        whose=_one(Whose, given.get("whose")) or Whose.ANY,
    )


def _one(kind: type[_Choice], text: str | None) -> _Choice | None:
    return kind(text) if text in set(kind) else None


def _text(text: str | None) -> str | None:
    return "".join(one for one in text or "" if one.isprintable()).strip()[:_LONGEST] or None


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _asked(request: Request) -> Filter:
    return filter_of(request.query_params)


Asked = Annotated[Filter, Depends(_asked)]


@router.get("/")
async def home(request: Request, session: Anybody, site: Pages) -> Response:
    """The queue is the first page of those who have one."""
    if session.principal.has(*MEMBERS):
        return RedirectResponse("/queue", status_code=303)
    return site.page(request, "nothing.html", session=session)


@router.get("/queue")
async def queue(
    request: Request,
    session: Member,
    site: Pages,
    wanted: Asked,
    after: After = None,
    result: str = "",
) -> Response:
    """One page of the department's queue, as the address filters it."""
    context = await contents(request, session, wanted, after=place(after), asked=numbers(result))
    return site.page(request, TEMPLATE, session=session, **context)


async def contents(
    request: Request,
    session: Session,
    wanted: Filter,
    *,
    after: Key | None = None,
    asked: Sequence[int] = (),
) -> dict[str, Any]:
    """Return what a page of the queue shows; `asked`: tasks of which it says what became."""
    state, who = request.app.state, session.principal
    department = department_of(who)
    async with state.pool.acquire() as conn:
        await greet(conn, request, session)
        reader = await reader_of(conn, request, session)
        keys = await queue_reading.find(
            conn, department, wanted, me=who.ref, now=reader.now, after=after
        )
        lines = await lines_of(conn, reader, department, keys.keys)
        done = await task_lines(conn, reader, department, asked)
        counts = await counts_of(conn, request, who)
        views = await store.views_of(conn, who.ref, department)
        stands_in = await stood_in_for(conn, request, who)
    return {
        "lines": lines,
        "wanted": wanted,
        "query": urlencode(wanted.query),
        "next": address(wanted, after=keys.next.cursor) if keys.next else None,
        "cut_short": keys.cut_short,
        "looked_at": store.WINDOW,
        "is_first": after is None,
        "claimed": _claimed(done, who),
        "stands_in": [(one, reader.people.name(one["person_ref"])) for one in stands_in],
        "counts": _shown(counts, today_of(request)),
        "revision": seen(repr(counts)),
        "views": [(one, read(one["query"]) == wanted) for one in views],
        "items": _items(request, department),
        "department": department_name(state.shelf, department),
        "may_claim": who.has(OFFICER, CHIEF),
        "me": who.ref,
        "view_name": "",
        "view_problem": "",
        **WORDS,
    }


async def stood_in_for(conn: Connection, request: Request, who: Principal) -> list[Row]:
    """Return who is absent now and has somebody as his substitute."""
    now, own = request.app.state.clock.now(), department_of(who)
    return await authority_store.stood_in_for(conn, who.ref, own, at=now, on_day=today_of(request))


async def reader_of(conn: Connection, request: Request, session: Session) -> Reader:
    """Return what makes lines for a page."""
    state = request.app.state
    return Reader(
        names=item_names(state.shelf),
        people=await people_of(conn, request, session),
        calendar=state.shelf.calendar,
        now=state.clock.now(),
    )


def _items(request: Request, department: str) -> list[tuple[str, Any]]:
    names = item_names(request.app.state.shelf)
    known = authorisations.items_of(request.app.state.shelf, department)
    return [(code, names[code]) for code in sorted(known)]


def address(wanted: Filter, **more: str) -> str:
    """Return where a filter is seen."""
    query = urlencode([*wanted.query, *more.items()])
    return f"/queue?{query}" if query else "/queue"


def read(query: str) -> Filter:
    """Return the filter of an address's query, as a form or a view has kept it."""
    return filter_of(dict(parse_qsl(query)))


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What became of the tasks that somebody chose to claim."""

    mine: list[Line]
    others: list[Line]
    free: list[Line]
    ended: list[Line]

    def __bool__(self) -> bool:
        return bool(self.mine or self.others or self.free or self.ended)


def _claimed(lines: Iterable[Line], who: Principal) -> Claimed:
    found = Claimed(mine=[], others=[], free=[], ended=[])
    for one in lines:
        if one.state != State.OPEN:
            found.ended.append(one)
        elif one.holder is None:
            found.free.append(one)
        else:
            (found.mine if one.holder == who.ref else found.others).append(one)
    return found


def numbers(text: str) -> list[int]:
    """Return the numbers of tasks in an address, up to a hundred; what is none is left out."""
    found = [int(one) for one in text.split(",")[:LARGEST_BATCH] if _NUMBER.fullmatch(one)]
    return [one for one in found if 0 < one <= LARGEST_ID]


@router.post("/queue/claims")
async def claim_tasks(request: Request, session: Officer, site: Pages) -> Response:
    """Claim what was chosen, each on its own merits; the page then says what became of each."""
    form = await request.form()
    tasks = chosen(str(one) for one in form.getlist("task"))
    wanted = read(str(form.get("view") or ""))
    if not tasks:
        response = RedirectResponse(address(wanted), status_code=303)
        site.flash(request, response, "没有选中任何事项。", ok=False)
        return response
    state = request.app.state
    async with state.pool.acquire() as conn:
        for task, version in sorted(tasks.items()):
            await _claim(conn, request, session.principal, task, version)
    there = ",".join(map(str, sorted(tasks)))
    return RedirectResponse(address(wanted, result=there), status_code=303)


def chosen(boxes: Iterable[str]) -> dict[int, str]:
    """Return what was ticked in a list, up to a hundred: tasks with the version that was seen."""
    found: dict[int, str] = {}
    for box in boxes:
        number, _, version = box.partition(":")
        found |= dict.fromkeys(numbers(number), version)
    return dict(list(found.items())[:LARGEST_BATCH])


async def _claim(
    conn: Connection, request: Request, who: Principal, task: int, version: str
) -> None:
    """Claim one task, unless somebody was quicker: that the page says afterwards."""
    try:
        async with conn.transaction():
            await handling.claim(
                conn,
                clock=request.app.state.clock,
                who=who,
                task=task,
                expected=Expected(frozenset({version})),
            )
    except Problem as problem:
        if problem.kind.status not in _REFUSED:
            raise


_REFUSED = (403, 404, 409, 412)


async def counts_of(conn: Connection, request: Request, who: Principal) -> Counts:
    """Return what waits for the department and for one of its people."""
    now: datetime = request.app.state.clock.now()
    tomorrow = datetime.combine(now.astimezone(ZONE).date() + ONE_DAY, time.min, ZONE)
    return await store.counts(conn, department_of(who), holder=who.ref, now=now, tomorrow=tomorrow)


@dataclass(frozen=True, kw_only=True)
class Count:
    """A number that leads to what it counts; `text` has a plus where more was not counted."""

    label: str
    text: str
    path: str
    is_bad: bool = False


def _shown(counts: Counts, today: date) -> list[Count]:
    """Return what waits, each number with the filter that shows it."""

    def text(number: int) -> str:
        return f"{MOST - 1}+" if number >= MOST else str(number)

    by_tonight = address(Filter(until=today))
    return [
        Count(label="待办", text=text(counts.open), path=address(Filter())),
        Count(
            label="已超期",
            text=text(counts.late),
            path=address(Filter(late=True)),
            is_bad=counts.late > 0,
        ),
        Count(label="今日截止（含超期）", text=text(counts.today), path=by_tonight),
        Count(label="我承办", text=text(counts.mine), path=address(Filter(whose=Whose.ME))),
        Count(
            label="无人承办",
            text=text(counts.unclaimed),
            path=address(Filter(whose=Whose.NOBODY)),
        ),
        Count(
            label="材料审查",
            text=text(counts.examinations),
            path=address(Filter(kind=Kind.EXAMINATION)),
        ),
    ]


@router.get("/queue/counts")
async def counts_live(request: Request, session: Member, site: Pages) -> Response:
    """The numbers above the queue, as they move."""

    async def look() -> Counts:
        async with request.app.state.pool.acquire() as conn:
            return await counts_of(conn, request, session.principal)

    async def revision() -> str:
        return repr(await look())

    async def render() -> str:
        counts = _shown(await look(), today_of(request))
        return site.fragment(
            request, "departments/queue_counts.html", session=session, counts=counts
        )

    return await live(request, revision, render)


@router.get("/queue.csv")
async def export(request: Request, session: Member, site: Pages, wanted: Asked) -> Response:
    """The queue as filtered, as a table for spreadsheets."""
    who = session.principal
    async with request.app.state.pool.acquire() as conn:
        reader = await reader_of(conn, request, session)
        lines = await queue_export.lines(conn, reader, department_of(who), wanted, me=who.ref)
    text = queue_export.as_csv(lines, lambda message: site.say(request, message), WORDS)
    name = f"queue-{today_of(request).isoformat()}.csv"
    return Response(
        text.encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
