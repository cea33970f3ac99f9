"""Looking at the papers before an application is accepted: complete, or everything that is missing.

A department says once what it misses, and only what the catalogue asks of its items (行政许可法 31,
32(4)). After a notice it may only name what was not supplied of it. Who says nothing in time misses
nothing; the orchestrator closes the examination, and the silence stands in its state.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import structlog

from services.contracts.acceptance import ExaminationRedated, Lack
from services.contracts.events import ExaminationAsked, ExaminationClosed, ExaminationDone
from services.contracts.topics import DECISIONS, decisions_topic
from services.contracts.vocabulary import FindingKind, Service
from services.departments import examination_store as store
from services.departments.problems import EXAMINATION_OVER, FINDING_REFUSED
from services.departments.scope import acting_role, department_of, forbid_own
from services.departments.store import Row
from services.domain.catalogue import Catalogue, Name
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing, Received
from services.runtime.telemetry import (
    Attribute,
    SpanName,
    current_traceparent,
    span,
)
from services.runtime.web.etag import Expected
from services.runtime.web.idempotency import Attempt
from services.runtime.web.problems import NOT_FOUND, Fault, Problem, Words

_log = structlog.get_logger(__name__)
OPEN = "open"
ACT = "examination.done"
SILENT_ACT = "examination.silent"
REFUSED_ACT = "examination.refused"
"""What may not be asked of the applicant was to be asked: nothing of it goes out."""


class UnknownExaminationError(LookupError):
    """A message is about an examination that was never asked for here."""


async def take_in(conn: Connection, received: Sequence[Received]) -> None:
    """Put examinations on their queues, move their time, take them off.

    Raises UnknownExaminationError.
    """
    asked = [(one, one.event) for one in received if isinstance(one.event, ExaminationAsked)]
    if asked:
        parents = [current_traceparent() or one.envelope.traceparent for one, _ in asked]
        await store.add_examinations(conn, [event for _, event in asked], parents)
    moved = [one.event for one in received if isinstance(one.event, ExaminationRedated)]
    if moved:
        await _redate(conn, moved)
    closed = [one.event for one in received if isinstance(one.event, ExaminationClosed)]
    if closed:
        await _close(conn, closed)


async def _redate(conn: Connection, moved: Sequence[ExaminationRedated]) -> None:
    found = await store.redate_examinations(conn, moved)
    for event in moved:
        _known(event, found)
        if not found[event.task]:
            _log.info("redated_too_late", task=event.task)


def _known(event: ExaminationRedated | ExaminationClosed, found: Mapping[str, bool]) -> None:
    if event.task not in found:
        message = f"{event.task}: no such examination"
        raise UnknownExaminationError(message)


async def _close(conn: Connection, closed: Sequence[ExaminationClosed]) -> None:
    found = await store.close_examinations(conn, closed)
    for event in closed:
        _known(event, found)
        if not found[event.task]:
            _log.info("closed_too_late", task=event.task)
    await audit.leaves(
        conn,
        [
            audit.Leaf(
                at=event.closed_at,
                act=SILENT_ACT,
                application=event.application,
                facts={"task": event.task, "department": event.department},
            )
            for event in closed
            if event.silent and found[event.task]
        ],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """An examination that was answered."""

    id: int
    task: str
    application: str
    complete: bool
    done_at: datetime
    version: int


async def answer(
    conn: Connection,
    *,
    clock: Clock,
    catalogue: Catalogue | None,
    who: Principal,
    id_: int,
    findings: Sequence[Lack],
    expected: Expected,
) -> Answered:
    """Record what somebody found, in the caller's transaction.

    Raises:
        Problem: 404, 403 own application, 409 it is over, 412 another version, 422 with each
            finding that may not be named, and why. To name what one has no power to name is an
            `Attempt`: that is on record.
    """
    row = await store.lock_examination(conn, id_, department_of(who))
    if row is None:
        raise Problem(NOT_FOUND)
    forbid_own(row["applicant_refs"], who)
    if row["state"] != OPEN:
        raise Problem(EXAMINATION_OVER, extra={"state": row["state"]})
    expected.check(row["version"])
    _check(row, catalogue, who, findings, clock.now())
    return await _record(conn, clock, who, row, findings)


def _check(
    row: Row,
    catalogue: Catalogue | None,
    who: Principal,
    findings: Sequence[Lack],
    now: datetime,
) -> None:
    faults = list(_faults(row, catalogue, findings))
    if not faults:
        return
    allowed = nameable(row, catalogue)
    strange = [one.subject for one in findings if one.subject not in allowed]
    if not strange:
        raise Problem(FINDING_REFUSED, errors=faults)
    facts = {
        "task": row["task"],
        "department": row["department"],
        "role": acting_role(who),
        "round": row["round"],
        "subjects": strange,
    }
    leaf = audit.Leaf(
        at=now,
        act=REFUSED_ACT,
        application=row["application"],
        actor_ref=who.ref,
        facts=facts,
    )
    raise Attempt(FINDING_REFUSED, leaf, errors=faults)


def nameable(row: Row, catalogue: Catalogue | None) -> Mapping[str, Name | None]:
    """Return every subject that an examination may name, with the catalogue's words for it."""
    names = {} if catalogue is None else dict(_names(catalogue, row["items"]))
    subjects = list(row["subjects"])
    if row["round"] == 1:
        subjects += [subject for subject in names if subject.startswith("condition/")]
    return {subject: names.get(subject) for subject in subjects}


