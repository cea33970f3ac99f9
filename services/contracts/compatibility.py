"""Whether messages of yesterday are still understood: two JSON Schemas of one event, compared.

The rule of the wire: members are only ever added, and only as optional; what was allowed stays
allowed; what was always there stays so. Anything else is a new version of the event's type. An
enumeration may grow; whoever reads it is brought up to date before whoever writes it.
"""

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FIXED = ("pattern", "format", "uniqueItems")
_RULES = ("allOf", "not", "if", "then", "else", "oneOf")
_WIDER = {"integer": "number"}


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return, one sentence each, what the new schema no longer allows or no longer promises."""
    return list(_Comparison(old, new).compare(old, new, "the message"))


class _Comparison:
    """Two documents: references lead into the one they stand in."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old.get("$defs", {})
        self._new = new.get("$defs", {})

    def compare(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        """Yield what is broken between two schemas that stand in the same place."""
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        olds, news = _options(old), _options(new)
        if len(olds) == len(news) == 1:
            yield from self._compare_one(olds[0], news[0], at)
            return
        for option in olds:
            if all(self.breaks_somewhere(option, other) for other in news):
                yield f"{at}: {_shown(_resolved(option, self._old))} is no longer allowed"

    def breaks_somewhere(self, old: Schema, new: Schema) -> bool:
        """Return whether anything is broken between two options."""
        return any(True for _ in self.compare(old, new, ""))

    def _compare_one(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        for check in self._checks():
            yield from check(old, new, at)

    def _checks(self) -> tuple[Callable[[Schema, Schema, str], Iterator[str]], ...]:
        return (_types, _values, _bounds, _rules, self._members, self._contents)

    def _members(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        required_then, required_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(olds.keys() - news.keys()):
            yield f"{at}: the member `{name}` was removed"
        for name in sorted(required_now - required_then):
            yield f"{at}: the member `{name}` is compulsory now"
        for name in sorted((required_then - required_now) & news.keys()):
            yield f"{at}: the member `{name}` was always there and now may be missing"
        for name in sorted(olds.keys() & news.keys()):
            yield from self.compare(olds[name], news[name], f"`{name}` of {at}")

    def _contents(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        for key, what in (
            ("items", "the items"),
            ("additionalProperties", "the values"),
            ("propertyNames", "the keys"),
        ):
            then, now = old.get(key, True), new.get(key, True)
            if now is False and then is not False:
                yield f"{at}: {what} are no longer allowed"
            elif isinstance(now, dict):
                yield from self.compare(
                    then if isinstance(then, dict) else {}, now, f"{what} of {at}"
                )


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    while "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = definitions[schema["$ref"].rpartition("/")[2]] | beside
    return schema


def _options(schema: Schema) -> list[Schema]:
    beside = {key: value for key, value in schema.items() if key in _RULES}
    return [option | beside for option in schema.get("anyOf", [schema])]


def _types(old: Schema, new: Schema, at: str) -> Iterator[str]:
    then, now = _list(old.get("type")), _list(new.get("type"))
    if not now:
        return
    lost = [one for one in then if one not in now and _WIDER.get(one) not in now]
    if lost or not then:
        before = " or ".join(then) or "anything"
        yield f"{at}: was {before}, may now only be {' or '.join(now)}"


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    now = new.get("enum", [new["const"]] if "const" in new else None)
    then = old.get("enum", [old["const"]] if "const" in old else None)
    if now is None:
        return
    if then is None:
        yield f"{at}: may now only be {' or '.join(map(repr, now))}"
        return
    for value in then:
        if value not in now:
            yield f"{at}: the value {value!r} is no longer allowed"


def _bounds(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for key in _LOWER_BOUNDS:
        if key in new and (key not in old or new[key] > old[key]):
            yield f"{at}: {key} is {new[key]} now and was {old.get(key, 'not set')}"
    for key in _UPPER_BOUNDS:
        if key in new and (key not in old or new[key] < old[key]):
            yield f"{at}: {key} is {new[key]} now and was {old.get(key, 'not set')}"
    for key in _FIXED:
        if key in new and new[key] != old.get(key):
            yield f"{at}: {key} is {new[key]!r} now and was {old.get(key, 'not set')!r}"


def _rules(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for key in _RULES:
        if key in new and new[key] != old.get(key):
            yield f"{at}: the rule `{key}` was changed"


def _list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _shown(schema: Schema) -> str:
    return str(schema.get("title") or schema.get("type") or schema.get("enum") or "an alternative")
