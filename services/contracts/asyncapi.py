"""The AsyncAPI 3.0 document: topics, who writes and who reads them, and every message.

Source: AsyncAPI specification 3.0.0, Kafka bindings 0.5.0. Made from `topics.py`, `events.py` and
`envelope.py` alone, so that it cannot say anything else than they do.
"""

import re
from typing import Any

from services.contracts.envelope import CONTENT_TYPE
from services.contracts.events import EVENTS, Event, Receipt
from services.contracts.schemas import data_schemas, examples, message_schema, summary
from services.contracts.topics import DECISIONS, TOPICS, Topic
from services.contracts.vocabulary import Service

OWN_SOFTWARE = "department/{department}"
VERSION = "1.0.0"
"""Of the contract: the first number moves when a topic moves to its next `.v`."""
_BINDING = "0.5.0"
_SCHEMAS = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_DESCRIPTION = """\
What the services of Lianshen and the departments' own software say to each other over Kafka.

**One record, one event**, as a CloudEvent in structured JSON mode. The record's key is the
application number (on receipts the consumer's name), so everything about one application keeps its
order.

**Numbers.** `seq` counts from 1 per application, topic and source, without a gap. An event whose
predecessor is missing waits for it.

**Receipts.** Every reader of a channel receipts every event (`lianshen.message.received.v1`,
with the `id` of each). An event that is not receipted is sent again: the same record, with the same
`id` and `seq`. A consumer acts on an `id` once, stores it with what it does, and receipts it again
whenever it comes again. Kafka is a means of transport and no record: what counts is each party's
own database.

**A department with software of its own** (`system: own` in the catalogue) reads its task channel,
signs its messages with the source `department/<code>`, and writes decisions, lapses and receipts to
its decision channel. It answers `lianshen.task.lapse_due.v1` with `lianshen.task.lapsed.v1`, unless
it has given its opinion before that instant: then that opinion stands. So it does about a renewal
(`silence`: `renewed`) when the permit has expired at `expires_at`, with the number of the renewal:
what it decides after that instant is nothing any more (行政许可法 50). On
`lianshen.task.cancelled.v1` it drops the task; a decision that crosses it on the way does no harm.

**Refusals.** A record that breaks this contract (another department's task, an unknown task, a
source that is no producer of the channel, data that its schema does not allow) is kept as a dead
letter and acted on only when an operator replays it; what follows it about the same application
from the same source waits until then. Unknown members are ignored: fields are only ever added.
"""
_PARAMETERS = {
    "department": {
        "description": "Code of a department, as in the catalogue.",
        "examples": ["planning"],
    },
    "service": {
        "description": "The service whose messages are receipted.",
        "enum": [service.value for service in Service],
    },
}
_CLIENTS = {service.value: f"The service `{service.value}`." for service in Service} | {
    "department": "A department's own software: its source is `department/<code>`."
}


def document() -> dict[str, Any]:
    """Return the whole document."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:lianshen:messages",
        "info": {
            "title": "Lianshen messages",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": name, "description": text} for name, text in _CLIENTS.items()],
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {_channel_id(topic): _channel(topic) for topic in TOPICS},
        "operations": {
            f"{_client(who)}.{action}.{_channel_id(topic)}": _operation(topic, who, action)
            for topic in TOPICS
            for action, parties in (("send", topic.producers), ("receive", topic.consumers))
            for who in _parties(parties)
        },
        "components": {
            "messages": {_message_id(model): _message(model) for model in EVENTS.values()},
            "schemas": data_schemas(EVENTS.values(), _SCHEMAS),
            "messageTraits": {"record": _record_trait()},
            "securitySchemes": {
                "scram": {
                    "type": "scramSha512",
                    "description": "Every service, and every department with its own software, "
                    "has an account; access lists keep it to its channels.",
                }
            },
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "county": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "The county's brokers (LIANSHEN_KAFKA__BOOTSTRAP).",
            "variables": {
                "bootstrap": {
                    "default": "kafka.example:9093",
                    "description": "`host:port` to start from.",
                }
            },
            "security": [{"$ref": "#/components/securitySchemes/scram"}],
        },
        "embedded": {
            "host": "127.0.0.1:9092",
            "protocol": "kafka",
            "description": "The broker of the embedded stack, on a port that is free.",
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    parameters = {name: _PARAMETERS[name] for name in _PARAMETER.findall(topic.name)}
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.purpose,
        **({"parameters": parameters} if parameters else {}),
        "messages": {
            _message_id(model): {"$ref": f"#/components/messages/{_message_id(model)}"}
            for model in topic.models
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operation(topic: Topic, who: str, action: str) -> dict[str, Any]:
    channel = _channel_id(topic)
    told = "writes to" if action == "send" else "reads"
    group = {"groupId": {"type": "string", "enum": [_group(who)]}} if action == "receive" else {}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": f"{_client(who)} {told} {topic.name}",
        "summary": topic.purpose,
        "description": f"Source or group of the messages: `{who}`. Key: {topic.key}.",
        "tags": [{"name": _client(who)}],
        "messages": [
            {"$ref": f"#/channels/{channel}/messages/{_message_id(model)}"}
            for model in topic.models
            if action == "receive" or _says(topic, who, model)
        ],
        "bindings": {"kafka": {**group, "bindingVersion": _BINDING}},
    }


def _says(topic: Topic, who: str, model: type[Event]) -> bool:
    """Return whether a writer of a topic writes this. Only own software receipts to DECISIONS."""
    return not (topic is DECISIONS and who == Service.DEPARTMENTS and model is Receipt)


def _message(model: type[Event]) -> dict[str, Any]:
    data = {"$ref": _SCHEMAS.format(model=model.__name__)}
    receipt = model is Receipt
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": summary(model),
        "description": (model.__doc__ or "").strip(),
        "contentType": CONTENT_TYPE.decode("ascii"),
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "payload": message_schema(model, data),
        **(
            {}
            if receipt
            else {
                "correlationId": {
                    "description": "The application number.",
                    "location": "$message.payload#/subject",
                }
            }
        ),
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": "The consumer's name." if receipt else "The application number.",
                },
                "bindingVersion": _BINDING,
            }
        },
        "examples": [
            {"name": name, "payload": payload} for name, payload in examples(model.TYPE).items()
        ],
    }


def _record_trait() -> dict[str, Any]:
    return {
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {
                    "type": "string",
                    "const": CONTENT_TYPE.decode("ascii"),
                    "description": "Tells structured mode from binary mode.",
                },
                "traceparent": {
                    "type": "string",
                    "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$",
                    "description": "W3C Trace Context, the same as in the envelope.",
                },
            },
            "required": ["content-type"],
        }
    }


def _channel_id(topic: Topic) -> str:
    return topic.name.split(".")[1]


def _message_id(model: type[Event]) -> str:
    return model.__name__


def _client(who: str) -> str:
    return "department" if who == OWN_SOFTWARE else who


def _group(who: str) -> str:
    return "department-{department}" if who == OWN_SOFTWARE else who


def _parties(parties: tuple[str, ...]) -> tuple[str, ...]:
    """Return who that is: `{service}` stands for each of the services."""
    return tuple(Service) if parties == ("{service}",) else parties
