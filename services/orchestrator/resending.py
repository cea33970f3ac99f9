"""Sending again what nobody has receipted: an operator's act, for one application."""

import hashlib
from datetime import datetime

from services.orchestrator import console_store
from services.orchestrator.conflict import forbid_own
from services.orchestrator.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.web.problems import Problem, Words, problem_type

NOTHING_TO_RESEND = problem_type(
    "nothing-to-resend",
    409,
    "没有等待回执的消息",
    "No message waits for a receipt",
)


async def perform(conn: Connection, *, head: Row, reason: str, who: Principal, at: datetime) -> int:
    """Let every message of an application that is not receipted be sent now; return how many.

    The relay would send them again by itself, later and later. What is receipted is with its
    consumer and is not sent again. Runs in the caller's transaction. Raises Problem 403 about an
    application of one's own, 409 when everything is receipted.
    """
    forbid_own(who, head["applicant_refs"])
    event_id = new_event_id()
    messages = await console_store.resend(
        conn,
        application=head["number"],
        event_id=event_id,
        reason=reason,
        actor_ref=who.ref,
        at=at,
    )
    if not messages:
        raise Problem(
            NOTHING_TO_RESEND,
            Words("所有消息都已有回执", "Everything that was sent has its receipt"),
        )
    facts = {
        "event": str(event_id),
        "messages": messages,
        "reason_sha256": hashlib.sha256(reason.encode()).hexdigest(),
    }
    await audit.leaf(conn, "operator.resend", head["number"], who.ref, facts, at=at)
    return messages
