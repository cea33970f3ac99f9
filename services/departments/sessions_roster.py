"""Who can be sent to joint sessions, and when he is not free.

Officers put themselves on their department's roster and note when they are engaged; the chief
representative may do both for his officers. Each act runs in the caller's transaction.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from services.contracts.vocabulary import Role
from services.departments import sessions_store
from services.departments.scope import acting_role, department_of
from services.departments.sessions_problems import NOT_ON_ROSTER, ON_ANOTHER_ROSTER
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, Problem

ME = "me"
EngagementKind: TypeAlias = Literal["duty", "training", "leave", "other"]


def officer_of(who: Principal, named: str) -> str:
    """Return the keyed hash of the officer that an address names; `me` is whoever asks.

    Raises Problem 403: only the chief representative speaks for another.
    """
    officer = who.ref if named == ME else named
    if officer != who.ref and not who.has(Role.CHIEF_REPRESENTATIVE):
        raise Problem(FORBIDDEN)
    return officer


async def enlist(conn: Connection, *, clock: Clock, who: Principal, officer: str) -> datetime:
    """Put somebody on the roster of the principal's department; return since when he is on it.

    Whoever is on it stays on it. Raises Problem 409: he is on another department's.
    """
    at, department = clock.now(), department_of(who)
    since = await sessions_store.list_officer(conn, officer, department, actor=who.ref, at=at)
    if since is None:
        raise Problem(ON_ANOTHER_ROSTER)
    if since == at:
        await _leaf(conn, "roster.listed", who, at, officer=officer)
    return since


async def strike(conn: Connection, *, clock: Clock, who: Principal, officer: str) -> None:
    """Take somebody off the roster. Sessions that he is sent to need a substitute.

    Raises Problem 404: he is not on it.
    """
    at, department = clock.now(), department_of(who)
    if not await sessions_store.strike_officer(conn, officer, department, at=at):
        raise Problem(NOT_FOUND)
    await _leaf(conn, "roster.left", who, at, officer=officer)


async def engage(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    officer: str,
    kind: EngagementKind,
    starts: datetime,
    ends: datetime,
) -> int:
    """Note when an officer is not free; return the note's id.

    Raises Problem 409: he is not on the roster.
    """
    at = clock.now()
    found = await sessions_store.add_engagement(
        conn, officer, department_of(who), kind=kind, starts=starts, ends=ends, actor=who.ref, at=at
    )
    if found is None:
        raise Problem(NOT_ON_ROSTER)
    await _leaf(conn, "engagement.noted", who, at, officer=officer, engagement=found, kind=kind)
    return found


async def disengage(
    conn: Connection, *, clock: Clock, who: Principal, officer: str, engagement: int
) -> None:
    """Withdraw a note that an officer is not free. Raises Problem 404."""
    at = clock.now()
    if not await sessions_store.withdraw_engagement(
        conn, engagement, officer, department_of(who), at=at
    ):
        raise Problem(NOT_FOUND)
    await _leaf(conn, "engagement.withdrawn", who, at, officer=officer, engagement=engagement)


async def _leaf(conn: Connection, act: str, who: Principal, at: datetime, **facts: Any) -> None:
    facts |= {"department": department_of(who), "role": acting_role(who)}
    await audit.leaf(conn, act, None, who.ref, facts, at=at)
