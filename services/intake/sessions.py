"""Joint sessions of departments: told by the orchestrator, shown to the owner."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from services.contracts.events import ApplicationProgressed
from services.contracts.vocabulary import SessionState
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "sessions.sql"))
_COLUMNS = (
    *("applications", "leads", "sessions", "steps", "states", "starts", "ends", "absent", "ats"),
)


class SessionShown(BaseModel):
    """Departments meet about a step: on site, or over the papers."""

    session: int = Field(description="Its number at the lead department.")
    lead: str = Field(description="The department to ask about it.")
    step: str
    state: SessionState
    starts_at: datetime
    ends_at: datetime
    absent: list[str] = Field(description="Departments that did not come as they must.")
    told_at: datetime


class Sessions(BaseModel):
    """The joint sessions of an application, in the order of time."""

    items: list[SessionShown]


async def project(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    """Write what progress tells of sessions: one statement, none without cause."""
    rows = {
        (event.application, told.lead, told.session): (
            *(event.application, told.lead, told.session, told.step, told.state),
            *(told.starts_at, told.ends_at, ",".join(told.absent), event.at),
        )
        for event in events
        for told in event.sessions
    }
    if rows:
        columns = zip(*rows.values(), strict=True)
        named = {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}
        await QUERIES.project_sessions(conn, **named)


async def told(conn: Connection, number: str, owner: str) -> Sessions | None:
    """Return the sessions of an owner's application; None: there is no such application of his."""
    rows = [row async for row in QUERIES.sessions_of(conn, number=number, owner=owner)]
    if not rows:
        return None
    return Sessions(items=[SessionShown(**dict(row)) for row in rows if row["session"] is not None])
