"""Extending the limit of a joint case: an act of the head of the government (行政许可法 42(2)).

Once, by fifteen working days at most, before the limit is over, and with its reason, which the
applicant is told. The event enters the inbox as a message of our own, like an operator's act; the
core reckons the new last day and says once more whether it may be.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import orjson

from services.contracts.times import DateTime
from services.contracts.vocabulary import Approver, LimitKind, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.limit_events import JointExtended
from services.domain.limits import day_of_act
from services.domain.route import Budget, JointLimit, Route
from services.orchestrator import limit_store
from services.orchestrator.conflict import forbid_own
from services.orchestrator.store import ReadStore, Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span
from services.runtime.web.problems import CONFLICT, INVALID, Fault, Problem, Words, problem_type

TYPE = "lianshen.government.joint_extended.v1"
ACT = "extend_joint"
NO_JOINT_CASE = problem_type(
    "no-joint-case", 409, "该办件不是联合办理，或已办结", "This is no joint case, or it is over"
)
LIMIT_PASSED = problem_type(
    "joint-limit-passed", 409, "联合办理时限已届满", "The limit of the joint case is over"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """An extension as it was decided: working days, number of the written decision, reason."""

    days: int
    approval: str
    reason: str


def core_event(data: dict[str, Any], ref: str) -> JointExtended:
    """Return the core's event for the act; number and reason stay behind."""
    return JointExtended(
        at=msgspec.convert(data["at"], DateTime),
        ref=ref,
        budget=Budget(value=data["days"], unit=Unit.WORKING_DAY),
        approver=Approver.GOVERNMENT_HEAD,
        article=data["article"],
    )


async def perform(
    conn: Connection,
    *,
    head: Row,
    asked: Asked,
    who: Principal,
    at: datetime,
    calendar: WorkingCalendar,
) -> None:
    """Record an extension of the application `head` inside the caller's transaction.

    Raises:
        Problem: 403 own application; 409 no joint case, over, extended before, concluded; 422.
    """
    number = head["number"]
    forbid_own(who, head["applicant_refs"])
    rule = await _forbid(conn, head, day=at, calendar=calendar)
    if asked.days > rule.extension.value:
        most = rule.extension.value
        words = Words(f"最多延长{most}个工作日", f"{most} working days at most")
        raise Problem(INVALID, errors=[Fault("#/days", words)])
    data = {
        "application": number,
        "at": msgspec.to_builtins(at),
        "days": asked.days,
        "approval": asked.approval,
        "reason": asked.reason,
        "article": rule.article,
    }
    event_id = new_event_id()
    with span(
        SpanName.OPERATE,
        traceparent=head["traceparent"],
        links=[current_traceparent()],
        attributes={Attribute.APPLICATION: number},
    ):
        await ReadStore().add_operator_act(
            conn,
            event_id=event_id,
            application=number,
            act=ACT,
            reason=asked.reason,
            actor_ref=who.ref,
            at=at,
            type=TYPE,
            payload=orjson.dumps({"data": data}),
            traceparent=current_traceparent(),
        )
    facts = {
        "event": str(event_id),
        "days": asked.days,
        "approval": asked.approval,
        "reason_sha256": hashlib.sha256(asked.reason.encode()).hexdigest(),
    }
    await audit.leaf(conn, "joint.extended", number, who.ref, facts, at=at)


async def _forbid(
    conn: Connection, head: Row, *, day: datetime, calendar: WorkingCalendar
) -> JointLimit:
    """Return the rule of a joint case that may still be extended; the row of its limit is locked.

    Raises Problem 409.
    """
    limits = msgspec.json.decode(head["route"], type=Route).limits
    due_on = await limit_store.lock_joint(conn, head["number"])
    if limits is None or limits.joint is None or due_on is None:
        raise Problem(NO_JOINT_CASE)
    # A statement of its own: it sees what whoever had the lock before has written.
    row = await limit_store.joint_so_far(conn, head["number"], ACT)
    if row["times"]:
        raise Problem(CONFLICT, Words("已延长一次", "It was extended before, and may be once"))
    # While the case waits for the investor its last day still moves on: the core knows by how much.
    if not row["waits"] and day_of_act(day, calendar) > due_on:
        raise Problem(LIMIT_PASSED, extra={LimitKind.JOINT.value: due_on.isoformat()})
    return limits.joint
