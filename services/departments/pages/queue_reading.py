"""One page of the queue: special handling first, then tasks and examinations by their due dates.

The streams are merged by their keys; a page ends where the window of one of them ends, so that
nothing is ever shown before what stands in front of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from services.contracts.vocabulary import Part
from services.departments import workbench_store as store
from services.departments.models import LARGEST_ID
from services.departments.store import QUERIES
from services.departments.workbench_store import OPEN, Wanted
from services.domain.calendar import ONE_DAY, ZONE
from services.runtime.db import Connection
from services.runtime.web import pages

PAGE = 50
SPECIAL, USUAL = 0, 1
TASK, EXAMINATION = 0, 1


class Kind(StrEnum):
    """What kinds of work a queue holds."""

    EXAMINATION = "examination"
    DECIDE = "decide"
    CONSULT = "consult"


class Whose(StrEnum):
    """Whose work is shown."""

    ANY = "any"
    ME = "me"
    NOBODY = "none"


class State(StrEnum):
    """How far the work has come; the states of tasks, whose names examinations do not share."""

    OPEN = "open"
    DECIDED = "decided"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


OF_EXAMINATIONS = {
    State.OPEN: OPEN,
    State.DECIDED: "done",
    State.LAPSED: "silent",
    State.CANCELLED: "closed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What an officer wants to see of his department's queue."""

    state: State = State.OPEN
    kind: Kind | None = None
    item: str | None = None
    until: date | None = None
    late: bool = False
    text: str | None = None
    whose: Whose = Whose.ANY

    @property
    def query(self) -> list[tuple[str, str]]:
        """It, as it stands in an address; what is usual is left out."""
        given = (
            ("state", "" if self.state is State.OPEN else self.state),
            ("kind", self.kind or ""),
            ("item", self.item or ""),
            ("until", self.until.isoformat() if self.until else ""),
            ("late", "yes" if self.late else ""),
            ("q", self.text or ""),
            ("whose", "" if self.whose is Whose.ANY else self.whose),
        )
        return [(name, str(value)) for name, value in given if value]


class Key(NamedTuple):
    """A place in the merged queue; keys sort in its order (backwards for what has ended)."""

    group: int
    at: datetime
    rank: int
    id: int

    @property
    def cursor(self) -> str:
        """It, as it stands in an address."""
        return pages.encode(self.group, self.at, self.rank, self.id)


def place(cursor: str | None) -> Key | None:
    """Return the place that a cursor names. Raises Problem 400."""
    if cursor is None:
        return None
    return Key(*pages.decode(cursor, pages.small, pages.instant, pages.small, pages.whole))


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """What stands on one page: keys in order, and where the next page begins behind.

    `cut_short`: fewer than asked, because only so many rows are looked at for one page.
    """

    keys: tuple[Key, ...]
    next: Key | None
    cut_short: bool


class Queue(NamedTuple):
    """One of the streams that a queue is merged of."""

    group: int
    rank: int
    wanted: Wanted


async def find(
    conn: Connection,
    department: str,
    wanted: Filter,
    *,
    me: str,
    now: datetime,
    after: Key | None = None,
    size: int = PAGE,
) -> Keys:
    """Return one page of a department's queue.

    Args:
        conn: outside a transaction.
        department: whose queue.
        wanted: what is shown of it.
        me: keyed hash of whoever asks.
        now: what is late is late at this instant.
        after: the page begins behind this place.
        size: lines on the page.
    """
    keys: list[Key] = []
    stops: list[Key] = []
    async with conn.transaction(readonly=True):
        await QUERIES.plan_anew(conn)
        rare = await store.is_rare(conn, wanted.text)
        for one in _queues(department, wanted, me, now, is_rare=rare):
            if (after is not None and after.group > one.group) or (
                stops and stops[-1].group < one.group
            ):
                continue
            look = store.find_examinations if one.rank == EXAMINATION else store.find_tasks
            found = await look(conn, one.wanted, _bound(after, one), size + 1)
            keys += [Key(one.group, at, one.rank, id_) for at, id_ in found.keys]
            if found.end is not None:
                stops.append(Key(one.group, found.end[0], one.rank, found.end[1]))
    return _merged(keys, stops, size, backwards=wanted.state is not State.OPEN)


def _queues(
    department: str, wanted: Filter, me: str, now: datetime, *, is_rare: bool
) -> Iterator[Queue]:
    """Yield what has to be looked through for a filter, in order of the groups."""
    base = Wanted(
        department=department,
        state=wanted.state,
        item=wanted.item,
        due_before=_due_before(wanted, now),
        prefix=wanted.text,
        is_rare=is_rare,
    )
    if wanted.kind is not Kind.EXAMINATION:
        tasks = replace(
            base,
            part=Part(wanted.kind) if wanted.kind else None,
            holder=me if wanted.whose is Whose.ME else None,
            unclaimed=wanted.whose is Whose.NOBODY,
        )
        if wanted.state is State.OPEN:
            yield Queue(SPECIAL, TASK, replace(tasks, special=True))
        yield Queue(USUAL, TASK, tasks)
    if wanted.kind in (None, Kind.EXAMINATION) and wanted.whose is not Whose.ME:
        yield Queue(USUAL, EXAMINATION, replace(base, state=OF_EXAMINATIONS[wanted.state]))


def _due_before(wanted: Filter, now: datetime) -> datetime | None:
    """Return the first instant at which what is due is not wanted any more; None: no such one."""
    ends = [now] if wanted.late else []
    if wanted.until is not None:
        ends.append(datetime.combine(wanted.until + ONE_DAY, time.min, ZONE))
    return min(ends, default=None)


def _bound(after: Key | None, one: Queue) -> tuple[datetime, int] | None:
    """Return behind which key a stream goes on, for a page that begins behind a place.

    At one instant tasks stand before examinations (behind them, when the queue runs backwards).
    """
    if after is None or after.group < one.group:
        return None
    if after.rank == one.rank:
        return after.at, after.id
    return after.at, 0 if one.rank == EXAMINATION else LARGEST_ID


def _merged(keys: list[Key], stops: list[Key], size: int, *, backwards: bool) -> Keys:
    """Return the first keys, none of them behind a place that was not looked through."""
    keys.sort(reverse=backwards)
    stop = None
    if stops:
        stop = max(stops) if backwards else min(stops)
        keys = [key for key in keys if (key >= stop if backwards else key <= stop)]
    if len(keys) > size:
        return Keys(keys=tuple(keys[:size]), next=keys[size - 1], cut_short=False)
    return Keys(keys=tuple(keys), next=stop, cut_short=stop is not None and len(keys) < size)
