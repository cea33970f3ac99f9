"""Each way of breaking yesterday's messages is noticed, and told in a sentence; growth is not."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import build
from services.commands.contract import BROKEN, DOCS, Kind, broken, documents, write_all
from services.contracts.compatibility import breaks

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "task": {"type": "string", "pattern": "^a+$", "minLength": 1, "maxLength": 10},
        "round": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number"},
        "outcome": {"$ref": "#/$defs/Outcome"},
        "number": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "materials": {"type": "array", "items": {"$ref": "#/$defs/Material"}, "minItems": 0},
        "facts": {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
        },
        "version": {"const": "1"},
    },
    "required": ["task", "outcome"],
    "allOf": [{"if": {"properties": {"outcome": {"const": "refused"}}}}],
    "$defs": {
        "Outcome": {"type": "string", "enum": ["granted", "refused"]},
        "Material": {
            "type": "object",
            "properties": {"sha256": {"type": "string"}},
            "required": ["sha256"],
        },
    },
}


def changed(*path: str, to: Any = None) -> dict[str, Any]:
    """Return OLD with one place set, or removed when `to` is None."""
    new = deepcopy(OLD)
    place: Any = new
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return new


P = "properties"
BREAKING = {
    "a member removed": (changed(P, "share"), "`share` was removed"),
    "a member newly compulsory": (
        changed("required", to=["task", "outcome", "round"]),
        "`round` is compulsory now",
    ),
    "a member no longer promised": (
        changed("required", to=["task"]),
        "`outcome` was always there",
    ),
    "another type": (changed(P, "task", "type", to="integer"), "was string, may now only be"),
    "a narrower type": (changed(P, "share", "type", to="integer"), "was number, may now only be"),
    "a value removed": (
        changed("$defs", "Outcome", "enum", to=["granted"]),
        "'refused' is no longer allowed",
    ),
    "values fixed": (changed(P, "task", "enum", to=["a"]), "may now only be 'a'"),
    "a constant changed": (changed(P, "version", "const", to="2"), "'1' is no longer allowed"),
    "null removed": (changed(P, "number", to={"type": "string"}), "null is no longer allowed"),
    "an option removed": (
        changed(P, "facts", "additionalProperties", "anyOf", to=[{"type": "string"}]),
        "boolean is no longer allowed",
    ),
    "another pattern": (changed(P, "task", "pattern", to="^b+$"), "pattern is '^b+$' now"),
    "another format": (changed(P, "task", "format", to="date"), "format is 'date' now"),
    "a shorter text": (changed(P, "task", "maxLength", to=9), "maxLength is 9 now and was 10"),
    "a longer text": (changed(P, "task", "minLength", to=2), "minLength is 2 now and was 1"),
    "a higher minimum": (changed(P, "round", "minimum", to=2), "minimum is 2 now and was 1"),
    "a lower maximum": (changed(P, "round", "maximum", to=8), "maximum is 8 now and was 9"),
    "a new bound": (changed(P, "share", "maximum", to=1), "maximum is 1 now and was not set"),
    "more items": (changed(P, "materials", "minItems", to=1), "minItems is 1 now and was 0"),
    "a member of a member removed": (
        changed("$defs", "Material", P, "sha256"),
        "items of `materials` of the message: the member `sha256` was removed",
    ),
    "a new rule": (changed("allOf", to=[{"required": ["round"]}]), "the rule `allOf` was changed"),
    "unknown members forbidden": (
        {**OLD, "additionalProperties": False},
        "the values are no longer allowed",
    ),
}


@pytest.mark.parametrize("case", BREAKING)
def test_what_breaks_is_told(case: str) -> None:
    new, words = BREAKING[case]
    sentences = breaks(OLD, new)
    assert len(sentences) == 1, sentences
    assert words in sentences[0]


GROWING = {
    "nothing changed": OLD,
    "an optional member": changed(P, "note", to={"type": "string", "maxLength": 5}),
    "one more value": changed("$defs", "Outcome", "enum", to=["granted", "refused", "waived"]),
    "a wider type": changed(P, "round", "type", to="number"),
    "null allowed": changed(P, "share", to={"anyOf": [{"type": "number"}, {"type": "null"}]}),
    "a bound lifted": changed(P, "round", "maximum"),
    "a pattern lifted": changed(P, "task", "pattern"),
    "a longer text allowed": changed(P, "task", "maxLength", to=11),
    "a rule lifted": changed("allOf"),
    "described better": changed(P, "task", "description", to="What the department has to do."),
}


@pytest.mark.parametrize("case", GROWING)
def test_growth_breaks_nothing(case: str) -> None:
    assert breaks(OLD, GROWING[case]) == []


def test_todays_messages_are_what_the_committed_schemas_allow() -> None:
    assert broken(documents(Kind.EVENTS), DOCS) == []


def test_a_breaking_change_is_not_written_over_what_was_promised(tmp_path: Path) -> None:
    made = documents(Kind.EVENTS)
    write_all(made, tmp_path)
    name = "events/lianshen.task.decided.v1.schema.json"
    promised = json.loads(made[name])
    promised["$defs"]["TaskDecided"]["properties"]["stamp"] = {"type": "string"}
    (tmp_path / name).write_text(json.dumps(promised), encoding="utf-8")
    (tmp_path / "events/lianshen.task.gone.v1.schema.json").write_text("{}", encoding="utf-8")

    answer = CliRunner().invoke(
        build(), ["contract", "events", "--write", "--folder", str(tmp_path)]
    )

    assert answer.exit_code == BROKEN
    assert (
        "lianshen.task.decided.v1: `data` of the message: the member `stamp` was removed"
        in answer.stderr
    )
    assert "lianshen.task.gone.v1: the event was removed" in answer.stderr
    assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == promised
