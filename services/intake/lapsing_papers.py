"""Whether papers that come later came in their term: this store says so, and nothing else does.

Their application is locked, as it is by whoever hands them in. A paper that was taken counts,
however long its message is on its way; one that was closed is taken no more.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from services.contracts.later import PapersLapsed, PapersLapseDue
from services.contracts.topics import APPLICATIONS
from services.contracts.vocabulary import Service
from services.intake import later
from services.intake.lapsing import LapseRefusedError
from services.intake.letters import Draft, LetterFacts, LetterKind, write
from services.intake.store import Row
from services.runtime import audit, outbox
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing, Received
from services.runtime.telemetry import current_traceparent

LAPSED = "papers.lapsed"
_log = structlog.get_logger(__name__)


async def lapse(conn: Connection, clock: Clock, received: Sequence[Received]) -> None:
    """Close the papers among `received` that have not come, and tell of them.

    Raises:
        LapseRefusedError: nothing is closed.
    """
    now, events, leaves, written = clock.now(), [], [], []
    for one in received:
        if not isinstance(one.event, PapersLapseDue):
            continue
        due, at = one.event, max(now, one.event.due_at)
        lacking = await _close(conn, due, at)
        if not lacking:
            _log.info("papers_lapse_lost", application=due.application, step=due.step)
            continue
        facts = {"step": due.step, "materials": lacking, "due_at": due.due_at}
        leaves.append(audit.Leaf(at=at, act=LAPSED, application=due.application, facts=facts))
        parent = current_traceparent() or one.envelope.traceparent
        events.append(_told(due, lacking, at, parent))
        written.append(
            Draft(
                application=due.application,
                kind=LetterKind.PAPERS_CLOSED,
                source=one.event_id,
                place=0,
                facts=LetterFacts(step=due.step, count=len(lacking)),
                at=at,
            )
        )
    if events:
        await outbox.add(conn, Service.INTAKE, events)
        await audit.leaves(conn, leaves)
        await write(conn, written)


async def _close(conn: Connection, due: PapersLapseDue, at: datetime) -> Sequence[str]:
    """Return the papers that were closed now. Raises LapseRefusedError."""
    row = await later.close(conn, due.application, due.step, due.materials, at)
    if row is None:
        message = f"{due.application} {due.step}: no such papers are awaited"
        raise LapseRefusedError(message)
    _check(due, row)
    lacking: Sequence[str] = row["lacking"]
    return lacking


def _check(due: PapersLapseDue, row: Row) -> None:
    """See to it that no paper is closed in its own term: what came in it is of no concern."""
    for material in row["lacking"]:
        until = later.until_of(row["until"], later.terms(row["untils"]), material)
        if until is None or due.due_at < until:
            message = f"{due.application} {due.step}: the term of {material} is not over"
            raise LapseRefusedError(message)


def _told(
    due: PapersLapseDue, lacking: Sequence[str], at: datetime, traceparent: str | None
) -> Outgoing:
    return Outgoing(
        topic=APPLICATIONS.name,
        application=due.application,
        event=PapersLapsed(
            application=due.application, step=due.step, materials=tuple(lacking), lapsed_at=at
        ),
        at=at,
        consumers=APPLICATIONS.consumers,
        traceparent=traceparent,
    )
