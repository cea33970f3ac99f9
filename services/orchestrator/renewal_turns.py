"""What silence means for a task that is issued, and for a renewal that has ended."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.contracts.events import TaskDecided, TaskLapsed
from services.contracts.vocabulary import Silence
from services.domain import silences
from services.domain.route import RoutePart

Ended: TypeAlias = TaskDecided | TaskLapsed
"""What a department said of the end of a task that an item's result rests on."""


def silence_of(part: RoutePart, issued_at: datetime) -> dict[str, Any]:
    """Return the members of `TaskIssued` about silence.

    A renewal that is issued after its permit had expired is like any other task.
    """
    expires_at = silences.expiry(part, issued_at)
    void = part.silence is Silence.RENEWED and expires_at is None
    return {"silence": Silence.NONE if void else part.silence, "expires_at": expires_at}


def ended(data: Mapping[str, Any]) -> Ended:
    """Read what a department said, by what it is."""
    kind = TaskLapsed if "lapsed_at" in data else TaskDecided
    return kind.model_validate(data)


def number_of(said: Mapping[UUID, Ended], refs: Iterable[str]) -> str | None:
    """Return the number of the document that the first of these messages has one of."""
    found = (said.get(UUID(ref)) for ref in refs if ref)
    return next((one.result_number for one in found if one and one.result_number), None)
