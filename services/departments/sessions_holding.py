"""Holding joint sessions: substitutes, attendance, the one record that all share, signatures.

A member signs the record by ending what it has open in the session, through the same `decide` as
everywhere: N decisions follow from one session. Members sign one by one, each in a transaction of
its own, or all of them together in one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import asyncpg
import orjson

from services.contracts.vocabulary import Role, SessionState, TaskState
from services.departments import deciding, sessions_store
from services.departments.deciding import Ended, Entry
from services.departments.scope import acting_role, department_of, forbid_refs
from services.departments.sessions import check_state, lead_locked, leaf, locked, tell
from services.departments.sessions_problems import (
    MEMBER_ABSENT,
    NOT_BEGUN,
    NOT_ON_ROSTER,
    NOT_SENT,
    NOTHING_TO_SIGN,
    OFFICER_TAKEN,
    RECORD_INCOMPLETE,
    RECORD_MISMATCH,
    SIGNATURE_INCOMPLETE,
    SIGNED,
    SIGNED_TWICE,
)
from services.departments.sessions_store import Whole
from services.departments.store import Row
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, Fault, Problem, Words

FINDING_MISSING = Words("缺少该部门的核查意见", "What this department found is missing")
NO_MEMBER = Words("该部门不是参加单位", "This department is not a member")


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """Who signs for a department, and how he ends its tasks."""

    who: Principal
    entries: Sequence[Entry]


async def substitute(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    session: int,
    officer: str,
    instead_of: str,
    expected: Expected,
) -> int:
    """Send one of the department's officers instead of another; return the session's version.

    Raises:
        Problem: 404, 403 own application, 409 (recorded or cancelled, the one was not sent, the
            other is not on the roster, is not free, or is sent already), 412.
    """
    row = await locked(conn, who, session)
    check_state(row, "convened", "held")
    expected.check(row["version"])
    department, at = department_of(who), clock.now()
    forbid_refs(row["applicant_refs"], [officer])
    whole = await _whole(conn, session)
    sent = {seat["officer_ref"] for seat in _seats(whole, department)}
    if instead_of not in sent:
        raise Problem(NOT_SENT)
    await _check_free(conn, row, officer, department, sent)
    await sessions_store.replace_seat(
        conn, session, officer, instead_of, department, actor=who.ref, at=at
    )
    # Whoever was counted as there is not there any more: attendance is taken again.
    version = await sessions_store.set_state(conn, session, "convened", at=at)
    facts = {"officer": officer, "instead_of": instead_of}
    await leaf(conn, "session.substituted", who, row["application"], session, at, **facts)
    if row["state"] == SessionState.HELD:
        await tell(conn, row, SessionState.CONVENED, at)
    return version


async def _check_free(
    conn: Connection, row: Row, officer: str, department: str, sent: set[str]
) -> None:
    known = await sessions_store.lock_officers(conn, [officer])
    if known.get(officer) != department:
        raise Problem(NOT_ON_ROSTER)
    travel: timedelta = row["travel"]
    since, until = row["starts_at"] - travel, row["ends_at"] + travel
    taken = await sessions_store.taken(conn, [officer], since, until, beside=row["id"])
    if officer in sent or taken:
        raise Problem(OFFICER_TAKEN)


def _seats(whole: Whole, department: str | None = None) -> list[Row]:
    """Return the seats that are taken, of one department or of all."""
    return [
        seat
        for seat in whole.seats
        if seat["released_at"] is None and department in (None, seat["department"])
    ]


async def _whole(conn: Connection, session: int) -> Whole:
    whole = await sessions_store.read_session(conn, session, None)
    assert whole is not None  # noqa: S101  the caller has locked it
    return whole


async def attend(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    session: int,
    present: Sequence[str],
    expected: Expected,
) -> tuple[int, Literal["convened", "held"]]:
    """Say who of one's own department came; return the session's version and state.

    It can be said again until the record. When every member has said so the session is held; after
    its end the lead department's word closes it, and whoever has said nothing is absent. A
    department of which fewer came than it must send is absent, and the audit log says so.

    Raises:
        Problem: 404, 403 own application, 409 (not begun, recorded or cancelled, somebody who was
            not sent by this department), 412.
    """
    row = await locked(conn, who, session)
    check_state(row, "convened", "held")
    expected.check(row["version"])
    at, department = clock.now(), department_of(who)
    if at < row["starts_at"]:
        raise Problem(NOT_BEGUN, extra={"starts_at": row["starts_at"].isoformat()})
    sent = {seat["officer_ref"] for seat in _seats(await _whole(conn, session), department)}
    if not sent.issuperset(present):
        raise Problem(NOT_SENT)
    role = acting_role(who)
    await sessions_store.attest(conn, session, department, present, actor=who.ref, role=role, at=at)
    facts = {"present": sorted(present)}
    await leaf(conn, "session.attended", who, row["application"], session, at, **facts)
    whole = await _whole(conn, session)
    silent = [one["department"] for one in whole.members if one["attested_at"] is None]
    closes = at >= row["ends_at"] and department == row["lead"]
    if silent and not closes and row["state"] != SessionState.HELD:
        return await sessions_store.set_state(conn, session, "convened", at=at), "convened"
    return await _held(conn, who, row, whole, at), "held"


async def _held(conn: Connection, who: Principal, row: Row, whole: Whole, at: datetime) -> int:
    """Attendance is taken: who is absent stands in every task's history, and is told."""
    session = row["id"]
    version = await sessions_store.set_state(conn, session, "held", at=at)
    absent = [member["department"] for member in whole.members if not member["present"]]
    note = f"{session} held" + (f"; absent: {', '.join(absent)}" if absent else "")
    await sessions_store.note_tasks(
        conn, session, note, actor=who.ref, role=acting_role(who), at=at
    )
    await leaf(conn, "session.held", who, row["application"], session, at, absent=absent)
    await tell(conn, row, SessionState.HELD, at, absent)
    return version


