"""Ratings and their follow-ups: told by intake, answered by the department, closed by supervision.

A rating is nothing for a workflow: its application may have ended long ago. Its whole effect lies
in the transaction that records the message, and the deliverer passes it by.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from services.contracts.ratings import FollowUpTold, RatingGiven
from services.contracts.topics import PROGRESS
from services.contracts.vocabulary import FollowUpState, Service
from services.domain.calendar import WorkingCalendar
from services.domain.ratings import follow_up_due
from services.orchestrator.conflict import forbid_own
from services.orchestrator.store import Row
from services.runtime import audit, outbox
from services.runtime.auth import Principal, own_department
from services.runtime.db import Connection, beside, load
from services.runtime.messages import Outgoing, Received
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span
from services.runtime.web.problems import CONFLICT, NOT_FOUND, Problem, Words

QUERIES = load(beside(__file__, "ratings.sql"))
OPENED, ANSWERED, CLOSED = "follow_up.opened", "follow_up.answered", "follow_up.closed"


async def take_in(
    conn: Connection, received: Sequence[Received], calendar: WorkingCalendar
) -> None:
    """Record the ratings among messages; open the follow-ups of the bad ones and tell of them."""
    given = [one.event for one in received if isinstance(one.event, RatingGiven)]
    if not given:
        return
    rows = QUERIES.add_ratings(
        conn,
        applications=[event.application for event in given],
        departments=[event.department for event in given],
        grades=[event.grade for event in given],
        comment_refs=[event.comment_ref for event in given],
        ats=[event.rated_at for event in given],
    )
    new = {(row["application"], row["department"]) async for row in rows}
    events = [event for event in given if (event.application, event.department) in new]
    await _open(conn, events, calendar)


async def _open(conn: Connection, events: Sequence[RatingGiven], calendar: WorkingCalendar) -> None:
    bad = [
        (event, due)
        for event in events
        if (due := follow_up_due(event.grade, calendar.local_date(event.rated_at), calendar))
    ]
    if not bad:
        return
    opened = QUERIES.open_follow_ups(
        conn,
        applications=[event.application for event, _ in bad],
        departments=[event.department for event, _ in bad],
        grades=[event.grade for event, _ in bad],
        ats=[event.rated_at for event, _ in bad],
        due_ons=[due for _, due in bad],
        due_ats=[calendar.close_of(due) for _, due in bad],
        calendar=calendar.version,
    )
    rows = [row async for row in opened]
    told = [_told(row, FollowUpState.OPEN, row["opened_at"], current_traceparent()) for row in rows]
    await outbox.add(conn, Service.ORCHESTRATOR, told)
    await audit.leaves(
        conn,
        [
            audit.Leaf(
                at=row["opened_at"],
                act=OPENED,
                application=row["application"],
                facts=_facts(row) | {"grade": row["grade"], "due_on": row["due_on"].isoformat()},
            )
            for row in rows
        ],
    )


def _facts(row: Row) -> dict[str, object]:
    return {"follow_up": row["id"], "department": row["department"]}


def _told(row: Row, state: FollowUpState, at: datetime, traceparent: str | None) -> Outgoing:
    return Outgoing(
        topic=PROGRESS.name,
        application=row["application"],
        event=FollowUpTold(
            application=row["application"],
            department=row["department"],
            state=state,
            due_at=row["due_at"],
            answer=row["answer"] if state is FollowUpState.ANSWERED else None,
            told_at=at,
        ),
        at=at,
        consumers=PROGRESS.consumers,
        traceparent=traceparent,
    )


async def answer(conn: Connection, who: Principal, id_: int, text: str, at: datetime) -> Row:
    """Record what the department says about a bad rating, and tell the applicant.

    Runs in the caller's transaction. Raises Problem 404 for another department's follow-up, 403
    about an application of one's own, 409 when it is answered.
    """
    row = await _locked(conn, who, id_)
    own_department(who, row["department"])
    if row["answered_at"] is not None:
        raise Problem(CONFLICT, Words("该差评已答复", "It has been answered already"))
    answered: Row = await QUERIES.answer_follow_up(conn, id=id_, answer=text, by=who.ref, at=at)
    await _record(conn, who, answered, ANSWERED, text, row["traceparent"])
    return answered


async def close(conn: Connection, who: Principal, id_: int, reason: str, at: datetime) -> Row:
    """Close a follow-up that was answered, and tell the applicant.

    Runs in the caller's transaction. Raises Problem 404 for one that is not there, 403 about an
    application of one's own, 409 when it has not been answered, or is closed.
    """
    row = await _locked(conn, who, id_)
    if row["answered_at"] is None:
        raise Problem(CONFLICT, Words("该部门尚未答复", "The department has not answered yet"))
    if row["closed_at"] is not None:
        raise Problem(CONFLICT, Words("该差评已办结", "It has been closed already"))
    closed: Row = await QUERIES.close_follow_up(conn, id=id_, closing=reason, by=who.ref, at=at)
    await _record(conn, who, closed, CLOSED, reason, row["traceparent"])
    return closed


async def _locked(conn: Connection, who: Principal, id_: int) -> Row:
    row: Row | None = await QUERIES.lock_follow_up(conn, id=id_)
    if row is None:
        raise Problem(NOT_FOUND)
    forbid_own(who, row["applicant_refs"])
    return row


async def _record(
    conn: Connection, who: Principal, row: Row, act: str, text: str, traceparent: str | None
) -> None:
    """Tell the applicant, in the application's trace; the log of acts has the text's SHA-256."""
    state = FollowUpState.ANSWERED if act == ANSWERED else FollowUpState.CLOSED
    at = row["answered_at"] if act == ANSWERED else row["closed_at"]
    with span(
        SpanName.OPERATE,
        traceparent=traceparent,
        links=[current_traceparent()],
        attributes={Attribute.APPLICATION: row["application"]},
    ):
        told = _told(row, state, at, current_traceparent())
        await outbox.add(conn, Service.ORCHESTRATOR, [told])
    facts = _facts(row) | {"text": hashlib.sha256(text.encode()).hexdigest()}
    await audit.leaf(conn, act, row["application"], who.ref, facts, at=at)
