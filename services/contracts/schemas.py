"""JSON Schemas (2020-12) of the messages, made from the models: what a department codes against.

A schema describes one whole record: the CloudEvents envelope with `type` fixed and `data` as the
event's model. Members that are not named are allowed everywhere: fields are added over time.
"""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from pydantic.json_schema import models_json_schema

from services.contracts.envelope import Envelope
from services.contracts.events import EVENTS, Event, Receipt

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLES = "examples"
_OPTIONAL = {"datacontenttype", "traceparent"}


def summary(model: type[Any]) -> str:
    """Return the first line of a model's description."""
    return (model.__doc__ or "").strip().partition("\n")[0]


def data_schemas(models: Iterable[type[Event]], ref: str) -> dict[str, Any]:
    """Return the schemas of events and of everything in them, by name.

    Args:
        models: the events.
        ref: how they refer to each other; `{model}` stands for the name.
    """
    pairs: Any = [(model, "validation") for model in models]
    _, found = models_json_schema(pairs, ref_template=ref)
    definitions: dict[str, Any] = found["$defs"]
    return {name: _tidy(schema) for name, schema in sorted(definitions.items())}


def message_schema(model: type[Event], data: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a whole record of one type of event.

    Args:
        model: the event.
        data: the schema of its data, usually a reference.
    """
    properties = _tidy(Envelope.model_json_schema())["properties"]
    required = [name for name in properties if name not in _OPTIONAL]
    properties["type"] = {"const": model.TYPE}
    if model is Receipt:
        required.remove("subject")
        del properties["subject"]
        properties["seq"] = {"const": 0, "description": "Receipts are not numbered."}
    else:
        number = model.model_json_schema()["properties"]["application"]["pattern"]
        properties["subject"] = {
            "type": "string",
            "pattern": number,
            "description": "The application number, as in `data`; also the record's key.",
        }
        properties["seq"] |= {"minimum": 1, "maximum": 2**63 - 1}
        properties["seq"]["description"] = "1, 2, 3 ... per application, topic and source."
    properties["data"] = data
    return {
        "title": f"{model.__name__}Message",
        "description": summary(model),
        "type": "object",
        "properties": properties,
        "required": required,
    }


def event_schema(model: type[Event]) -> dict[str, Any]:
    """Return the self-contained schema of a whole record of one type of event."""
    definitions = data_schemas([model], "#/$defs/{model}")
    return {
        "$schema": DIALECT,
        "$id": f"urn:lianshen:event:{model.TYPE}",
        **message_schema(model, {"$ref": f"#/$defs/{model.__name__}"}),
        "$defs": definitions,
    }


def examples(type_: str) -> dict[str, dict[str, Any]]:
    """Return the golden examples of one type of event, whole records, by name.

    They are never edited: what was once on the wire is to be read for ever.
    """
    folder = files(__package__) / _EXAMPLES / type_
    found = sorted((one for one in folder.iterdir()), key=lambda one: one.name)
    return {
        one.name.removesuffix(".json"): json.loads(one.read_text(encoding="utf-8"))
        for one in found
        if one.name.endswith(".json")
    }


def event_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of every type of event, by type."""
    return {type_: event_schema(model) for type_, model in EVENTS.items()}


def _tidy(schema: Any) -> Any:
    """Leave out the titles that only repeat a field's name, and defaults of null."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _tidy(value) for name, value in schema.items()}
    if isinstance(schema.get("title"), str) and "properties" not in schema:
        del found["title"]
    if "default" in found and found["default"] is None:
        del found["default"]
    return found
