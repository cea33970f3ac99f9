"""The shelf: a service does not start on a catalogue that breaks a rule."""

import re
import shutil
from pathlib import Path

import pytest

from services.runtime.catalogue_files import CatalogueError
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A county's catalogue that may be spoiled."""
    return Path(shutil.copytree(DEPLOY / "catalogue", tmp_path / "catalogue"))


def shelf(folder: Path) -> Shelf:
    return Shelf(CatalogueSettings(folder=folder, calendar_folder=DEPLOY / "calendar"))


def test_the_county_s_own_catalogue_is_fit_for_use(folder: Path) -> None:
    assert shelf(folder).departments


def test_a_promise_of_more_than_a_third_stops_the_service(folder: Path) -> None:
    file = folder / "2026.1" / "items" / "construction.yaml"
    text = file.read_text()
    spoiled = re.sub(r"promised: \{value: \d+", "promised: {value: 99", text, count=1)
    assert spoiled != text
    file.write_text(spoiled)
    with pytest.raises(CatalogueError, match=r"construction\.yaml:\d+: one-third: "):
        shelf(folder)
