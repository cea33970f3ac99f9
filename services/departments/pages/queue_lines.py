"""The lines of the queue as people read them: what, from whom, how urgent, in whose hands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.contracts.vocabulary import Outcome
from services.departments import workbench_store as store
from services.departments.pages.common import People
from services.departments.pages.queue_clock import Light, light
from services.departments.pages.queue_reading import (
    EXAMINATION,
    OF_EXAMINATIONS,
    Key,
    Kind,
    State,
)
from services.departments.store import Row
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Name
from services.domain.limits import Pause
from services.runtime.db import Connection

_STATES = {name: state for state, name in OF_EXAMINATIONS.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the queue. `light` is None for what has ended."""

    kind: Kind
    id: int
    path: str
    application: str
    project: str
    items: tuple[tuple[str, Name | None], ...]
    round: int
    state: State
    due_at: datetime
    light: Light | None
    holder: str | None
    holder_name: str | None
    held_since: datetime | None
    version: int
    is_special: bool
    outcome: Outcome | None
    ended_at: datetime | None

    @property
    def is_free(self) -> bool:
        """Whether somebody can claim it."""
        return (
            self.kind is not Kind.EXAMINATION and self.state is State.OPEN and self.holder is None
        )


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Makes lines for one page."""

    names: Mapping[str, Name]
    people: People
    calendar: WorkingCalendar
    now: datetime

    def task(self, row: Row, pauses: Sequence[Pause] = ()) -> Line:
        """Return the line of a task."""
        holder = row["claimed_by"]
        is_open = row["state"] == State.OPEN
        return Line(
            kind=Kind(row["part"]),
            id=row["id"],
            path=f"/tasks/{row['id']}",
            application=row["application"],
            project=row["project_code"],
            items=((row["item"], self.names.get(row["item"])),),
            round=row["round"],
            state=State(row["state"]),
            due_at=row["promised_at"],
            light=light(
                self.calendar,
                since=row["issued_at"],
                due_at=row["promised_at"],
                now=self.now,
                pauses=pauses,
                paused_until=row["paused_until"],
            )
            if is_open
            else None,
            holder=holder,
            holder_name=None if holder is None else self.people.name(holder),
            held_since=row["claimed_at"],
            version=row["version"],
            is_special=row["special_at"] is not None,
            outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
            ended_at=row["ended_at"],
        )

    def examination(self, row: Row) -> Line:
        """Return the line of an examination, which nobody claims."""
        state = _STATES[row["state"]]
        return Line(
            kind=Kind.EXAMINATION,
            id=row["id"],
            path=f"/examinations/{row['id']}",
            application=row["application"],
            project=row["project_code"],
            items=tuple((code, self.names.get(code)) for code in row["items"]),
            round=row["round"],
            state=state,
            due_at=row["until"],
            light=light(self.calendar, since=row["asked_at"], due_at=row["until"], now=self.now)
            if state is State.OPEN
            else None,
            holder=None,
            holder_name=None,
            held_since=None,
            version=row["version"],
            is_special=False,
            outcome=None,
            ended_at=row["ended_at"],
        )


async def lines_of(
    conn: Connection, reader: Reader, department: str, keys: Iterable[Key]
) -> list[Line]:
    """Return the lines that stand at some places, in their order."""
    places = list(keys)
    tasks = [key.id for key in places if key.rank != EXAMINATION]
    looks = [key.id for key in places if key.rank == EXAMINATION]
    rows = await store.tasks_shown(conn, tasks, department) if tasks else {}
    pauses = await store.pauses_in(conn, tasks) if tasks else {}
    seen = await store.examinations_shown(conn, looks, department) if looks else {}
    found = []
    for key in places:
        if key.rank == EXAMINATION and key.id in seen:
            found.append(reader.examination(seen[key.id]))
        elif key.rank != EXAMINATION and key.id in rows:
            found.append(reader.task(rows[key.id], pauses.get(key.id, ())))
    return found


async def task_lines(
    conn: Connection, reader: Reader, department: str, ids: Iterable[int]
) -> list[Line]:
    """Return the lines of some tasks of a department; of another's there are none."""
    rows = await store.tasks_shown(conn, list(ids), department)
    return [reader.task(row) for row in rows.values()]
