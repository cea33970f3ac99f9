import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from services.domain.catalogue import Stage
from services.domain.editions import in_force
from services.domain.findings import Place
from services.domain.lint import lint
from services.runtime.catalogue_files import (
    CatalogueError,
    load,
    load_all,
    read,
    read_all,
    read_one,
)
from tests.unit.builders import START

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "small-county" / "2026.1"
Edit = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the small county, to be spoilt."""
    shutil.copytree(FIXTURE, tmp_path / "2026.1")
    return tmp_path / "2026.1"


@pytest.fixture
def edit(folder: Path) -> Edit:
    def replace(file: str, old: str, new: str) -> None:
        path = folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return replace


def faults(folder: Path) -> list[str]:
    """Faults as `file:line: reason`, the file relative to the version's folder."""
    with pytest.raises(CatalogueError) as refused:
        load(folder)
    assert str(refused.value)
    found = refused.value.findings
    assert all(finding.zh for finding in found)
    return [
        f"{Path(f.place.file).relative_to(folder).as_posix()}:{f.place.line}: {f.en}" for f in found
    ]


def test_a_version_folder_is_read_whole() -> None:
    found = load(FIXTURE)
    assert found.county.version == "2026.1"
    assert [item.code for item in found.items] == ["SIGN-BOARD", "WELL-PERMIT"]
    assert [scenario.code for scenario in found.scenarios] == ["farm"]
    assert len(found.constraints) == 1


def test_the_digest_says_whether_two_catalogues_say_the_same(folder: Path, edit: Edit) -> None:
    before = load(folder).digest
    assert before == load(FIXTURE).digest
    edit("items/water.yaml", "value: 6", "value: 5")
    assert load(folder).digest != before


def test_every_entry_and_field_has_its_place() -> None:
    sourced = read(FIXTURE)
    place = sourced.place("items", "WELL-PERMIT", "promised")
    line = Path(place.file).read_text("utf-8").splitlines()[place.line - 1]
    assert line.strip().startswith("promised:")
    assert sourced.place("items", "WELL-PERMIT", "not-written").line == 1
    assert sourced.place("constraints", "depth_m").line > 1
    assert sourced.place("items", "NO-SUCH") == Place(file=str(FIXTURE), line=1)


def test_lint_places_its_findings_in_the_file(folder: Path, edit: Edit) -> None:
    edit("items/water.yaml", "value: 6", "value: 7")
    (finding,) = [f for f in lint([read(folder)]) if f.code == "one-third"]
    assert Path(finding.place.file) == folder / "items" / "water.yaml"
    assert finding.place.line == read(folder).place("items", "WELL-PERMIT", "promised").line


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        (
            "county.yaml",
            "version:",
            "verison:",
            "county.yaml:1: version: Field required",
        ),
        (
            "county.yaml",
            "version: '2026.1'",
            "version: '2026.1'\nversion: '2026.2'",
            "county.yaml:4: the key version stands twice",
        ),
        (
            "county.yaml",
            "version: '2026.1'",
            "version: 2026.1",
            "county.yaml:3: version: Input should be a valid string; text that looks like a number",
        ),
        (
            "items/water.yaml",
            "value: 6",
            "value: six",
            "items/water.yaml:10: promised.value: Input should be a valid integer, unable to parse"
            " string as an integer",
        ),
        (
            "items/water.yaml",
            "status: active",
            "status: active\n  colour: red",
            "items/water.yaml:19: colour: Extra inputs are not permitted: no such field",
        ),
        (
            "items/water.yaml",
            "zh: 取水许可",
            "zh: 取水许可, zh: 又",
            "items/water.yaml:2: the key zh stands twice",
        ),
        (
            "items/water.yaml",
            "[{law: 取水许可和水资源费征收管理条例}]",
            "\n    - {law: 条例}\n    - {lwa: 条例}",
            "items/water.yaml:8: legal_basis.1.law: Field required",
        ),
        ("departments.yaml", "- code", "all:\n- code", "departments.yaml:1: must be a list"),
        (
            "questions.yaml",
            "constraints:",
            "constrains:",
            "questions.yaml:8: unknown key constrains",
        ),
        (
            "fees.yaml",
            "[]",
            "[",
            "fees.yaml:2: not valid YAML: ",
        ),
        (
            "groups.yaml",
            "[]",
            "- {code: joint, [a]: b}",
            "groups.yaml:1: not valid YAML: found unhashable key",
        ),
        ("materials.yaml", "- id", "# - id", "materials.yaml:"),
    ],
)
def test_a_fault_names_file_line_and_reason(
    folder: Path, edit: Edit, file: str, old: str, new: str, fault: str
) -> None:
    edit(file, old, new)
    assert any(found.startswith(fault) for found in faults(folder)), faults(folder)


