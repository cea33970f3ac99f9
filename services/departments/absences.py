"""Absences: recorded in advance or at once, by oneself or by whoever leads the department.

While somebody is absent the substitute in his authorisation stands in, and what he has in hand
holds nobody up: no case waits for one person.
"""

from datetime import datetime
from typing import Any

from services.contracts.vocabulary import Role
from services.departments import authority_store as store
from services.departments.problems import ABSENCE_OVER, ANOTHER_PERSON
from services.departments.scope import acting_role, department_of, leading_role
from services.departments.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

_BACKDATED = Fault("#/since", Words("缺勤不得倒签", "An absence is not recorded for the past"))
_TERM = Fault("#/until", Words("结束时间早于开始时间", "It ends before it has begun"))


async def record(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    person: str,
    since: datetime | None,
    until: datetime | None,
) -> Row:
    """Record that somebody of one's department is absent, from now on unless `since` says later.

    Raises:
        Problem: 403: another's absence is recorded by who leads the department; 422: the times.
    """
    department = department_of(who)
    role = _role(who, person)
    await store.guard(conn, department, alone=True)
    at = clock.now()
    begins = since or at
    faults = [
        fault
        for is_wrong, fault in (
            (begins < at, _BACKDATED),
            (until is not None and until <= begins, _TERM),
        )
        if is_wrong
    ]
    if faults:
        raise Problem(INVALID, errors=faults)
    id_ = await store.record_absence(
        conn, department, person, since=begins, until=until, actor=who.ref, at=at
    )
    facts = {"absence": id_, "person": person, "since": begins, "until": until, "role": role}
    await _leaf(conn, "absence.recorded", who, at, facts)
    return await _row(conn, id_, department)


async def end(conn: Connection, *, clock: Clock, who: Principal, id_: int) -> Row:
    """End an absence: somebody is back.

    Raises:
        Problem: 404; 403: another's; 409: it is over.
    """
    department = department_of(who)
    await store.guard(conn, department, alone=True)
    row = await _row(conn, id_, department)
    role = _role(who, row["person_ref"])
    at = clock.now()
    if row["ended_at"] is not None or (row["until"] is not None and row["until"] <= at):
        raise Problem(ABSENCE_OVER)
    await store.end_absence(conn, id_, actor=who.ref, at=at)
    await _leaf(conn, "absence.ended", who, at, {"absence": id_, "role": role})
    return await _row(conn, id_, department)


def _role(who: Principal, person: str) -> Role:
    """Return the role in which somebody speaks of a person's absence. Raises Problem 403."""
    leads = who.has(Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
    if not leads and person != who.ref:
        raise Problem(ANOTHER_PERSON)
    return leading_role(who) if leads else acting_role(who)


async def _row(conn: Connection, id_: int, department: str) -> Row:
    row = await store.read_absence(conn, id_, department)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


async def _leaf(
    conn: Connection, name: str, who: Principal, at: datetime, facts: dict[str, Any]
) -> None:
    await audit.leaf(conn, name, None, who.ref, facts, at=at)