def _names(catalogue: Catalogue, items: Sequence[str]) -> Iterator[tuple[str, Name]]:
    for code in items:
        item = catalogue.item_by_code.get(code)
        if item is None:
            continue
        for use in item.materials:
            yield f"material/{use.material}", catalogue.material_by_id[use.material].name
        for number, condition in enumerate(item.conditions, start=1):
            yield f"condition/{code}/{number}", condition


_NOT_IN_CATALOGUE = Words(
    "本申请所用目录没有要求这一材料或条件，不得要求补正（行政许可法 31、32）",
    "The catalogue of this application asks no such thing of you to examine (行政许可法 31, 32)",
)
_NOT_OF_THE_NOTICE = Words(
    "只能指出首次一次性告知中申请人尚未补正的内容（行政许可法 32(4)）",
    "Only what was not supplied of the first notice may be named now (行政许可法 32(4))",
)
_IS_THERE = Words(
    "该材料已提交，请说明有何不符合要求之处",
    "This was handed in: it is not missing; say what is wrong with it",
)
_IS_NOT_THERE = Words("该材料未提交，应列为缺少", "This was not handed in: say that it is missing")
_TWICE = Words("同一内容只列一次", "A subject is named once")


def _faults(row: Row, catalogue: Catalogue | None, findings: Sequence[Lack]) -> Iterator[Fault]:
    allowed = nameable(row, catalogue)
    there = {f"material/{one['material']}" for one in orjson.loads(row["materials"])}
    seen: set[str] = set()
    for place, one in enumerate(findings):
        where = f"#/findings/{place}/subject"
        is_material = one.subject.startswith("material/")
        if one.subject not in allowed:
            yield Fault(where, _NOT_IN_CATALOGUE if row["round"] == 1 else _NOT_OF_THE_NOTICE)
        elif one.subject in seen:
            yield Fault(where, _TWICE)
        elif is_material and (one.subject in there) is (one.kind is FindingKind.MISSING):
            yield Fault(where, _IS_THERE if one.subject in there else _IS_NOT_THERE)
        seen.add(one.subject)


async def _record(
    conn: Connection, clock: Clock, who: Principal, row: Row, findings: Sequence[Lack]
) -> Answered:
    at, role = max(clock.now(), row["asked_at"]), acting_role(who)
    told = [one.model_dump(mode="json") for one in findings]
    version = await store.end_examination(
        conn,
        row["id"],
        findings=orjson.dumps(told).decode(),
        actor=who.ref,
        role=role,
        at=at,
    )
    event = ExaminationDone(
        application=row["application"],
        task=row["task"],
        department=row["department"],
        findings=tuple(findings),
        actor_ref=who.ref,
        actor_role=role,
        done_at=at,
    )
    request = current_traceparent()
    with span(
        SpanName.EXAMINE,
        traceparent=row["traceparent"] or request,
        links=[request],
        attributes={
            Attribute.APPLICATION: row["application"],
            Attribute.DEPARTMENT: row["department"],
        },
    ):
        outgoing = Outgoing(
            topic=decisions_topic(row["department"]),
            application=row["application"],
            event=event,
            at=at,
            consumers=DECISIONS.consumers,
            traceparent=current_traceparent(),
        )
        await outbox.add(conn, Service.DEPARTMENTS, [outgoing])
        await audit.leaf(conn, ACT, row["application"], who.ref, _leaf(row, findings, role), at=at)
    return Answered(
        id=row["id"],
        task=row["task"],
        application=row["application"],
        complete=not findings,
        done_at=at,
        version=version,
    )


def _leaf(row: Row, findings: Sequence[Lack], role: str) -> dict[str, object]:
    """The texts are proven by their hash: what is written by hand may name a person."""
    facts: dict[str, object] = {
        "task": row["task"],
        "department": row["department"],
        "role": role,
        "subjects": [one.subject for one in findings],
    }
    if findings:
        texts = [one.text for one in findings]
        facts["texts_sha256"] = hashlib.sha256(orjson.dumps(texts)).hexdigest()
    return facts
