"""Who works on a task: reassigned by who leads the department, or put before the others (特办)."""

from datetime import datetime
from typing import Any

from services.departments import authority, handling
from services.departments import authority_store as store
from services.departments.authority_store import Act
from services.departments.handling import Holding
from services.departments.problems import ABSENT
from services.departments.scope import forbid_refs, leading_role
from services.departments.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import Problem


async def reassign(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    task: int,
    colleague: str,
    reason: str,
    expected: Expected,
) -> Holding:
    """Give a task into a colleague's hands (keyed hash), whoever has it now.

    Raises:
        Problem: 404; 403 own application, or the colleague's; 409 ended, the colleague is absent;
            412.
    """
    row = await handling.locked(conn, who, task)
    forbid_refs(row["applicant_refs"], [colleague])
    at = clock.now()
    if await store.absent(conn, [colleague], row["department"], at=at):
        raise Problem(ABSENT)
    expected.check(row["version"])
    act = Act(actor=who.ref, role=leading_role(who), at=at)
    version = await store.reassign(conn, task, holder=colleague, reason=reason, act=act)
    await _leaf(conn, "task.reassigned", row, act, {"to": colleague})
    return handling.holding(row, version, colleague, at)


async def handle_specially(
    conn: Connection, *, clock: Clock, who: Principal, task: int, reason: str, expected: Expected
) -> tuple[datetime, int]:
    """Put a task before the others of its queue; return since when, and its version.

    It takes the power for special handling. Doing so twice changes nothing.

    Raises:
        Problem: 404; 403 own application, no authority; 409 ended; 412.
    """
    row = await handling.locked(conn, who, task)
    at = clock.now()
    found = await authority.mandate(conn, who, row["department"], [row], at, opinions=True)
    grounds = authority.special(row, who, found)
    if row["special_at"] is not None:
        return row["special_at"], row["version"]
    expected.check(row["version"])
    act = Act(actor=who.ref, role=grounds.role, at=at)
    version = await store.handle_specially(conn, task, reason=reason, act=act)
    await _leaf(conn, "task.special", row, act, {"authorisation": grounds.authorisation})
    return at, version


async def _leaf(conn: Connection, name: str, row: Row, act: Act, facts: dict[str, Any]) -> None:
    facts |= {"task": row["task"], "department": row["department"], "role": act.role}
    await audit.leaf(conn, name, row["application"], act.actor, facts, at=act.at)
