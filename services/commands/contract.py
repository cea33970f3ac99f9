"""`lianshen contract`: the documents that are made from the code, and kept under docs/."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.contracts.vocabulary import Service

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

EVENTS = "events"
SCHEMA_SUFFIX = ".schema.json"
DOCS = Path(__file__).parents[2] / "docs"
STALE = 1
BROKEN = 2
_GENERATED = "made by `lianshen contract {kind} --write`: do not edit"


class Kind(StrEnum):
    """What can be made."""

    ASYNCAPI = "asyncapi"
    EVENTS = "events"
    OPENAPI = "openapi"
    CATALOGUE = "catalogue"
    SAMPLES = "samples"
    SUPERVISION = "supervision"
    SETTINGS = "settings"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def contract(
        kind: Annotated[Kind | None, typer.Argument(help="One kind; default: all of them.")] = None,
        write: Annotated[bool, typer.Option("--write", help="Write the files.")] = False,
        check: Annotated[
            bool, typer.Option("--check", help="Only say which files are stale; exit code 1.")
        ] = False,
        folder: Annotated[Path, typer.Option(help="Where the files are.")] = DOCS,
    ) -> None:
        """Print the contracts with the outside, write them to docs/, or check what is there."""
        found = documents(kind)
        if check:
            if names := stale(found, folder):
                typer.echo(
                    "\n".join(f"{name} is stale: run `lianshen contract --write`" for name in names)
                )
                raise typer.Exit(STALE)
        elif write:
            sentences = broken(found, folder)
            for sentence in sentences:
                typer.echo(sentence, err=True)
            if sentences:
                typer.echo("Give the event a new version of its type instead.", err=True)
                raise typer.Exit(BROKEN)
            for name in write_all(found, folder):
                typer.echo(name)
        else:
            for text in found.values():
                typer.echo(text, nl=False)


def documents(kind: Kind | None = None) -> dict[str, str]:
    """Return the documents of one kind, or all: file name below docs/ -> text."""
    kinds = tuple(Kind) if kind is None else (kind,)
    return {name: text for one in kinds for name, text in _MAKERS[one]()}


def stale(found: dict[str, str], folder: Path) -> list[str]:
    """Return the names of files that are missing or say something else."""
    return [
        name
        for name, text in found.items()
        if not (file := folder / name).is_file() or file.read_text(encoding="utf-8") != text
    ]


def broken(found: dict[str, str], folder: Path) -> list[str]:
    """Return what breaks the messages that the event schemas in `folder` allow, one sentence each.

    A schema whose event is gone altogether breaks everything that was said with it.
    """
    import json

    from services.contracts.compatibility import breaks

    sentences = []
    for file in sorted((folder / EVENTS).glob(f"*{SCHEMA_SUFFIX}")):
        type_ = file.name.removesuffix(SCHEMA_SUFFIX)
        text = found.get(f"{EVENTS}/{file.name}")
        if text is None:
            lost = ["the event was removed"] if any(one.startswith(EVENTS) for one in found) else []
        else:
            lost = breaks(json.loads(file.read_text(encoding="utf-8")), json.loads(text))
        sentences += [f"{type_}: {sentence}" for sentence in lost]
    return sentences


def write_all(found: dict[str, str], folder: Path) -> list[str]:
    """Write the files that are stale; return their names."""
    names = stale(found, folder)
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found[name], encoding="utf-8")
    return names


def application_of(service: Service) -> "FastAPI":
    """Return a service's web application, not running: for its OpenAPI document."""
    match service:
        case Service.INTAKE:
            from services.intake import app as intake
            from services.intake import settings as intake_settings

            return intake.build(intake_settings.Settings())
        case Service.ORCHESTRATOR:
            from services.orchestrator import app as orchestrator
            from services.orchestrator import settings as orchestrator_settings

            return orchestrator.build(orchestrator_settings.Settings())
        case Service.DEPARTMENTS:
            from services.departments import app as departments
            from services.departments import settings as departments_settings

            return departments.build(departments_settings.Settings())


def settings_models() -> dict[Service, "type[BaseModel]"]:
    """Return the settings of each service."""
    from services.departments.settings import Settings as Departments
    from services.intake.settings import Settings as Intake
    from services.orchestrator.settings import Settings as Orchestrator

    return {
        Service.INTAKE: Intake,
        Service.ORCHESTRATOR: Orchestrator,
        Service.DEPARTMENTS: Departments,
    }


def _json(content: Any) -> str:
    import json

    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _asyncapi() -> Iterator[tuple[str, str]]:
    from services.contracts.asyncapi import document

    yield "asyncapi.json", _json(document())


def _events() -> Iterator[tuple[str, str]]:
    from services.contracts.schemas import event_schemas

    for type_, schema in event_schemas().items():
        yield f"{EVENTS}/{type_}{SCHEMA_SUFFIX}", _json(schema)


