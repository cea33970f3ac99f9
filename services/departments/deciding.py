"""Decisions and opinions: one, or a hundred alike at once. One decision is a batch of one.

Everything is checked on rows that the transaction has locked, so two officers, or an officer and a
lapse, exclude each other; each entry of a batch stands or falls by itself. The number of statements
does not depend on the number of entries.
"""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from services.contracts.events import TaskDecided
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import OUTCOMES_OF, Outcome, Part, Service, TaskState
from services.departments import authority, clocks, store
from services.departments.authority import Grounds, Mandate
from services.departments.problems import INCOMPLETE, RENEWED, TASK_ENDED, WRONG_PART
from services.departments.scope import department_of, forbid_own
from services.departments.store import Ending, Row
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import (
    Attribute,
    SpanName,
    current_traceparent,
    span,
    traceparent_of,
)
from services.runtime.web.etag import Expected
from services.runtime.web.problems import NOT_FOUND, Fault, Problem, Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What somebody wants a task to end with. `expected`: the version it was read in."""

    id: int
    outcome: Outcome
    conditions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    decided_above: str | None = None
    expected: Expected | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A task that has ended as wanted."""

    id: int
    task: str
    application: str
    outcome: Outcome
    result_number: str | None
    decided_at: datetime
    version: int


Verdict: TypeAlias = Ended | Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class _Good:
    """An entry that passed, on its way into the store."""

    place: int
    row: Row
    ending: Ending
    traceparent: str | None


async def decide(
    conn: Connection,
    *,
    clock: Clock,
    who: Principal,
    entries: Sequence[Entry],
    spans: ExitStack,
) -> list[Verdict]:
    """End tasks of the principal's department; return what became of each entry, in order.

    Runs in the caller's transaction. `spans` is closed by the caller after the commit, so that the
    decision's span covers it. Each span belongs to the trace of its application and links to the
    request's.

    Raises:
        Problem: 403 when the principal has no department. Everything else is a verdict.
    """
    department = department_of(who)
    rows = await store.lock_tasks(conn, [one.id for one in entries], department)
    now, request = clock.now(), current_traceparent()
    mandate = await authority.mandate(conn, who, department, list(rows.values()), now)
    verdicts: list[Verdict | None] = [None] * len(entries)
    good: dict[int, _Good] = {}
    for place, entry in enumerate(entries):
        row = rows.get(entry.id)
        try:
            grounds = judge(row, entry, who, mandate, ended=entry.id in good)
            clocks.forbid_deciding_paused(row, now)
            forbid_expired(row, now)
        except Problem as problem:
            verdicts[place] = problem
            continue
        assert row is not None  # noqa: S101  judged
        good[entry.id] = _Good(
            place=place,
            row=row,
            ending=_ending(row, entry, grounds, now),
            traceparent=_open_span(spans, row, request),
        )
    versions = await _record(conn, list(good.values()), who)
    for one in good.values():
        verdicts[one.place] = _ended(one, versions[one.ending.id])
    return [one for one in verdicts if one is not None]


def judge(
    row: Row | None, entry: Entry, who: Principal, mandate: Mandate, *, ended: bool = False
) -> Grounds:
    """Return what the principal may end the task so on.

    Args:
        row: the task, locked; None: there is none in the principal's department.
        entry: what is wanted.
        who: who wants it.
        mandate: what that person may rest on.
        ended: an earlier entry of the same batch has ended it already.

    Raises:
        Problem: 404, 403 (own application, no authority), 409 (ended, another part, held by another
            officer, above or a signature is missing), 412 (another version), 422 (texts missing).
    """
    if row is None:
        raise Problem(NOT_FOUND)
    forbid_own(row["applicant_refs"], who)
    part = Part(row["part"])
    if entry.outcome not in OUTCOMES_OF[part]:
        raise Problem(WRONG_PART, extra={"part": part})
    grounds = authority.grounds(row, who, mandate)
    state = TaskState.DECIDED if ended else TaskState(row["state"])
    if state is not TaskState.OPEN:
        raise Problem(TASK_ENDED, extra={"state": state})
    if not grounds.represents:
        authority.forbid_held(row, who, mandate.absent)
    if entry.expected is not None:
        entry.expected.check(row["version"])
    authority.forbid_unsigned(row, mandate)
    grounds = authority.from_above(row, entry.outcome, grounds, mandate)
    faults = _faults(grounds, entry)
    if faults:
        raise Problem(INCOMPLETE, errors=faults)
    return grounds


def forbid_expired(row: Row | None, now: datetime) -> None:
    """Raise Problem 409 for a renewal whose permit expired undecided: it is renewed by now.

    The law has said so at that instant (行政许可法 50), whenever the orchestrator asks for it.
    """
    if row is not None and row["expires_at"] is not None and now > row["expires_at"]:
        raise Problem(RENEWED, extra={"expires_at": row["expires_at"].isoformat()})