async def record(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    session: int,
    minutes: str,
    findings: Mapping[str, str],
    expected: Expected,
) -> tuple[int, str]:
    """Store the one record of a session; return the session's version and the record's SHA-256.

    The hash is over time, place, who was there, minutes and findings: it is what members sign.

    Raises:
        Problem: 404, 403 not the lead department or own application, 409 not held or recorded
            already, 412, 422 when the findings of a department that verified are missing.
    """
    row = await lead_locked(conn, who, session, "held")
    expected.check(row["version"])
    whole, at = await _whole(conn, session), clock.now()
    _check_findings(whole, findings)
    sha256 = hashlib.sha256(canonical(whole, minutes, findings)).hexdigest()
    version = await sessions_store.add_record(
        conn,
        session,
        minutes=minutes,
        findings=findings,
        sha256=sha256,
        actor=who.ref,
        role=acting_role(who),
        at=at,
    )
    await leaf(conn, "session.recorded", who, row["application"], session, at, sha256=sha256)
    absent = [one["department"] for one in whole.members if not one["present"]]
    await tell(conn, row, SessionState.RECORDED, at, absent)
    return version, sha256


def canonical(whole: Whole, minutes: str, findings: Mapping[str, str]) -> bytes:
    """Return the record of a session as the bytes that are hashed: JSON, keys sorted."""
    row = whole.row
    content = {
        "session": row["id"],
        "application": row["application"],
        "step": row["step"],
        "place": row["place"],
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "present": {
            member["department"]: sorted(
                seat["officer_ref"]
                for seat in _seats(whole, member["department"])
                if seat["present"]
            )
            for member in whole.members
        },
        "absent": [one["department"] for one in whole.members if not one["present"]],
        "minutes": minutes,
        "findings": findings,
    }
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _check_findings(whole: Whole, findings: Mapping[str, str]) -> None:
    known = {member["department"] for member in whole.members}
    verified = {m["department"] for m in whole.members if m["present"] and m["needed"] > 1}
    wrong = [Fault(f"#/findings/{d}", FINDING_MISSING) for d in sorted(verified - findings.keys())]
    wrong += [Fault(f"#/findings/{d}", NO_MEMBER) for d in sorted(findings.keys() - known)]
    if wrong:
        raise Problem(RECORD_INCOMPLETE, errors=wrong)


async def sign(
    conn: Connection,
    *,
    clock: Clock,
    session: int,
    sha256: str,
    signers: Sequence[Signer],
    spans: ExitStack,
) -> list[Ended]:
    """Sign the record for one department or several, and end their tasks; return these.

    All of it happens, or nothing: a task that may not end so undoes every signature of the call.

    Raises:
        Problem: 404, 403 own application or no authority, 409 (no record yet, another record, the
            department was absent, has signed, has nothing open), 422 (not all of its tasks, or a
            department twice), and what `deciding.judge` raises, with the `task` it is about.
    """
    departments = [department_of(signer.who) for signer in signers]
    if len(set(departments)) < len(departments):
        raise Problem(SIGNED_TWICE)
    row = None
    for signer in signers:
        row = await locked(conn, signer.who, session)
    assert row is not None  # noqa: S101  there is a signer
    check_state(row, "recorded")
    whole = await _whole(conn, session)
    if whole.row["sha256"] != sha256:
        raise Problem(RECORD_MISMATCH, extra={"sha256": whole.row["sha256"]})
    tasks = await sessions_store.lock_session_tasks(conn, session)
    ended: list[Ended] = []
    for signer in signers:
        _check_signer(signer, whole, tasks)
        verdicts = await deciding.decide(
            conn, clock=clock, who=signer.who, entries=signer.entries, spans=spans
        )
        ended += [_good(one, entry) for one, entry in zip(verdicts, signer.entries, strict=True)]
        await _add_signature(conn, signer, row, sha256, clock.now())
    return ended


def _good(verdict: deciding.Verdict, entry: Entry) -> Ended:
    if isinstance(verdict, Problem):
        verdict.extra["task"] = entry.id
        raise verdict
    return verdict


def _check_signer(signer: Signer, whole: Whole, tasks: Sequence[Row]) -> None:
    department = department_of(signer.who)
    if not signer.who.has(Role.OFFICER, Role.CHIEF_REPRESENTATIVE):
        raise Problem(FORBIDDEN)
    member = next((one for one in whole.members if one["department"] == department), None)
    if member is None:
        raise Problem(NOT_FOUND)
    if member["sha256"] is not None:
        raise Problem(SIGNED)
    if not member["present"]:
        raise Problem(MEMBER_ABSENT)
    open_ = {
        row["id"]
        for row in tasks
        if row["department"] == department and row["state"] == TaskState.OPEN
    }
    if not open_:
        raise Problem(NOTHING_TO_SIGN)
    if open_ != {entry.id for entry in signer.entries}:
        raise Problem(SIGNATURE_INCOMPLETE, extra={"tasks": sorted(open_)})


async def _add_signature(
    conn: Connection, signer: Signer, row: Row, sha256: str, at: datetime
) -> None:
    session, ids = row["id"], sorted(entry.id for entry in signer.entries)
    department = department_of(signer.who)
    try:
        await sessions_store.add_signature(
            conn, session, department, sha256=sha256, tasks=ids, actor=signer.who.ref, at=at
        )
    except asyncpg.UniqueViolationError as error:
        raise Problem(SIGNED) from error
    facts = {"sha256": sha256, "tasks": ids}
    await leaf(conn, "session.signed", signer.who, row["application"], session, at, **facts)
