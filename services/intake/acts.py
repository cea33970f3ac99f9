"""What an investor does after submitting: put something right, or withdraw."""

from datetime import datetime
from uuid import UUID

from starlette.responses import Response

from services.contracts.events import ApplicationRectified, ApplicationWithdrawn, Event
from services.contracts.topics import APPLICATIONS
from services.contracts.vocabulary import Service
from services.intake import links, problems, store
from services.intake.models import RectificationGiven
from services.intake.parts import Parts
from services.intake.shown import RectificationTaken, WithdrawalTaken
from services.intake.store import Paper, Row
from services.intake.submission import material_faults, material_refs, papers_of
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import (
    Attribute,
    SpanName,
    current_traceparent,
    span,
)
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import NOT_FOUND, Problem, Words

RECTIFIED = "application.rectified"
WITHDRAWN = "application.withdrawn"


async def rectify(
    parts: Parts, who: Principal, asked: Asked, number: str, given: RectificationGiven
) -> Response:
    """Take in what answers a merged step's notice.

    Raises Problem 404 for another's application, 409 when nothing (or another round) is to be put
    right or the term has passed, 422 for materials that the step does not use.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        now = parts.clock.now()
        row = await locked(conn, number, who)
        await _check_notice(conn, number, who, given, now)
        papers = papers_of(given.materials)
        uploads = await _check_materials(parts, conn, who, row, given)
        event = ApplicationRectified(
            application=number,
            step=given.step,
            round=given.round,
            materials=material_refs(papers, uploads),
            rectified_at=now,
        )
        await _answer_notice(conn, number, given, papers, now)
        await tell(conn, who, row, event, RECTIFIED, now)
        receipt = RectificationTaken(
            number=number, step=given.step, round=given.round, received_at=now
        )
        return slot.keep(taken(number, receipt.model_dump_json()))


async def withdraw(parts: Parts, who: Principal, asked: Asked, number: str) -> Response:
    """Withdraw an application.

    Raises Problem 404 for another's application, 409 when it is concluded or withdrawn already.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        now = parts.clock.now()
        row = await locked(conn, number, who)
        await store.withdraw(conn, number, now)
        event = ApplicationWithdrawn(application=number, withdrawn_at=now)
        await tell(conn, who, row, event, WITHDRAWN, now)
        receipt = WithdrawalTaken(number=number, received_at=now)
        return slot.keep(taken(number, receipt.model_dump_json()))


async def locked(conn: Connection, number: str, who: Principal) -> Row:
    """Return the application if it is the principal's and still going on."""
    row = await store.lock_own(conn, number, who.ref)
    if row is None:
        raise Problem(NOT_FOUND)
    if row["conclusion"] is not None:
        raise Problem(problems.CONCLUDED, extra={"conclusion": row["conclusion"]})
    if row["withdrawn_at"] is not None:
        raise Problem(problems.WITHDRAWN)
    return row


async def _check_notice(
    conn: Connection, number: str, who: Principal, given: RectificationGiven, now: datetime
) -> None:
    notices = await store.waiting_notices(conn, number, who.ref)
    found = next(
        (one for one in notices if (one["step"], one["round"]) == (given.step, given.round)), None
    )
    if found is None:
        waiting = [{"step": one["step"], "round": one["round"]} for one in notices]
        raise Problem(
            problems.NOTHING_TO_RECTIFY,
            Words(
                "该环节的这一轮次没有待补正的通知", "No notice of this step and round is waiting"
            ),
            extra={"waiting": waiting},
        )
    if now >= found["until"]:
        raise Problem(problems.TERM_PASSED, extra={"until": found["until"]})


async def _check_materials(
    parts: Parts, conn: Connection, who: Principal, row: Row, given: RectificationGiven
) -> dict[UUID, str]:
    """Return the uploads given by their hash. Raises Problem 422."""
    plan = await parts.plans.get(conn, row["plan_digest"])
    used = {one.id: one for one in plan.materials if one.asked and given.step in one.used_by_steps}
    named = [one.upload for one in given.materials if one.upload is not None]
    uploads = await store.own_uploads(conn, named, who.ref) if named else {}
    catalogue = parts.shelf.version(row["catalogue_version"])
    faults = material_faults(given.materials, catalogue, used, uploads)
    if faults:
        raise problems.of_submission(faults, ())
    return uploads


async def _answer_notice(
    conn: Connection,
    number: str,
    given: RectificationGiven,
    papers: tuple[Paper, ...],
    now: datetime,
) -> None:
    answered = await store.answer_notice(
        conn, number=number, step=given.step, round_=given.round, at=now
    )
    if not answered:
        raise Problem(problems.NOTHING_TO_RECTIFY)
    await store.add_materials(
        conn, number=number, step=given.step, round_=given.round, at=now, papers=papers
    )
    await store.touch(conn, number)


async def tell(
    conn: Connection, who: Principal, row: Row, event: Event, act: str, now: datetime
) -> None:
    """Write the event and the leaf, in the trace of the application."""
    number = row["number"]
    request = current_traceparent()
    with span(
        SpanName.SUBMIT,
        traceparent=row["traceparent"],
        links=[request],
        attributes={Attribute.APPLICATION: number},
    ):
        outgoing = Outgoing(
            topic=APPLICATIONS.name,
            application=number,
            event=event,
            at=now,
            consumers=APPLICATIONS.consumers,
            traceparent=current_traceparent(),
        )
        await outbox.add(conn, Service.INTAKE, [outgoing])
        await audit.leaf(conn, act, number, who.ref, event.model_dump(mode="json"), at=now)


def taken(number: str, body: str) -> Response:
    """202: it is received; what follows from it is told by the progress."""
    return Response(
        body,
        status_code=202,
        media_type="application/json",
        headers={"location": links.of_application(number)["progress"]},
    )