def _openapi() -> Iterator[tuple[str, str]]:
    for service in Service:
        yield f"openapi/{service}.json", _json(application_of(service).openapi())


def _catalogue() -> Iterator[tuple[str, str]]:
    from services.contracts.schemas import DIALECT
    from services.domain.catalogue import Catalogue

    schema = {"$schema": DIALECT, "$id": "urn:lianshen:catalogue", **Catalogue.model_json_schema()}
    yield "catalogue.schema.json", _json(schema)


def _samples() -> Iterator[tuple[str, str]]:
    from services.contracts.schemas import DIALECT
    from services.domain.samples import Sample

    schema = {"$schema": DIALECT, "$id": "urn:lianshen:sample", **Sample.model_json_schema()}
    yield "sample.schema.json", _json(schema)


def _supervision() -> Iterator[tuple[str, str]]:
    from services.contracts.schemas import DIALECT
    from services.domain.supervision_rules import SupervisionRules

    schema = SupervisionRules.model_json_schema()
    head = {"$schema": DIALECT, "$id": "urn:lianshen:supervision"}
    yield "supervision.schema.json", _json({**head, **schema})


def _settings() -> Iterator[tuple[str, str]]:
    yield "settings.md", "\n".join(_settings_lines()) + "\n"


def _settings_lines() -> Iterator[str]:
    """Yield the page line by line: one table for each group of settings."""
    from services.runtime.settings_source import PREFIX

    yield from (
        "# Settings",
        "",
        f"<!-- {_GENERATED.format(kind=Kind.SETTINGS)} -->",
        "",
        "Everything is read from the environment; a value may be kept in a file instead:",
        f"`{PREFIX}DATABASE__PASSWORD_FILE=/run/secrets/db` stands for the content of the file.",
        "A misspelt name inside a group is an error.",
    )
    for title, tables in _groups().items():
        for services, (name, schema) in tables:
            yield from ("", f"## {title} ({services})", "", f"{_cell(schema['description'])}", "")
            yield from ("| Variable | Value | Default | Meaning |", "|---|---|---|---|")
            yield from _rows(f"{PREFIX}{name}", schema)


def _groups() -> dict[str, list[tuple[str, tuple[str, dict[str, Any]]]]]:
    """Return by title the groups: which services have them, prefix of the names, and schema."""
    found: dict[str, dict[str, tuple[list[str], tuple[str, dict[str, Any]]]]] = {}
    for service, model in settings_models().items():
        for title, prefix, schema in _tables(model):
            services, _ = found.setdefault(title, {}).setdefault(
                _json(schema), ([], (prefix, schema))
            )
            services.append(service.value)
    return {
        title: [
            ("all services" if len(services) == len(Service) else ", ".join(services), table)
            for services, table in tables.values()
        ]
        for title, tables in found.items()
    }


def _tables(model: "type[BaseModel]") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each group of a service's settings: title, prefix, JSON Schema."""
    from services.runtime.settings_source import Group

    properties = _schema_of(model)["properties"]
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            yield name, f"{name}__".upper(), _schema_of(kind)
        else:
            yield name, "", {"description": "In no group.", "properties": {name: properties[name]}}


def _schema_of(model: "type[BaseModel]") -> dict[str, Any]:
    """Return a model's JSON Schema; the defaults in it are no secrets, only of that type."""
    from pydantic import SecretStr

    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if isinstance(field.default, SecretStr):
            schema["properties"][name]["default"] = field.default.get_secret_value()
    return schema


def _rows(prefix: str, schema: dict[str, Any]) -> Iterator[str]:
    for name, field in schema["properties"].items():
        cells = (
            f"`{prefix}{name.upper()}`",
            _kind_of(field),
            _default_of(field),
            _cell(field["description"]),
        )
        yield f"| {' | '.join(cells)} |"


def _kind_of(field: dict[str, Any]) -> str:
    """Return what a value may be, in a few words."""
    options = [one for one in field.get("anyOf", (field,)) if one.get("type") != "null"]
    one = options[0]
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    bounds = [
        f"{sign} {one[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if key in one
    ]
    kind = "secret" if one.get("format") == "password" else one.get("format", one["type"])
    return " ".join((str(kind), ", ".join(bounds))).strip()


def _default_of(field: dict[str, Any]) -> str:
    default = field.get("default")
    match default:
        case None | "":
            return "not set"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_MAKERS: dict[Kind, Callable[[], Iterator[tuple[str, str]]]] = {
    Kind.ASYNCAPI: _asyncapi,
    Kind.EVENTS: _events,
    Kind.OPENAPI: _openapi,
    Kind.CATALOGUE: _catalogue,
    Kind.SAMPLES: _samples,
    Kind.SUPERVISION: _supervision,
    Kind.SETTINGS: _settings,
}
