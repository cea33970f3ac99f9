"""What the applicant was told of clocks: told by the orchestrator, shown to the owner."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from services.contracts.events import ApplicationProgressed
from services.contracts.vocabulary import Approver, DateChange, PauseKind, Unit
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "clocks.sql"))
_COLUMNS = (
    *("applications", "tasks", "whys", "notices", "articles", "reasons", "kinds", "untils"),
    *("days", "units", "approvers", "ats"),
)


_JOINT = (
    *("applications", "start_ons", "due_ons", "due_ats", "days", "units", "articles"),
    "provisionals",
)
WHOLE = ""
"""In the place of a task: what was told concerns the application."""


class ClockNoticeShown(BaseModel):
    """The clock of a task was stopped, or a limit was extended, and why."""

    task: str | None = Field(description="Absent: the limit of the joint case was extended.")
    why: DateChange = Field(description="`paused` or `extended`.")
    notice: str = Field(description="Number of the written notice, or of the approval.")
    article: str
    reason: str
    kind: PauseKind | None = Field(description="Of a pause.")
    until: date | None = Field(
        description="Of a pause: the last day that is not counted, as the notice says."
    )
    ended_on: date | None = Field(
        description="Of a pause that was over sooner: the last day that is not counted indeed."
    )
    ended_at: datetime | None = Field(description="Of a pause that was over sooner: when.")
    days: int | None = Field(description="Of an extension.")
    unit: Unit | None
    approver: Approver | None = Field(description="Of an extension: who approved it.")
    at: datetime

    @property
    def last_on(self) -> date | None:
        """The last day of a pause, however it ended."""
        return self.ended_on or self.until


class JointLimitShown(BaseModel):
    """What the law gives all departments of a case together (行政许可法 42(2))."""

    start_on: date = Field(description="The day of the acceptance; it is not counted.")
    due_on: date = Field(description="Its last day, with pauses and an extension.")
    due_at: datetime
    days: int = Field(description="Of the law, without an extension.", examples=[45])
    unit: Unit
    article: str = Field(examples=["行政许可法 42(2)"])
    provisional: bool = Field(description="A year of it has no published calendar yet.")


class ClockNotices(BaseModel):
    """Everything the applicant was told of clocks, oldest first."""

    items: list[ClockNoticeShown]


async def project(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    """Write what progress tells of clocks: at most four statements, none without cause."""
    await _project_joint(conn, events)
    said = [event for event in events if event.settled or event.provisional]
    last = {event.application: event.settled for event in said}
    settled = [number for number, is_settled in last.items() if is_settled]
    if settled:
        await QUERIES.settle(conn, numbers=settled)
    rows: list[tuple[Any, ...]] = [
        (
            *(event.application, told.task, told.why, told.notice, told.article, told.reason),
            *(told.kind, told.until, told.days and told.days.value),
            *(told.days and told.days.unit, told.approver, told.at),
        )
        for event in events
        for told in event.clocks
    ]
    rows += [
        (
            *(event.application, WHOLE, DateChange.EXTENDED, one.approval, one.article, one.reason),
            *(None, None, one.days.value, one.days.unit, one.approver, one.at),
        )
        for event in events
        if (one := event.extended) is not None
    ]
    if rows:
        columns = zip(*rows, strict=True)
        named = {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}
        await QUERIES.project_clocks(conn, **named)
    over = [(event.application, one) for event in events for one in event.resumed]
    if over:
        await QUERIES.end_pauses(
            conn,
            applications=[number for number, _ in over],
            tasks=[one.task for _, one in over],
            notices=[one.notice for _, one in over],
            untils=[one.until for _, one in over],
            ats=[one.at for _, one in over],
        )


async def _project_joint(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    last = {event.application: event.joint for event in events if event.joint is not None}
    if last:
        rows = [
            (
                *(number, one.start_on, one.due_on, one.due_at, one.days.value, one.days.unit),
                *(one.article, one.provisional),
            )
            for number, one in last.items()
        ]
        columns = zip(*rows, strict=True)
        named = {name: list(column) for name, column in zip(_JOINT, columns, strict=True)}
        await QUERIES.project_joint(conn, **named)


async def told(conn: Connection, number: str, owner: str) -> ClockNotices | None:
    """Return what an owner was told of clocks; None: there is no such application of his."""
    rows = [row async for row in QUERIES.clocks_of(conn, number=number, owner=owner)]
    if not rows:
        return None
    return ClockNotices(
        items=[
            ClockNoticeShown(**{**dict(row), "task": row["task"] or None})
            for row in rows
            if row["task"] is not None
        ]
    )
