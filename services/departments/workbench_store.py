"""What the workbench's pages read and keep: one function for each block of `sql/workbench.sql`."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.contracts.vocabulary import Part, PauseKind, Unit
from services.departments.store import Row
from services.domain.limits import Pause
from services.domain.route import Budget
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "workbench.sql"))
WINDOW = 20_000
"""Rows that are looked at for one page."""
RARE = 2_000
"""Fewer than so many are looked up and sorted."""
MOST = 1000
"""Nothing is counted further."""
OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows of one department's queue. `holder` is a keyed hash; None: no such filter.

    `state` is one of the table that is read; `special` are those that go before the others. What
    begins with `prefix` is looked up by it where that is rare (`is_rare`), else among the others.
    """

    department: str
    state: str
    item: str | None = None
    part: Part | None = None
    holder: str | None = None
    unclaimed: bool = False
    due_before: datetime | None = None
    prefix: str | None = None
    is_rare: bool = False
    special: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What one window holds: keys (instant, id) in order; `end`: the last key that was looked at.

    `end` is None when nothing is behind what was found.
    """

    keys: tuple[tuple[datetime, int], ...]
    end: tuple[datetime, int] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What waits; `MOST` means at least as many. `mine` is one officer's."""

    open: int
    late: int
    today: int
    mine: int
    unclaimed: int
    examinations: int


async def find_tasks(
    conn: Connection, wanted: Wanted, after: tuple[datetime, int] | None, rows: int
) -> Found:
    """Look through one window of tasks for up to `rows` of them, behind a place.

    What is open comes soonest due first, the rest last due first. The transaction's plan is made
    for these filters: call it in a transaction of its own.
    """
    is_open = wanted.state == OPEN
    query = QUERIES.tasks_forward if is_open else QUERIES.tasks_backward
    after_at, after_id = after or (None, None)
    by_holder = is_open and wanted.holder is not None
    by_item = is_open and not by_holder and not wanted.special
    found = query(
        conn,
        department=wanted.department,
        state=wanted.state,
        in_item=wanted.item if by_item else None,
        in_holder=wanted.holder if by_holder else None,
        in_special=wanted.special,
        in_prefix=wanted.is_rare,
        due_before=wanted.due_before,
        after_at=after_at,
        after_id=after_id,
        prefix=wanted.prefix,
        prefix_end=_behind(wanted.prefix),
        item=wanted.item,
        part=wanted.part,
        holder=wanted.holder,
        unclaimed=wanted.unclaimed,
        plain=is_open and not wanted.special,
        size=WINDOW,
        page=rows,
    )
    return _found([row async for row in found], rows)


async def in_hand(
    conn: Connection, department: str, holders: Sequence[str], *, size: int
) -> list[Row]:
    """Return places of open tasks in the hands of some officers, up to `size` of each."""
    found = QUERIES.in_hand(conn, department=department, holders=list(holders), size=size)
    return [row async for row in found]


async def find_examinations(
    conn: Connection, wanted: Wanted, after: tuple[datetime, int] | None, rows: int
) -> Found:
    """Look through one window of examinations in the same way."""
    query = QUERIES.examinations_backward
    if wanted.state == OPEN:
        query = QUERIES.examinations_forward
    after_at, after_id = after or (None, None)
    found = query(
        conn,
        department=wanted.department,
        state=wanted.state,
        in_prefix=wanted.is_rare,
        due_before=wanted.due_before,
        after_at=after_at,
        after_id=after_id,
        prefix=wanted.prefix,
        prefix_end=_behind(wanted.prefix),
        item=wanted.item,
        size=WINDOW,
        page=rows,
    )
    return _found([row async for row in found], rows)


def _behind(prefix: str | None) -> str | None:
    """Return what sorts behind everything that starts with the prefix (byte by byte)."""
    return None if prefix is None else prefix + "\U0010ffff"


