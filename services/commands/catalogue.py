"""`lianshen catalogue`: check a catalogue, print its public disclosure, print its schema."""

import json
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from services.domain import catalogue_changes, disclosure
from services.domain.calendar import ZONE
from services.domain.catalogue import Catalogue
from services.domain.editions import in_force
from services.domain.findings import Finding, Sourced
from services.domain.lint import errors, lint
from services.domain.samples import PlacedSample, Sample, lint_samples, supplied
from services.runtime import sample_files
from services.runtime.catalogue_files import COUNTY_FILE, CatalogueError, load, load_all, read_all
from services.runtime.clock import SystemClock

DEFAULT = Path("deploy/catalogue")
REFUSED = 1
UNUSABLE = 2
DAY = "%Y-%m-%d"

Folder = Annotated[
    Path, typer.Argument(help="One version's folder, or the folder of all versions.")
]

Version = Annotated[Path, typer.Argument(help="One version's folder.")]

app = typer.Typer(help="The county's catalogue of approval items.", no_args_is_help=True)


class Language(StrEnum):
    """Language of what is printed."""

    ZH = "zh"
    EN = "en"


class Format(StrEnum):
    """Format of the disclosure."""

    JSON = "json"
    MD = "md"


Lang = Annotated[Language, typer.Option("--lang", help="Language of the text.")]


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.add_typer(app, name="catalogue")


@app.command(name="lint")
def lint_(
    folder: Folder = DEFAULT,
    lang: Lang = Language.ZH,
    notes: Annotated[
        bool, typer.Option("--notes", help="Print also what is worth knowing but no error.")
    ] = False,
    samples: Annotated[
        Path | None,
        typer.Option(
            "--samples",
            help="Folder of samples of materials; default: `samples` beside the versions' folder, "
            "where all versions are checked.",
        ),
    ] = None,
) -> None:
    """Refuse a catalogue that is not fit for use, or its samples, with file, line and reason."""
    try:
        versions = read_all(folder)
        papers = _samples(folder, samples)
    except CatalogueError as error:
        _print(error.findings, lang)
        raise typer.Exit(REFUSED) from error
    findings = lint(versions) + (lint_samples(versions, papers) if papers is not None else ())
    refused = errors(findings)
    _print(findings if notes else refused, lang)
    if refused:
        raise typer.Exit(REFUSED)
    typer.echo(_summary(versions, papers, len(findings)))


def _samples(folder: Path, named: Path | None) -> tuple[PlacedSample, ...] | None:
    """Return the samples to check; None where there is no folder of them, and nobody named one.

    One version alone does not know the materials of the others. Raises CatalogueError.
    """
    if named is not None:
        if not named.is_dir():
            fail(f"{named}: 没有此文件夹 / there is no such folder")
        return sample_files.read_all(named)
    usual = sample_files.beside(folder)
    if (folder / COUNTY_FILE).is_file() or not usual.is_dir():
        return None
    return sample_files.read_all(usual)


@app.command()
def export(
    folder: Folder = DEFAULT,
    form: Annotated[Format, typer.Option("--format", help="json or md.")] = Format.MD,
    lang: Lang = Language.ZH,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=[DAY], help="The version in force on this day, or today."),
    ] = None,
) -> None:
    """Print the public disclosure: every item with basis, limits, materials, fees and result."""
    chosen = version_on(folder, day_of(on))
    if form is Format.JSON:
        content = chosen.model_dump(mode="json") | {"digest": chosen.digest}
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        typer.echo(disclosure.markdown(chosen, lang.value), nl=False)


@app.command()
def compare(old: Version, new: Version, lang: Lang = Language.ZH) -> None:
    """Print what one version changes against another, and the digest it is approved by."""
    try:
        before, after = load(old), load(new)
    except CatalogueError as error:
        fail(str(error))
    changes = catalogue_changes.compare(before, after)
    for one in changes:
        typer.echo(f"{one.kind} {one.subject}: {one.zh if lang is Language.ZH else one.en}")
    head = after.county
    typer.echo(
        f"{before.county.version} -> {head.version}, {head.effective_from}: {len(changes)} changes"
    )
    typer.echo(f"digest {catalogue_changes.digest_of(after)}")


@app.command()
def schema(
    sample: Annotated[
        bool, typer.Option("--sample", help="Of a sample of a material instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of a whole catalogue."""
    model = Sample if sample else Catalogue
    typer.echo(json.dumps(model.model_json_schema(), ensure_ascii=False, indent=2))


def version_on(folder: Path, day: date) -> Catalogue:
    """Return the version in force on a day; print why and exit with 2 when there is none.

    A folder that is itself one version is taken as it is: whoever names it means it.
    """
    try:
        if (folder / COUNTY_FILE).is_file():
            return load(folder)
        chosen = in_force(load_all(folder), day)
    except CatalogueError as error:
        fail(str(error))
    if chosen is None:
        fail(f"{folder}: 没有在 {day} 有效的目录版本 / no version of the catalogue holds on {day}")
    return chosen


def day_of(given: datetime | None) -> date:
    """Return the day given on the command line, or today in Asia/Shanghai."""
    if given is None:
        return SystemClock().now().astimezone(ZONE).date()
    return given.date()


def fail(message: str) -> NoReturn:
    """Print why and exit with 2."""
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)


def _print(findings: tuple[Finding, ...], lang: Language) -> None:
    for finding in findings:
        text = finding.zh if lang is Language.ZH else finding.en
        note = "note: " if finding.level == "note" else ""
        place = finding.place
        typer.echo(f"{place.file}:{place.line}: {note}{finding.code}: {text}", err=True)


def _summary(
    versions: tuple[Sourced, ...], papers: tuple[PlacedSample, ...] | None, notes: int
) -> str:
    parts = [
        f"{v.catalogue.county.code} {v.catalogue.county.version}: {len(v.catalogue.items)} items,"
        f" {len(v.catalogue.departments)} departments, {len(v.catalogue.scenarios)} scenarios"
        for v in versions
    ]
    if papers is not None:
        wanted = supplied(versions)
        there = wanted & {one.sample.material for one in papers}
        parts.append(f"samples of {len(there)} of the {len(wanted)} materials applicants supply")
    return f"ok: {'; '.join(parts)} (notes: {notes})"
