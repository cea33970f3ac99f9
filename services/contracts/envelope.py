"""The envelope: CloudEvents 1.0, structured JSON mode, one event to a Kafka record.

Source: CloudEvents 1.0.2 core and Kafka protocol binding; W3C Trace Context for `traceparent`.
The Kafka key is the application number. `seq` counts from 1 per (application, topic, source), so
that every consumer can see a gap in what it is entitled to read.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
Headers = Sequence[tuple[str, bytes]]


class Envelope(BaseModel):
    """One message on the wire. `data` is validated by the model that `type` names."""

    model_config = ConfigDict(frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(description="Identity of the event. A consumer applies one id once.")
    type: str = Field(pattern=r"^lianshen\.[a-z_]+\.[a-z_]+\.v[0-9]+$")
    source: str = Field(
        max_length=80,
        pattern=r"^(intake|orchestrator|departments|department/[a-z][a-z0-9-]*)$",
        description="The producer: one of the services, or `department/<code>` for own software.",
    )
    subject: str | None = Field(
        default=None, max_length=64, description="The application number; absent on receipts."
    )
    time: AwareDatetime = Field(description="When it happened, by the producer's clock (UTC).")
    datacontenttype: Literal["application/json"] = "application/json"
    seq: int = Field(
        ge=0, description="1, 2, 3 ... per application, topic and source; 0 on receipts."
    )
    traceparent: str | None = Field(default=None, pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")
    data: dict[str, Any]


def headers(traceparent: str | None) -> list[tuple[str, bytes]]:
    """Return the Kafka headers of a record: content type and trace context."""
    found = [("content-type", CONTENT_TYPE)]
    if traceparent:
        found.append(("traceparent", traceparent.encode("ascii")))
    return found
