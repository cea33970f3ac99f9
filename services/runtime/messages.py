"""What a service says and hears, as values; and the bytes on the wire."""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import orjson

from services.contracts.envelope import Envelope
from services.contracts.events import Event
from services.runtime.db import Connection

MAX_EVENT_BYTES = 900_000
"""Largest event on the wire: below the broker's usual limit of 1 MiB a record."""


class EventTooLargeError(ValueError):
    """An event is larger than a broker takes; it could never be sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One event to be said on `topic` about `application`; `consumers` must receipt it."""

    topic: str
    application: str
    event: Event
    at: datetime
    consumers: tuple[str, ...]
    traceparent: str | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One event that was heard, with the envelope it came in."""

    envelope: Envelope
    event: Event
    topic: str

    @property
    def application(self) -> str:
        """The application it is about (never empty: `decode` refuses events without)."""
        return self.envelope.subject or ""

    @property
    def seq(self) -> int:
        """Its number in its stream."""
        return self.envelope.seq

    @property
    def source(self) -> str:
        """Who said it."""
        return self.envelope.source

    @property
    def event_id(self) -> UUID:
        """Its identity."""
        return self.envelope.id


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """One record as the broker gave it."""

    topic: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None
    offset: int | None = None


Handler: TypeAlias = Callable[[Connection, Sequence[Received]], Awaitable[None]]
"""Applies events inside the caller's transaction; raising undoes all of them."""


def new_event_id() -> UUID:
    """Return a UUID version 7 (RFC 9562): ordered by time, so that indexes grow at one end."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def encode(outgoing: Outgoing, *, source: str, event_id: UUID, seq: int) -> bytes:
    """Return the event as CloudEvents JSON (see `contracts.envelope.Envelope`).

    Raises:
        EventTooLargeError: the event is larger than MAX_EVENT_BYTES.
        ValueError: `at` has no time zone.
    """
    fields: dict[str, object] = {
        "specversion": "1.0",
        "id": str(event_id),
        "type": outgoing.event.TYPE,
        "source": source,
        "subject": outgoing.application,
        "time": utc_text(outgoing.at),
        "datacontenttype": "application/json",
        "seq": seq,
    }
    if outgoing.traceparent:
        fields["traceparent"] = outgoing.traceparent
    return _sealed(fields, outgoing.event)


def encode_receipt(receipt: Event, *, source: str, at: datetime) -> bytes:
    """Return a receipt as CloudEvents JSON: no subject, number 0, an id nobody keeps."""
    return _sealed(
        {
            "specversion": "1.0",
            "id": str(new_event_id()),
            "type": receipt.TYPE,
            "source": source,
            "time": utc_text(at),
            "datacontenttype": "application/json",
            "seq": 0,
        },
        receipt,
    )


def utc_text(instant: datetime) -> str:
    """Return an instant as RFC 3339 in UTC. Raises ValueError when it has no time zone."""
    if instant.tzinfo is None:
        message = "an instant needs a time zone"
        raise ValueError(message)
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _sealed(fields: dict[str, object], event: Event) -> bytes:
    data = orjson.Fragment(event.model_dump_json(exclude_none=True).encode())
    sealed = orjson.dumps(fields | {"data": data})
    if len(sealed) > MAX_EVENT_BYTES:
        message = f"{event.TYPE}: {len(sealed)} bytes"
        raise EventTooLargeError(message)
    return sealed
