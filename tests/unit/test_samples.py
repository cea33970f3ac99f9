"""Samples of materials: what refuses them, with file, line and reason, and the county's own."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from services.cli import build
from services.domain.catalogue import Catalogue
from services.domain.samples import Sample, lint_samples
from services.runtime import sample_files
from services.runtime.catalogue_files import CatalogueError, load, read_all
from services.runtime.settings import CatalogueSettings

ROOT = Path(__file__).parents[2]
COUNTY = ROOT / "deploy" / "catalogue"
SMALL = ROOT / "tests" / "fixtures" / "small-county"
APPROVED = "fa37db140061cd92e8d783f05ed8f09d2cb7a344a210ed4fd61df16aa1df3249"
GOOD = """\
material: site-map
title: {zh: 平面图, en: Plan}
purpose: {zh: 看井在哪里, en: It shows where the well is}
rows:
- field: {zh: 井的位置, en: Place of the well}
  example: {zh: 距房屋○○米, en: ○○ m from the house}
  mistake: {zh: 没有标距离, en: No distance}
"""


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """The small county with a sample of its one material; the folder of its versions."""
    shutil.copytree(SMALL, tmp_path / "catalogue")
    material = load(tmp_path / "catalogue" / "2026.1").materials[0].id
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "plan.yaml").write_text(GOOD.replace("site-map", material), "utf-8")
    return tmp_path / "catalogue"


def lint(county: Path, *more: str) -> Result:
    return CliRunner().invoke(
        build(), ["catalogue", "lint", str(county), "--lang", "en", *more], env={"COLUMNS": "200"}
    )


def spoil(county: Path, old: str, new: str) -> None:
    file = county.parent / "samples" / "plan.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_good_samples_are_counted(county: Path) -> None:
    result = lint(county)
    assert result.exit_code == 0, result.output
    assert "samples of 1 of the " in result.output


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (", en: Plan}", "}", 2, "title.en: Field required"),
        ("zh: 井的位置, ", "", 5, "rows.0.field.zh: Field required"),
        (GOOD[GOOD.index("rows:") :], "rows: []\n", 4, "rows: Tuple should have at least 1 item"),
        (GOOD[GOOD.index("rows:") :], "", 1, "rows: Field required"),
        ("  mistake:", "  mistakes:", 7, "rows.0.mistakes: Extra inputs"),
        ("en: Plan", "en: ''", 2, "title.en: String should have at least 1 character"),
    ],
    ids=["language", "language of a row", "no rows", "rows missing", "unknown key", "empty"],
)
def test_what_is_no_sample_is_refused(
    county: Path, old: str, new: str, line: int, reason: str
) -> None:
    spoil(county, old, new)
    result = lint(county)
    assert result.exit_code == 1
    assert f"plan.yaml:{line}: file: {reason}" in result.stderr


def test_a_material_that_nobody_knows_is_refused(county: Path) -> None:
    material = load(county / "2026.1").materials[0].id
    spoil(county, f"material: {material}", "# of nothing\nmaterial: moonlight")
    result = lint(county)
    assert result.exit_code == 1
    assert (
        "plan.yaml:2: unknown-material: no version of the catalogue has a material moonlight"
        in (result.stderr)
    )


def test_a_second_sample_of_a_material_is_refused(county: Path) -> None:
    samples = county.parent / "samples"
    shutil.copy(samples / "plan.yaml", samples / "plan-again.yaml")
    result = lint(county)
    assert result.exit_code == 1
    assert result.stderr.count(": duplicate: there are two samples of the material") == 1


def test_what_applicants_supply_without_a_sample_is_noted(county: Path) -> None:
    (county.parent / "samples" / "plan.yaml").unlink()
    assert lint(county).exit_code == 0
    result = lint(county, "--notes")
    assert result.exit_code == 0
    assert "note: no-sample: applicants supply the material" in result.stderr
    assert "materials.yaml:" in result.stderr


def test_one_version_alone_is_checked_without_samples(county: Path) -> None:
    spoil(county, "title:", "titel:")
    assert lint(county / "2026.1").exit_code == 0
    samples = str(county.parent / "samples")
    assert lint(county / "2026.1", "--samples", samples).exit_code == 1
    missing = lint(county, "--samples", str(county / "nowhere"))
    assert (missing.exit_code, "no such folder" in missing.stderr) == (2, True)


def test_every_material_that_an_applicant_supplies_has_a_sample() -> None:
    samples = sample_files.read_all(COUNTY.parent / "samples")
    assert lint_samples(read_all(COUNTY), samples) == ()
    for one in samples:
        assert Path(one.place.file).stem == one.sample.material


def test_samples_leave_what_was_approved_alone(county: Path) -> None:
    assert load(COUNTY / "2026.1").digest == APPROVED
    before = load(county / "2026.1").digest
    (county.parent / "samples" / "plan.yaml").unlink()
    assert load(county / "2026.1").digest == before


def test_where_samples_are_is_said_or_found(county: Path, tmp_path: Path) -> None:
    usual = CatalogueSettings(folder=county)
    assert list(sample_files.load(usual)) == [load(county / "2026.1").materials[0].id]
    assert sample_files.beside(county / "2026.1") == tmp_path / "samples"
    assert sample_files.load(CatalogueSettings(folder=SMALL)) == {}
    named = CatalogueSettings(folder=SMALL, samples_folder=tmp_path / "samples")
    assert len(sample_files.load(named)) == 1
    spoil(county, "rows:", "rows: 3 #")
    with pytest.raises(CatalogueError, match=r"plan\.yaml"):
        sample_files.load(usual)


def test_the_schema_of_a_sample_can_be_had() -> None:
    result = CliRunner().invoke(build(), ["catalogue", "schema", "--sample"])
    schema = json.loads(result.stdout)
    assert schema == Sample.model_json_schema()
    assert schema != Catalogue.model_json_schema()
    Draft202012Validator.check_schema(schema)
    [one, *_] = sample_files.read_all(COUNTY.parent / "samples")
    Draft202012Validator(schema).validate(one.sample.model_dump(mode="json"))
