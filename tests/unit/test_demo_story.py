"""The demonstration of the whole procedure: its county, and what it keeps of its story."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from services.commands.demo import DemoFailedError, examined_county
from services.contracts.vocabulary import AcceptanceMode
from services.demonstration import county, plant
from services.demonstration.story import TITLES, Scene, Story, names
from services.runtime import catalogue_files
from services.runtime.clock import ManualClock

SOURCE = Path("deploy/catalogue")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def test_its_county_differs_by_the_acceptance_alone(tmp_path: Path) -> None:
    county.make_examined(tmp_path, SOURCE)
    [made] = catalogue_files.load_all(county.folder_of(tmp_path))
    [source] = catalogue_files.load_all(SOURCE)
    assert made.county.acceptance is AcceptanceMode.BY_DEPARTMENTS
    assert made.county.version == county.VERSION
    changed = {"acceptance", "version"}
    assert made.county.model_dump(exclude=changed) == source.county.model_dump(exclude=changed)
    assert made.model_dump(exclude={"county"}) == source.model_dump(exclude={"county"})
    assert county.is_examined(county.folder_of(tmp_path))
    assert not county.is_examined(SOURCE)


def test_a_folder_keeps_the_county_it_began_with(tmp_path: Path) -> None:
    (tmp_path / "clock.json").touch()
    with pytest.raises(DemoFailedError, match="take another folder"):
        examined_county(tmp_path)
    assert not county.folder_of(tmp_path).exists()


def test_what_its_plot_needs_is_in_the_catalogue() -> None:
    [found] = catalogue_files.load_all(SOURCE)
    items = {one.code: one for one in found.items}
    assert {plant.PAUSED, plant.REFUSED} <= items.keys()
    uncounted = items[plant.PAUSED].statutory
    assert uncounted is not None
    assert plant.PAUSE_KIND in [rule.procedure for rule in uncounted.uncounted]
    materials = {f"material/{one.id}" for one in found.materials}
    departments = {one.code for one in found.departments}
    assert {subject for subject, _ in plant.DEFECTS.values()} <= materials
    assert {plant.LATE, *plant.DEFECTS} <= departments


def test_a_story_knows_what_has_not_happened() -> None:
    console = Console(record=True, width=200)
    clock = ManualClock(NOON)
    story = Story(console, clock)
    assert story.missing == list(TITLES.values())
    story.tell(Scene.NOTICE, "一份告知")
    story.tell(Scene.NOTICE, "又一份")
    assert "03-02 12:00  一份告知" in console.export_text()
    assert TITLES[Scene.NOTICE] not in story.missing
    story.account(console)
    account = console.export_text()
    assert "一份告知" in account
    assert "又一份" not in account
    assert TITLES.keys() == set(Scene)


def test_names_are_listed_once() -> None:
    assert names(["水利局", "气象局", "水利局"]) == "水利局、气象局"
