"""The county of a demonstration of the whole procedure: its departments look before it accepts.

It has the catalogue of this repository in an edition of its own, in the stack's folder; whatever
runs on that folder afterwards goes on with it.
"""

import shutil
from pathlib import Path

from services.contracts.vocabulary import AcceptanceMode
from services.runtime import catalogue_files

VERSION = "2026.9"
"""A version number that no county of this repository has."""


def folder_of(data: Path) -> Path:
    """Return where a stack's own catalogue lies, if it has one."""
    return data / "catalogue"


def is_examined(folder: Path) -> bool:
    """Whether departments look before an application is accepted, by any version of a catalogue."""
    versions = catalogue_files.load_all(folder)
    return any(one.county.acceptance is AcceptanceMode.BY_DEPARTMENTS for one in versions)


def make_examined(data: Path, source: Path) -> None:
    """Give a stack that has not run yet a catalogue by which departments look first.

    Args:
        data: the stack's folder.
        source: the catalogue versions of the repository.
    """
    folder = folder_of(data)
    making = folder.with_name(f".{folder.name}")
    shutil.rmtree(making, ignore_errors=True)
    newest = max(source.glob("*/county.yaml")).parent
    shutil.copytree(newest, making / VERSION)
    county = making / VERSION / "county.yaml"
    text = county.read_text(encoding="utf-8").replace(
        f"version: '{newest.name}'", f"version: '{VERSION}'"
    )
    mode = AcceptanceMode.BY_DEPARTMENTS.value
    county.write_text(f"{text.rstrip()}\nacceptance: {mode}\n", encoding="utf-8")
    making.rename(folder)
