"""What an operator does to an application: recorded, audited, and handed to its workflow."""

from datetime import datetime
from enum import StrEnum

import msgspec
import orjson

from services.contracts.vocabulary import ApplicationStatus
from services.orchestrator.conflict import forbid_own
from services.orchestrator.deliver import HELD_TYPE, RESUMED_TYPE
from services.orchestrator.store import ReadStore, Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span
from services.runtime.web.problems import CONFLICT, Problem, Words

ENDED = {ApplicationStatus.CONCLUDED, ApplicationStatus.WITHDRAWN}


class Act(StrEnum):
    """Acts of an operator."""

    HOLD = "hold"
    RESUME = "resume"


_TYPES = {Act.HOLD: HELD_TYPE, Act.RESUME: RESUMED_TYPE}


async def perform(
    conn: Connection, *, head: Row, act: Act, reason: str, who: Principal, at: datetime
) -> None:
    """Record an act on the application `head` inside the caller's transaction.

    The event enters the inbox as a message of our own, so that it reaches the workflow in the same
    way, and as surely, as what departments say. Raises Problem 403 about an application of one's
    own, 409 when the application is over.
    """
    number = head["number"]
    forbid_own(who, head["applicant_refs"])
    if head["status"] in ENDED:
        raise Problem(CONFLICT, Words("办件已办结", "The application is over"))
    data = {"application": number, "at": msgspec.to_builtins(at)}
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
            act=act,
            reason=reason,
            actor_ref=who.ref,
            at=at,
            type=_TYPES[act],
            payload=orjson.dumps({"data": data}),
            traceparent=current_traceparent(),
        )
    await audit.leaf(conn, f"operator.{act}", number, who.ref, {"event": str(event_id)}, at=at)