def test_missing_and_empty_files_and_folders_are_faults_told_together(folder: Path) -> None:
    (folder / "fees.yaml").unlink()
    (folder / "groups.yaml").write_text("# nothing\n", "utf-8")
    (folder / "materials.yaml").write_bytes(b"\xff\xfe\xff")
    (folder / "questions.yaml").write_text("- a list\n", "utf-8")
    shutil.rmtree(folder / "scenarios")
    assert [fault.split(" codec")[0] for fault in faults(folder)] == [
        "materials.yaml:1: cannot be read: 'utf-8'",
        "fees.yaml:1: the file is missing",
        "groups.yaml:1: the file is empty",
        "questions.yaml:1: must be a mapping: questions, constraints",
        "scenarios:1: there is no *.yaml file",
    ]


def test_an_empty_questions_file_is_a_fault(folder: Path) -> None:
    (folder / "questions.yaml").write_text("", "utf-8")
    assert faults(folder) == ["questions.yaml:1: the file is empty"]


def test_a_folder_of_versions_is_read_in_the_order_of_time(folder: Path, edit: Edit) -> None:
    shutil.copytree(FIXTURE, folder.parent / "2025.1")
    edit("county.yaml", "version: '2026.1'", "version: '2026.2'")
    edit("county.yaml", "effective_from: 2026-01-01", "effective_from: 2026-07-01")
    versions = load_all(folder.parent)
    assert [v.county.version for v in versions] == ["2026.1", "2026.2"]
    chosen = in_force(versions, START)
    assert chosen is not None
    assert chosen.county.version == "2026.1"
    assert in_force(versions, START.replace(year=2025)) is None
    assert [v.county.version for v in load_all(folder)] == ["2026.2"]


def test_the_version_that_began_last_holds_until_its_end(folder: Path, edit: Edit) -> None:
    shutil.copytree(FIXTURE, folder.parent / "2025.1")
    edit("county.yaml", "version: '2026.1'", "version: '2026.2'")
    edit(
        "county.yaml",
        "effective_from: 2026-01-01",
        "effective_from: 2026-02-01\neffective_to: 2026-03-02",
    )
    versions = load_all(folder.parent)
    chosen = [in_force(versions, START.replace(day=day)) for day in (2, 3)]
    assert [c and c.county.version for c in chosen] == ["2026.2", "2026.1"]


def test_the_faults_of_all_versions_are_told_together(folder: Path, edit: Edit) -> None:
    shutil.copytree(FIXTURE, folder.parent / "2025.1")
    (folder.parent / "2025.1" / "fees.yaml").unlink()
    (folder / "groups.yaml").unlink()
    with pytest.raises(CatalogueError) as refused:
        read_all(folder.parent)
    assert [Path(f.place.file).name for f in refused.value.findings] == ["fees.yaml", "groups.yaml"]


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_folder_without_a_version_is_a_fault(tmp_path: Path, name: str) -> None:
    with pytest.raises(CatalogueError, match="no catalogue"):
        load_all(tmp_path / name)


def test_one_file_is_read_as_one_shape(tmp_path: Path) -> None:
    file = tmp_path / "stage.yaml"
    file.write_text("code: first\nname: {zh: 一, en: one}\n", "utf-8")
    stage = read_one(file, Stage)
    assert stage.code == "first"
    file.write_text("code: first\n", "utf-8")
    with pytest.raises(CatalogueError, match=r"stage.yaml:1: file: name: Field required"):
        read_one(file, Stage)
    file.write_text("code: first\ncode: second\nname: {zh: 一, en: one}\n", "utf-8")
    with pytest.raises(CatalogueError, match=r"stage.yaml:2: file: the key code stands twice"):
        read_one(file, Stage)
    with pytest.raises(CatalogueError, match="missing"):
        read_one(tmp_path / "nothing.yaml", Stage)
