"""From a record on the wire to an event: checked as a whole before anything acts on it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic import ValidationError

from services.contracts.envelope import Envelope
from services.contracts.events import EVENTS, NUMBER_PATTERN, Event, Receipt
from services.contracts.topics import TOPICS, Topic
from services.runtime.messages import Raw, Received

_MAX_SEQ = 2**63 - 1
_NUMBER = re.compile(NUMBER_PATTERN)
_DEPARTMENT = "{department}"
_FIELD = re.compile(r"[a-z_]{1,40}")


class RefusedError(ValueError):
    """A record is not a message we can act on. `envelope` is there if it can be attributed."""

    def __init__(self, reason: str, envelope: Envelope | None = None) -> None:
        super().__init__(reason)
        self.envelope = envelope


class UnreadableError(RefusedError):
    """The record is not a CloudEvent as the contract describes it."""


class ForeignError(RefusedError):
    """The topic is not one that this source may write to, or not one of ours."""


class WrongEventError(RefusedError):
    """The event does not belong on this topic, or its data is not what its type says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A concrete topic: what it is an instance of, whose it is, and who may write to it."""

    topic: Topic
    department: str | None
    producers: frozenset[str]
    types: frozenset[str]


@lru_cache(maxsize=1024)
def place_of(name: str) -> Place | None:
    """Return what `topics.py` says about a concrete topic name; None if it is not ours."""
    for topic in TOPICS:
        before, brace, after = topic.name.partition("{")
        after = after.partition("}")[2]
        if not brace:
            parameter = "" if name == topic.name else None
        elif name.startswith(before) and name.endswith(after):
            parameter = name[len(before) : len(name) - len(after)] or None
        else:
            parameter = None
        if parameter is not None:
            return Place(
                topic=topic,
                department=parameter if _DEPARTMENT in topic.name else None,
                producers=frozenset(one.replace(_DEPARTMENT, parameter) for one in topic.producers),
                types=frozenset(model.TYPE for model in topic.models),
            )
    return None


def decode(raw: Raw) -> Received:
    """Return the event in a record.

    Raises:
        RefusedError: with a reason that names fields, never their values.
    """
    envelope = _envelope(raw)
    place = place_of(raw.topic)
    if place is None or envelope.source not in place.producers:
        raise ForeignError("the source is no producer of this topic")
    if envelope.type == Receipt.TYPE:
        return _receipt(raw, envelope, place)
    if not _NUMBER.fullmatch(envelope.subject or "") or not 0 < envelope.seq <= _MAX_SEQ:
        raise UnreadableError("subject or seq is missing or impossible")
    event = _event(envelope, place)
    if getattr(event, "application", None) != envelope.subject:
        raise WrongEventError("the subject is not the event's application", envelope)
    _check_task(envelope, event, place.department)
    return Received(envelope=envelope, event=event, topic=raw.topic)


def _envelope(raw: Raw) -> Envelope:
    try:
        return Envelope.model_validate_json(raw.value)
    except ValidationError as error:
        raise UnreadableError(describe(error)) from error


def _event(envelope: Envelope, place: Place) -> Event:
    if envelope.type not in place.types:
        raise WrongEventError("this type of event does not belong on this topic", envelope)
    try:
        return EVENTS[envelope.type].model_validate(envelope.data)
    except ValidationError as error:
        raise WrongEventError(describe(error), envelope) from error


def _check_task(envelope: Envelope, event: Event, department: str | None) -> None:
    """Refuse what a department says about another one's work, or is told about it.

    A broker's access lists keep a department to its own topics; this keeps the topic to the
    department.
    """
    if department is None:
        return
    if getattr(event, "department", None) != department:
        raise WrongEventError("it is not about this topic's department", envelope)
    named: str | None = getattr(event, "task", None)
    if named is None:  # about a step: what the department may say of it, the core decides
        return
    task = named.split("/")
    if task[2:3] != [department]:
        raise WrongEventError("the task is not one of this topic's department", envelope)
    if task[0] != envelope.subject:
        raise WrongEventError("the task is not one of this application", envelope)


def _receipt(raw: Raw, envelope: Envelope, place: Place) -> Received:
    """Return a receipt. One that is wrong is nobody's event, so nothing has to wait for it."""
    if Receipt.TYPE not in place.types:
        raise ForeignError("receipts do not belong on this topic")
    try:
        receipt = Receipt.model_validate(envelope.data)
    except ValidationError as error:
        raise UnreadableError(describe(error)) from error
    if receipt.consumer != envelope.source:
        raise ForeignError("a receipt names another consumer than its source")
    return Received(envelope=envelope, event=receipt, topic=raw.topic)


def describe(error: ValidationError) -> str:
    """Return which fields are wrong and how, without their values (nor keys that are data)."""
    found = [
        f"{'.'.join(_shown(part) for part in one['loc']) or 'message'}: {one['type']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "; ".join(found[:5])


def _shown(part: int | str) -> str:
    return str(part) if isinstance(part, int) or _FIELD.fullmatch(part) else "*"
