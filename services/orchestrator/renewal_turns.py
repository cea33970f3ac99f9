"""What silence means for a task that is issued, and for a renewal that has ended."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from services.contracts.events import TaskDecided, TaskLapsed
from services.contracts.vocabulary import Silence
from services.domain.case import Dates
from services.domain.route import RoutePart

Ended: TypeAlias = TaskDecided | TaskLapsed
"""What a department said of the end of a task that an item's result rests on."""


def silence_of(part: RoutePart, dates: Dates) -> dict[str, Any]:
    """Return the members of `TaskIssued` about silence.

    A renewal whose papers were complete only after its permit had expired is like any other task.
    """
    void = part.silence is Silence.RENEWED and dates.expires_at is None
    return {"silence": Silence.NONE if void else part.silence, "expires_at": dates.expires_at}


def ended(data: Mapping[str, Any]) -> Ended:
    """Read what a department said, by what it is."""
    kind = TaskLapsed if "lapsed_at" in data else TaskDecided
    return kind.model_validate(data)


def number_of(said: Mapping[UUID, Ended], refs: Iterable[str]) -> str | None:
    """Return the number of the document that the first of these messages has one of."""
    found = (said.get(UUID(ref)) for ref in refs if ref)
    return next((number for one in found if one and (number := _number(one))), None)


def _number(said: Ended) -> str | None:
    """A result that rests on a lapse is a renewal; own software may have said no number of it.

    It is numbered then as our own queues would, so that it is found, and has its statement.
    """
    if said.result_number is None and isinstance(said, TaskLapsed):
        application, item, department, round_ = said.task.split("/")
        return f"{item}-{application}-{department}-{round_}"
    return said.result_number
