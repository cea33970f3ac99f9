"""The restaurant's county, where the evacuation plan rests on the drains that were fitted out."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings

RESTAURANT = Path("tests/fixtures/restaurant")
PAPER = "evacuation-plan"
COMES = "comes: {after: [FIT-OUT-DRAINS], basis: {law: 消防法, article: '16'}"
TERM = ", term: {value: 3, unit: working_day}"


@cache
def shelf(term: str = "") -> Shelf:
    """A copy of the county's catalogue in which that paper comes later, within a `term` if any."""
    made = Path(tempfile.mkdtemp(prefix="later-county-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    shutil.copytree(RESTAURANT, made, dirs_exist_ok=True)
    materials = made / "2026.1" / "materials.yaml"
    text = materials.read_text(encoding="utf-8")
    old = f"- {{id: {PAPER}, "
    assert text.count(old) == 1
    materials.write_text(text.replace(old, f"{old}{COMES}{term}}}, "), encoding="utf-8")
    return Shelf(CatalogueSettings(folder=made, calendar_folder=Path("deploy/calendar")))
