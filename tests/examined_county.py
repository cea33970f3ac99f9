"""The restaurant's county, when its departments look at the papers before it accepts."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings

RESTAURANT = Path("tests/fixtures/restaurant")


@cache
def folder() -> Path:
    """A copy of the county's catalogue that says `by_departments`."""
    made = Path(tempfile.mkdtemp(prefix="examined-county-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    shutil.copytree(RESTAURANT, made, dirs_exist_ok=True)
    county = made / "2026.1" / "county.yaml"
    county.write_text(
        county.read_text(encoding="utf-8") + "acceptance: by_departments\n", encoding="utf-8"
    )
    return made


@cache
def settings() -> CatalogueSettings:
    return CatalogueSettings(folder=folder(), calendar_folder=Path("deploy/calendar"))


@cache
def shelf() -> Shelf:
    return Shelf(settings())
