"""Examples of answers in the OpenAPI document, made from their schemas where none is written down.

An example that is written at a model or a field is taken; the rest is filled in with values of one
imaginary application, so that the answers of all operations fit together.
"""

import re
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
NUMBER = "QX20260302-000001-0"
_INSTANT = "2026-03-02T01:30:00Z"
_FORMATS = {
    "date-time": _INSTANT,
    "date": "2026-03-20",
    "uuid": "01979e8c-52b1-7c41-9d55-0d4f8f4f6a11",
}
_NAMES = {
    "number": NUMBER,
    "application": NUMBER,
    "task": f"{NUMBER}/FIRE-DESIGN/housing-construction/1",
    "item": "FIRE-DESIGN",
    "step": "joint-drawing-review",
    "department": "housing-construction",
    "scenario": "plant",
    "project_code": "2603-410402-04-01-123456",
    "project_name": "年产五万台水泵搬迁项目",
    "project_address": "高新区创业路 8 号",
    "catalogue_version": "2026.1",
    "calendar_version": "2026",
    "sha256": "0" * 64,
    "zh": "消防设计审查",
    "en": "Fire design review",
    "next": "WyIyMDI2LTAzLTAyIiwgMTdd",
    "topic": "lianshen.decisions.housing-construction.v1",
    "source": "departments",
    "type": "lianshen.task.decided.v1",
    "error_class": "WrongEventError",
    "error_message": "data.outcome: enum",
    "state": "open",
    "href": f"/v1/applications/{NUMBER}",
    "law": "中华人民共和国消防法",
    "article": "11",
}
_TEXTS = ("FIRE-DESIGN", "fire-drawings", NUMBER, "2026.1", "0" * 64, "1.0", "QX")
_DEEPEST = 12


def add_samples(document: dict[str, Any]) -> None:
    """Give every JSON answer of success that has no example one."""
    sampler = Sampler(document["components"]["schemas"])
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json", {})
                written = content.keys() & {"example", "examples"}
                if status.startswith("2") and content.get("schema") and not written:
                    content["example"] = sampler.sample(content["schema"])


class Sampler:
    """Makes values that schemas allow."""

    def __init__(self, schemas: Schema) -> None:
        """Keep what references lead to, by name."""
        self._schemas = schemas

    def sample(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """Return a value that a schema allows.

        Args:
            schema: of the value.
            name: of the member it is for: it says what a text may be.
            depth: how deep it lies; a tree that has no end is cut off.
        """
        schema = self._plain(schema)
        written = _written(schema)
        if written:
            return written[0]
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return _text(schema, name)
            case "boolean":
                return False
            case kind:
                return schema.get("minimum", 1) if kind in {"integer", "number"} else None

    def _plain(self, schema: Schema) -> Schema:
        """Follow references, and take the first of several alternatives."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                found = self._schemas[schema["$ref"].rpartition("/")[2]]
            else:
                found = schema["anyOf"][0]
            beside = {key: schema[key] for key in schema.keys() - {"$ref", "anyOf"}}
            schema = found | beside
        return schema

    def _object(self, schema: Schema, depth: int) -> Schema:
        inner = schema.get("properties", {}) if depth < _DEEPEST else {}
        return {name: self.sample(one, name, depth + 1) for name, one in inner.items()}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        fixed = schema.get("prefixItems")
        if fixed:
            return [self.sample(one, name, depth + 1) for one in fixed]
        if depth >= _DEEPEST or "items" not in schema:
            return []
        return [self.sample(schema["items"], name.removesuffix("s"), depth + 1)]


def _written(schema: Schema) -> list[Any]:
    """Return the values that a schema names itself."""
    single = [schema[key] for key in ("const", "example") if key in schema]
    return [*single, *schema.get("examples", ()), *schema.get("enum", ())]


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    pattern = schema.get("pattern", "")
    options = (_NAMES.get(name), name, *_TEXTS)
    return next((one for one in options if one and re.search(pattern, one)), "text")
