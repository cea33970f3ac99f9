"""Joint sessions: from the lead department's message to the investor, and his answer back to it.

The answer passes by the workflow: the lead department alone says whether a session moves, and what
it says of that is journalled like every word about a session.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.contracts.sessions import (
    AppointmentAnswered,
    AppointmentOffer,
    AppointmentSettled,
    SessionProgress,
    SessionTold,
)
from services.contracts.topics import TASKS, consumers_of, tasks_topic
from services.contracts.vocabulary import DepartmentSystem, Service
from services.domain.session_events import Offer, SessionMoved, Settled, TellSession
from services.runtime import outbox
from services.runtime.db import Connection
from services.runtime.messages import Outgoing, Received
from services.runtime.telemetry import current_traceparent

_INSTANTS = (datetime,)


def session_event(said: SessionTold, ref: str) -> SessionMoved:
    """Return the core's event for what the lead department said."""
    return SessionMoved(
        at=said.told_at,
        ref=ref,
        step=said.step,
        department=said.department,
        session=said.session,
        state=said.state,
        starts_at=said.starts_at,
        ends_at=said.ends_at,
        absent=said.absent,
        offer=None if said.offer is None else msgspec.convert(said.offer.model_dump(), Offer),
        settled=None
        if said.settled is None
        else msgspec.convert(said.settled.model_dump(), Settled),
    )


def progress(command: TellSession) -> SessionProgress:
    """Return what the investor is told."""
    offer, settled = command.offer, command.settled
    return SessionProgress(
        step=command.step,
        session=command.session,
        lead=command.department,
        state=command.state,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        absent=command.absent,
        offer=None
        if offer is None
        else AppointmentOffer.model_validate(msgspec.to_builtins(offer, builtin_types=_INSTANTS)),
        settled=None
        if settled is None
        else AppointmentSettled(offer=settled.offer, outcome=settled.outcome),
    )


async def pass_on(
    conn: Connection, received: Sequence[Received], systems: Mapping[str, DepartmentSystem]
) -> None:
    """Hand the answers of investors to the departments that lead, in the order they came."""
    answered = [
        Outgoing(
            topic=tasks_topic(event.department),
            application=event.application,
            event=event,
            at=event.answered_at,
            consumers=consumers_of(
                TASKS,
                event.department,
                systems.get(event.department, DepartmentSystem.SHARED),
            ),
            traceparent=current_traceparent() or one.envelope.traceparent,
        )
        for one in received
        if isinstance(event := one.event, AppointmentAnswered)
    ]
    await outbox.add(conn, Service.ORCHESTRATOR, answered)
