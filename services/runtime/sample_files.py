"""Reads the county's samples of materials: a folder of YAML files, one file to a material.

They lie beside the catalogue, not in it. Every fault names file and line.
"""

from collections.abc import Mapping
from pathlib import Path

from services.domain.findings import Finding
from services.domain.samples import PlacedSample, Sample
from services.runtime.catalogue_files import COUNTY_FILE, CatalogueError, read_placed
from services.runtime.settings import CatalogueSettings

FOLDER = "samples"


def folder_of(settings: CatalogueSettings) -> Path:
    """Return where the samples are: where the county says, or beside the catalogue."""
    return settings.samples_folder or beside(settings.folder)


def beside(catalogue: Path) -> Path:
    """Return the folder of samples beside a folder of versions, or of the version it is."""
    versions = catalogue.parent if (catalogue / COUNTY_FILE).is_file() else catalogue
    return versions.parent / FOLDER


def read_all(folder: Path) -> tuple[PlacedSample, ...]:
    """Return every sample in `folder` by file name; none where there is no such folder.

    Raises CatalogueError with the faults of all files.
    """
    found: list[PlacedSample] = []
    faults: list[Finding] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            sample, place = read_placed(file, Sample)
            found.append(PlacedSample(sample=sample, place=place))
        except CatalogueError as error:
            faults.extend(error.findings)
    if faults:
        raise CatalogueError(tuple(faults))
    return tuple(found)


def load(settings: CatalogueSettings) -> Mapping[str, Sample]:
    """Return the samples by material. Raises CatalogueError."""
    return {one.sample.material: one.sample for one in read_all(folder_of(settings))}
