"""Golden examples: what was once on the wire is understood for ever, by us and by others."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured, to_structured
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from services.contracts import schemas
from services.contracts.envelope import CONTENT_TYPE, Envelope
from services.contracts.events import EVENTS, Event, Receipt, TaskDecided
from services.contracts.topics import TOPICS, decisions_topic, receipts_topic, tasks_topic
from services.contracts.vocabulary import Outcome
from services.runtime.decoding import ForeignError, RefusedError, WrongEventError, decode
from services.runtime.messages import Outgoing, Raw, encode, encode_receipt

EXAMPLES = Path(schemas.__file__).with_name("examples")
DIGESTS = Path(__file__).with_name("golden.sha256")
GOLDEN = [
    pytest.param(type_, name, payload, id=f"{type_}/{name}")
    for type_ in EVENTS
    for name, payload in schemas.examples(type_).items()
]


def validator(type_: str) -> Draft202012Validator:
    schema = schemas.event_schema(EVENTS[type_])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def topic_of(message: dict[str, Any]) -> str:
    """Return a topic that this record may be on."""
    model, data = EVENTS[message["type"]], message["data"]
    if model is Receipt:
        own = message["source"].removeprefix("department/")
        return receipts_topic("orchestrator") if own == message["source"] else decisions_topic(own)
    [topic] = [
        one for one in TOPICS if model in one.models and message["source"] in one.producers
    ] or [one for one in TOPICS if model in one.models]
    return topic.name.format(department=data.get("department"))


def test_no_example_was_edited() -> None:
    noted = dict(reversed(line.split("  ")) for line in DIGESTS.read_text().splitlines())
    found = {
        file.relative_to(EXAMPLES.parent).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(EXAMPLES.rglob("*.json"))
    }
    assert noted == found, "examples are only ever added, with their line in golden.sha256"


@pytest.mark.parametrize("type_", EVENTS)
def test_every_event_has_a_minimal_and_a_full_example_and_a_topic(type_: str) -> None:
    found = schemas.examples(type_)
    model = EVENTS[type_]
    assert len(found) >= 2
    assert any(model in topic.models for topic in TOPICS)
    written = {name for payload in found.values() for name in payload["data"]}
    assert written == set(model.model_fields), "an example shows every member"
    [minimal] = [one["data"] for name, one in found.items() if name.endswith("-minimal")]
    assert set(minimal) == {n for n, field in model.model_fields.items() if field.is_required()}


@pytest.mark.parametrize(("type_", "name", "payload"), GOLDEN)
def test_our_models_read_it(type_: str, name: str, payload: dict[str, Any]) -> None:
    value = (EXAMPLES / type_ / f"{name}.json").read_bytes()
    received = decode(Raw(topic=topic_of(payload), value=value))
    assert type(received.event) is EVENTS[type_]
    told = received.event.model_dump(mode="json", exclude_unset=True)
    assert told == payload["data"]
    assert str(received.event_id) == payload["id"]
    assert received.source == payload["source"]


@pytest.mark.parametrize(("type_", "name", "payload"), GOLDEN)
def test_the_schema_allows_it(type_: str, name: str, payload: dict[str, Any]) -> None:
    assert [error.message for error in validator(type_).iter_errors(payload)] == []
    stranger = {**payload, "later": 1, "data": {**payload["data"], "later": {"a": 1}}}
    assert validator(type_).is_valid(stranger)
    assert decode(Raw(topic=topic_of(payload), value=json.dumps(stranger).encode()))


@pytest.mark.parametrize(("type_", "name", "payload"), GOLDEN)
def test_the_cloudevents_library_reads_it(type_: str, name: str, payload: dict[str, Any]) -> None:
    value = (EXAMPLES / type_ / f"{name}.json").read_bytes()
    record = KafkaMessage(headers={"content-type": CONTENT_TYPE}, key=b"key", value=value)
    event = from_structured(record, JSONFormat())
    assert event.get_id() == payload["id"]
    assert event.get_type() == type_
    assert event.get_source() == payload["source"]
    assert event.get_subject() == payload.get("subject")
    assert event.get_extension("seq") == payload["seq"]
    assert event.get_data() == payload["data"]
    # And what that library writes, we read.
    again = to_structured(event, JSONFormat(), key_mapper=lambda _: "key")
    assert decode(Raw(topic=topic_of(payload), value=again.value)).source == payload["source"]


@pytest.mark.parametrize(("type_", "name", "payload"), GOLDEN)
def test_what_we_write_today_the_schema_allows(
    type_: str, name: str, payload: dict[str, Any]
) -> None:
    event: Event = EVENTS[type_].model_validate(payload["data"])
    envelope = Envelope.model_validate(payload)
    if isinstance(event, Receipt):
        value = encode_receipt(event, source=envelope.source, at=envelope.time)
    else:
        outgoing = Outgoing(
            topic=topic_of(payload),
            application=payload["subject"],
            event=event,
            at=envelope.time,
            consumers=(),
            traceparent=envelope.traceparent,
        )
        value = encode(outgoing, source=envelope.source, event_id=envelope.id, seq=envelope.seq)
    assert [error.message for error in validator(type_).iter_errors(json.loads(value))] == []


DECIDED = schemas.examples(TaskDecided.TYPE)["003-refused"]
WRONG: dict[str, dict[str, Any]] = {
    "no reasons": {"reasons": []},
    "no remedies": {"remedies": []},
    "silence as a decision": {"outcome": Outcome.DEEMED_NO_OBJECTION.value},
    "a renewal by law as a decision": {"outcome": Outcome.DEEMED_RENEWED.value},
    "an objection without reasons": {"outcome": "objection", "reasons": []},
    "a department that is no code": {"department": "../fire"},
    "a task that is none": {"task": "FIRE-FILING"},
    "an unknown outcome": {"outcome": "perhaps"},
    "a person's name": {"actor_ref": "a name"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_model_and_schema_refuse_the_same(wrong: str) -> None:
    data = {**DECIDED["data"], **WRONG[wrong]}
    with pytest.raises(ValidationError):
        TaskDecided.model_validate(data)
    assert not validator(TaskDecided.TYPE).is_valid({**DECIDED, "data": data})


def test_an_instant_without_a_zone_is_refused() -> None:
    """The core compares instants: one without a zone would stop the workflow for good."""
    data = {**DECIDED["data"], "decided_at": "2026-03-05T07:40:00"}
    with pytest.raises(ValidationError):
        TaskDecided.model_validate(data)
    with pytest.raises(ValidationError):
        Envelope.model_validate({**DECIDED, "time": "2026-03-05T07:40:00"})


GRANTED = schemas.examples(TaskDecided.TYPE)["002-granted"]
NUMBER, ITEM, OWNER = GRANTED["data"]["task"].split("/")[:3]
STRANGER = f"{NUMBER}/{ITEM}/forestry/1"
FORGED: dict[str, tuple[type[RefusedError], str, dict[str, Any], dict[str, Any]]] = {
    "another department's software": (ForeignError, OWNER, {"source": "department/forestry"}, {}),
    "a service that does not write here": (ForeignError, OWNER, {"source": "intake"}, {}),
    "another department's topic": (WrongEventError, "forestry", {}, {}),
    "another department's name": (WrongEventError, OWNER, {}, {"department": "forestry"}),
    "another department's task": (WrongEventError, OWNER, {}, {"task": STRANGER}),
    "another application": (WrongEventError, OWNER, {"subject": "QX20260302-000002-0"}, {}),
    "another application's task": (
        WrongEventError,
        OWNER,
        {},
        {"task": f"QX20260302-000002-0/{ITEM}/{OWNER}/1"},
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_topic_is_only_its_departments(forged: str) -> None:
    error, department, envelope, data = FORGED[forged]
    message = {**GRANTED, **envelope, "data": {**GRANTED["data"], **data}}
    with pytest.raises(error):
        decode(Raw(topic=decisions_topic(department), value=json.dumps(message).encode()))


def test_what_is_not_forged_is_read() -> None:
    raw = Raw(topic=decisions_topic(OWNER), value=json.dumps(GRANTED).encode())
    assert decode(raw).application == NUMBER


def test_the_topics_of_a_department() -> None:
    assert tasks_topic("planning") == "lianshen.tasks.planning.v1"
    assert receipts_topic("department/planning") == tasks_topic("planning")
