"""Visits on the spot (实地核查): what at least two officers saw, each signing with his own token.

行政许可法 34: where facts have to be verified, two or more are sent. The record names them; it
counts when two have signed, and until then the task cannot end.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.departments import authority_store as store
from services.departments import handling
from services.departments.authority import SIGNATURES
from services.departments.authority_store import Act
from services.departments.problems import NOT_NAMED
from services.departments.scope import acting_role, department_of, forbid_refs
from services.departments.store import Row
from services.domain.calendar import ZONE
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

_COMING = Fault("#/visited_on", Words("核查日期在将来", "The visit is in the future"))
_ALONE = Fault(
    "#/with",
    Words(
        "须载明两名以上工作人员（行政许可法第三十四条）",
        "Name at least one officer beside yourself (行政许可法 34)",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A record: how many have signed it, and whether that is enough."""

    id: int
    task: str
    signed: int
    at: datetime

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return self.signed >= SIGNATURES


async def record(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    task: int,
    visited_on: date,
    colleagues: Sequence[str],
    findings: str,
) -> tuple[Recorded, int]:
    """Record a visit, and sign the record; return it with the task's new version.

    Args:
        conn: in the caller's transaction.
        clock: business time.
        who: the officer who was there and writes.
        task: its id.
        visited_on: the day.
        colleagues: keyed hashes of the others who were there.
        findings: what they saw.

    Raises:
        Problem: 404; 403 own application, or a colleague's; 409 ended; 422 the day, nobody else.
    """
    row = await handling.locked(conn, who, task)
    at = clock.now()
    officers = list(dict.fromkeys([who.ref, *colleagues]))
    forbid_refs(row["applicant_refs"], officers)
    faults = [
        fault
        for is_wrong, fault in (
            (visited_on > at.astimezone(ZONE).date(), _COMING),
            (len(officers) < SIGNATURES, _ALONE),
        )
        if is_wrong
    ]
    if faults:
        raise Problem(INVALID, errors=faults)
    id_, version = await store.record_visit(
        conn,
        task,
        row["department"],
        visited_on=visited_on,
        officers=officers,
        findings=findings,
        act=Act(actor=who.ref, role=acting_role(who), at=at),
    )
    facts = {
        "site_visit": id_,
        "officers": officers,
        "visited_on": visited_on,
        "texts_sha256": hashlib.sha256(findings.encode()).hexdigest(),
    }
    await _leaf(conn, "site_visit.recorded", who, row, at, facts)
    return Recorded(id=id_, task=row["task"], signed=1, at=at), version


async def sign(conn: Connection, *, clock: Clock, who: Principal, id_: int) -> Recorded:
    """Sign a record that names one. Signing twice changes nothing.

    Raises:
        Problem: 404; 403 own application, not named; 409 the task has ended.
    """
    about = await store.task_of_visit(conn, id_, department_of(who))
    if about is None:
        raise Problem(NOT_FOUND)
    if who.ref not in about["officers"]:
        raise Problem(NOT_NAMED)
    row = await handling.locked(conn, who, about["task_id"])
    at, before = clock.now(), (await store.signatures(conn, [id_]))[id_]
    act = Act(actor=who.ref, role=acting_role(who), at=at)
    signed = await store.sign_visit(conn, id_, row["id"], act)
    if signed > before:
        await _leaf(conn, "site_visit.signed", who, row, at, {"site_visit": id_})
    return Recorded(id=id_, task=row["task"], signed=signed, at=at)


async def _leaf(
    conn: Connection, name: str, who: Principal, row: Row, at: datetime, facts: dict[str, object]
) -> None:
    facts |= {"task": row["task"], "department": row["department"]}
    await audit.leaf(conn, name, row["application"], who.ref, facts, at=at)
