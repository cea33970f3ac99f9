"""Whether an answer to a notice came in its term: this store says so, and nothing else does.

The notice's row is locked. An answer and a closing exclude each other by the instant of their
commit; whatever lost is not told. So an answer that was taken here counts, however long its message
is on its way. The same with departments: departments/lapsing.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.contracts.events import RectificationLapsed, RectificationLapseDue
from services.contracts.topics import APPLICATIONS
from services.contracts.vocabulary import Service
from services.intake import store
from services.intake.store import Row
from services.runtime import audit, outbox
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import Outgoing, Received
from services.runtime.telemetry import current_traceparent

LAPSED = "rectification.lapsed"
_log = structlog.get_logger(__name__)


class LapseRefusedError(ValueError):
    """A notice was never shown here, or its term lasts longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The orchestrator's question, from when on it is answered, with the span it is part of."""

    event: RectificationLapseDue
    at: datetime
    traceparent: str | None

    @property
    def key(self) -> tuple[str, str, int]:
        return self.event.application, self.event.step, self.event.round


async def lapse(conn: Connection, clock: Clock, received: Sequence[Received]) -> None:
    """Close the notices among `received` that nobody has answered, and tell of it.

    Raises:
        LapseRefusedError: nothing is closed.
    """
    now = clock.now()
    asked = {
        one.key: one
        for one in (
            _Asked(
                event=one.event,
                at=max(now, one.event.due_at),
                traceparent=current_traceparent() or one.envelope.traceparent,
            )
            for one in received
            if isinstance(one.event, RectificationLapseDue)
        )
    }
    if not asked:
        return
    rows = await store.close_notices(conn, [(*key, one.at) for key, one in asked.items()])
    found = {(row["application"], row["step"], row["round"]): row for row in rows}
    for one in asked.values():
        _check(one.event, found.get(one.key))
    closed = [one for one in asked.values() if found[one.key]["closed_at"] is not None]
    for key in asked.keys() - {one.key for one in closed}:
        _log.info("rectification_lapse_lost", application=key[0], step=key[1], round=key[2])
    await outbox.add(conn, Service.INTAKE, [_told(one) for one in closed])
    await audit.leaves(conn, [_leaf(one) for one in closed])


def _check(event: RectificationLapseDue, row: Row | None) -> None:
    if row is None or event.due_at < row["until"]:
        message = f"{event.application} {event.step} {event.round}: no such notice, or not over"
        raise LapseRefusedError(message)


def _told(one: _Asked) -> Outgoing:
    event = one.event
    return Outgoing(
        topic=APPLICATIONS.name,
        application=event.application,
        event=RectificationLapsed(
            application=event.application,
            step=event.step,
            round=event.round,
            lapsed_at=one.at,
        ),
        at=one.at,
        consumers=APPLICATIONS.consumers,
        traceparent=one.traceparent,
    )


def _leaf(one: _Asked) -> audit.Leaf:
    event = one.event
    return audit.Leaf(
        at=one.at,
        act=LAPSED,
        application=event.application,
        facts={"step": event.step, "round": event.round, "due_at": event.due_at},
    )