_REASONS = Fault(
    "#/reasons", Words("须说明理由（行政许可法第三十八条）", "State the reasons (行政许可法 38)")
)
_REMEDIES = Fault(
    "#/remedies",
    Words(
        "须告知申请行政复议或者提起行政诉讼的权利（行政许可法第三十八条）",
        "Tell of the remedies, review and suit (行政许可法 38)",
    ),
)
_OBJECTION = Fault("#/reasons", Words("提出异议须说明理由", "An objection needs its reasons"))
_NO_CONDITIONS = Fault("#/conditions", Words("仅准予许可可附条件", "Only a grant has conditions"))
_NO_REMEDIES = Fault("#/remedies", Words("仅不予许可须告知救济", "Only a refusal has remedies"))
_ABOVE = Fault(
    "#/decided_above",
    Words("须注明上级决定（报批事项）", "Say which decision from above is recorded"),
)
_NOT_ABOVE = Fault(
    "#/decided_above",
    Words("该事项由首席代表决定", "The chief representative decides this one himself"),
)
_ANSWERED = Fault(
    "#/decided_above",
    Words("上级答复已在系统中", "The answer from above is in the system: leave this out"),
)


def _faults(grounds: Grounds, entry: Entry) -> list[Fault]:
    refused, objected = entry.outcome is Outcome.REFUSED, entry.outcome is Outcome.OBJECTION
    above, answered = grounds.is_above, grounds.approval is not None
    checks = (
        (refused and not entry.reasons, _REASONS),
        (objected and not entry.reasons, _OBJECTION),
        (refused and not entry.remedies, _REMEDIES),
        (not refused and bool(entry.remedies), _NO_REMEDIES),
        (entry.outcome is not Outcome.GRANTED and bool(entry.conditions), _NO_CONDITIONS),
        (above and not answered and entry.decided_above is None, _ABOVE),
        (answered and entry.decided_above is not None, _ANSWERED),
        (not above and entry.decided_above is not None, _NOT_ABOVE),
    )
    return [fault for is_wrong, fault in checks if is_wrong]


def result_number(row: Row) -> str:
    """Return the number of the document granted: `<item>-<application>-<department>-<round>`.

    Unique without a counter (which every decision of the county would queue on): an application has
    an item once, each department that decides it issues its own paper, and decides a round once.
    """
    return f"{row['item']}-{row['application']}-{row['department']}-{row['round']}"


def _ending(row: Row, entry: Entry, grounds: Grounds, now: datetime) -> Ending:
    return Ending(
        id=row["id"],
        kind="decision" if row["part"] == Part.DECIDE else "opinion",
        outcome=entry.outcome,
        basis=grounds.basis,
        at=max(now, row["issued_at"]),
        state=TaskState.DECIDED,
        number=result_number(row) if entry.outcome is Outcome.GRANTED else None,
        conditions=entry.conditions,
        reasons=entry.reasons,
        remedies=entry.remedies,
        decided_above=grounds.decided_above or entry.decided_above,
        role=grounds.role,
        authorisation=grounds.authorisation,
        approval=grounds.approval,
    )


def _open_span(spans: ExitStack, row: Row, request: str | None) -> str | None:
    opened = spans.enter_context(
        span(
            SpanName.DECIDE,
            traceparent=row["traceparent"] or request,
            links=[request],
            attributes={
                Attribute.APPLICATION: row["application"],
                Attribute.DEPARTMENT: row["department"],
            },
        )
    )
    return traceparent_of(opened)


async def _record(conn: Connection, good: Sequence[_Good], who: Principal) -> dict[int, int]:
    if not good:
        return {}
    versions = await store.end_tasks(conn, [one.ending for one in good], who.ref)
    await outbox.add(conn, Service.DEPARTMENTS, [_told(one, who.ref) for one in good])
    await audit.leaves(conn, [_leaf(one, who.ref) for one in good])
    return versions


def _told(one: _Good, actor_ref: str) -> Outgoing:
    row, ending = one.row, one.ending
    assert ending.role is not None  # noqa: S101  somebody decided
    return Outgoing(
        topic=decisions_topic(row["department"]),
        application=row["application"],
        event=TaskDecided(
            application=row["application"],
            task=row["task"],
            department=row["department"],
            outcome=ending.outcome,
            result_number=ending.number,
            conditions=ending.conditions,
            reasons=ending.reasons,
            remedies=ending.remedies,
            actor_ref=actor_ref,
            actor_role=ending.role,
            decided_at=ending.at,
        ),
        at=ending.at,
        consumers=DECISIONS.consumers,
        traceparent=one.traceparent,
    )


def _leaf(one: _Good, actor_ref: str) -> audit.Leaf:
    row, ending = one.row, one.ending
    texts = (ending.conditions, ending.reasons, ending.remedies, ending.decided_above)
    facts: dict[str, Any] = {
        "task": row["task"],
        "outcome": ending.outcome,
        "result_number": ending.number,
        "department": row["department"],
        "role": ending.role,
        "basis": ending.basis,
    }
    if ending.authorisation is not None:
        facts["authorisation"] = ending.authorisation
    if ending.approval is not None:
        facts["approval_above"] = ending.approval
    if any(texts):  # proven by their hash: what is written by hand may name a person
        facts["texts_sha256"] = hashlib.sha256(orjson.dumps(texts)).hexdigest()
    return audit.Leaf(
        at=ending.at,
        act=f"task.{ending.kind}",
        application=row["application"],
        actor_ref=actor_ref,
        facts=facts,
    )


def _ended(one: _Good, version: int) -> Ended:
    return Ended(
        id=one.ending.id,
        task=one.row["task"],
        application=one.row["application"],
        outcome=one.ending.outcome,
        result_number=one.ending.number,
        decided_at=one.ending.at,
        version=version,
    )
