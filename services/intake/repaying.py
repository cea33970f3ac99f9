"""Telling the supervision that a fee was charged against the law (行政许可法 75)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.contracts.fees import FeeRepaid
from services.contracts.topics import APPLICATIONS
from services.contracts.vocabulary import Service
from services.domain.fees import Line
from services.runtime import outbox
from services.runtime.db import Connection
from services.runtime.messages import Outgoing
from services.runtime.telemetry import current_traceparent


async def tell(
    conn: Connection, number: str, line: Line, amount: Decimal, transfer: UUID, at: datetime
) -> None:
    """Tell of a refund that has begun, in the transaction of its request."""
    event = FeeRepaid(
        application=number,
        line=line.standard,
        departments=line.departments,
        amount=f"{amount:f}",
        transfer=transfer,
        repaid_at=at,
    )
    outgoing = Outgoing(
        topic=APPLICATIONS.name,
        application=number,
        event=event,
        at=at,
        consumers=APPLICATIONS.consumers,
        traceparent=current_traceparent(),
    )
    await outbox.add(conn, Service.INTAKE, [outgoing])