async def is_rare(conn: Connection, prefix: str | None) -> bool:
    """Return whether so few numbers or projects begin so that they are better looked up by it."""
    if prefix is None:
        return False
    found: int = await QUERIES.begin_with(
        conn, prefix=prefix, prefix_end=_behind(prefix), most=RARE
    )
    return found < RARE


def _found(rows: Sequence[Row], asked: int) -> Found:
    keys = tuple((row["at"], row["id"]) for row in rows if row["matches"])
    last = rows[-1] if rows else None
    cut_short = last is not None and (len(rows) == asked or last["is_end"])
    return Found(keys=keys, end=(last["at"], last["id"]) if last and cut_short else None)


async def tasks_shown(conn: Connection, ids: Sequence[int], department: str) -> dict[int, Row]:
    """Return what a list shows of tasks of one department, by id."""
    found = QUERIES.tasks_shown(conn, ids=list(ids), department=department)
    return {row["id"]: row async for row in found}


async def examinations_shown(
    conn: Connection, ids: Sequence[int], department: str
) -> dict[int, Row]:
    """Return what a list shows of examinations of one department, by id."""
    found = QUERIES.examinations_shown(conn, ids=list(ids), department=department)
    return {row["id"]: row async for row in found}


async def pauses_in(conn: Connection, ids: Sequence[int]) -> dict[int, list[Pause]]:
    """Return the days on which tasks' clocks stood still, by task."""
    pauses: dict[int, list[Pause]] = defaultdict(list)
    async for row in QUERIES.pauses_in(conn, ids=list(ids)):
        last = row["until_on"]
        if last is not None and last < row["from_on"]:
            continue  # ended on the day before it would have begun to count
        cap = None
        if row["cap_value"] is not None:
            cap = Budget(value=row["cap_value"], unit=Unit(row["cap_unit"]))
        pauses[row["task_id"]].append(
            Pause(
                kind=PauseKind(row["kind"]),
                from_on=row["from_on"],
                until_on=last,
                cap=cap,
                notice=row["notice"],
                article=row["article"],
            )
        )
    return pauses


async def counts(
    conn: Connection, department: str, *, holder: str, now: datetime, tomorrow: datetime
) -> Counts:
    """Return what waits for a department and for one of its officers, each up to `MOST`."""
    row = await QUERIES.counts(
        conn,
        department=department,
        holder=holder,
        now=now,
        tomorrow=tomorrow,
        size=WINDOW,
        most=MOST,
    )
    return Counts(**dict(row))


async def save_view(
    conn: Connection, officer: str, department: str, *, name: str, query: str, at: datetime
) -> None:
    """Keep a filter under a name; one of the same name is replaced."""
    await QUERIES.save_view(
        conn, officer=officer, department=department, name=name, query=query, at=at
    )


async def views_of(conn: Connection, officer: str, department: str) -> list[Row]:
    """Return the views of one officer, by name."""
    found = QUERIES.views_of(conn, officer=officer, department=department)
    return [row async for row in found]


async def drop_view(conn: Connection, id_: int, officer: str, department: str) -> str | None:
    """Forget a view; return its name. None: it is nobody's, or somebody else's."""
    found = await QUERIES.drop_view(conn, id=id_, officer=officer, department=department)
    return cast("str | None", found)


async def call_colleague(
    conn: Connection, ref: str, department: str, *, name: str, at: datetime
) -> None:
    """Note what somebody of a department is called."""
    await QUERIES.call_colleague(conn, ref=ref, department=department, name=name, at=at)


async def colleagues_of(conn: Connection, department: str) -> list[Row]:
    """Return the names of those of a department who have logged in here, and when last."""
    return [row async for row in QUERIES.colleagues_of(conn, department=department)]


async def keep_views(conn: Connection, officer: str, at: datetime) -> None:
    """Note that an officer is here, who may have saved views."""
    await QUERIES.keep_views(conn, officer=officer, at=at)


async def forget_people(conn: Connection, before: datetime) -> int:
    """Delete names and views of those who were last here before then; return how many."""
    found: int = await QUERIES.forget_people(conn, before=before)
    return found
