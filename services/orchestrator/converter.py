"""How values travel to Temporal and back: JSON as its own converter writes it, by orjson.

What a workflow is given and what its activities answer are plain values (`dict`, `list`, `str`),
so a history stays readable for every tool, and one written by the other converter is read the same.
"""

from typing import Any, Self, get_origin

import orjson
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    SerializationContext,
)


class PlainJson(JSONPlainPayloadConverter):
    """JSON of plain values; anything else is left to the converter it stands in for."""

    def to_payload(self, value: Any) -> Payload | None:
        """Return the value as JSON with sorted keys."""
        try:
            data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            return super().to_payload(value)
        return Payload(metadata={"encoding": b"json/plain"}, data=data)

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Return the value. Raises RuntimeError when it is no JSON."""
        try:
            value = orjson.loads(payload.data)
        except orjson.JSONDecodeError:
            return super().from_payload(payload, type_hint)
        plain = get_origin(type_hint) or type_hint
        if plain in {dict, list, str} and isinstance(value, plain):
            return value
        return super().from_payload(payload, type_hint)


def as_sent(value: Any) -> Any:
    """Return plain values as an activity would get them: the keys of objects in order."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


class PlainPayloads(CompositePayloadConverter):
    """Temporal's own converters, with `PlainJson` for JSON."""

    def __init__(self) -> None:
        """Keep their order: the first that can, converts."""
        given = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(
            *(PlainJson() if type(one) is JSONPlainPayloadConverter else one for one in given)
        )


class Plain(DataConverter):
    """Temporal's own, for values that mean the same wherever they are read."""

    def with_context(self, _: SerializationContext) -> Self:
        """Return itself: it is asked for every payload, and none of its parts would listen."""
        return self


CONVERTER = Plain(payload_converter_class=PlainPayloads)
