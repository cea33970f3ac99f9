"""`lianshen simulate`: the same seed, the same figures; what is assumed is read, and refused."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli import build
from services.commands.simulate import AssumptionsFile

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "restaurant"


def simulated(*more: str | Path, scenario: str = "restaurant") -> Result:
    given = ("--catalogue", FIXTURE, "--calendar", ROOT / "deploy" / "calendar")
    asked = ("--scenario", scenario, "--applications", "40", "--start", "2026-03-02")
    arguments = ["simulate", *asked, *given, *more]
    return CliRunner().invoke(build(), [str(a) for a in arguments], env={"COLUMNS": "200"})


def figures(*more: str | Path) -> dict[str, object]:
    result = simulated("--json", "--no-compare", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def assumed(folder: Path, text: str) -> tuple[str, Path]:
    file = folder / "assumptions.yaml"
    file.write_text(text, encoding="utf-8")
    return "--assumptions", file


def test_it_prints_completion_the_bottleneck_and_what_would_change() -> None:
    result = simulated("--lang", "en")
    assert result.exit_code == 0, result.output
    for shown in (
        "Completed against promise",
        "Departments (* bottleneck)",
        "nothing merged, one after another",
        "one more officer: ",
        "* ",
        "on time",
    ):
        assert shown in result.output
    chinese = simulated("--no-compare")
    assert "办结用时与承诺" in chinese.output
    assert "增加一人" not in chinese.output


def test_the_same_seed_gives_the_same_figures() -> None:
    assert figures("--seed", "7") == figures("--seed", "7")
    assert figures("--seed", "7")["summary"] != figures("--seed", "8")["summary"]


def test_figures_compare_each_change(tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    result = simulated("--json", "--svg", picture, "--lang", "en")
    found = json.loads(result.stdout)
    kinds = [change["kind"] for change in found["changes"]]
    assert kinds[:3] == ["as_is", "unmerged", "one_after_another"]
    assert set(kinds[3:]) == {"one_more_officer"}
    means = {change["kind"]: change["summary"]["mean_days"] for change in found["changes"][:3]}
    assert means["one_after_another"] > means["as_is"]
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    said = [element.text for element in root.iter() if element.text]
    assert "nothing merged, one after another" in said
    assert f"promised {found['summary']['promised_days']}" in said
    assert root.attrib["aria-label"]


def test_assumptions_are_read(tmp_path: Path) -> None:
    slow = "per_day: 0.01\nhours:\n  BUSINESS-LICENCE: {measured: [160]}\n"
    found = figures(*assumed(tmp_path, slow))
    assert found["per_day"] == 0.01
    summary = found["summary"]
    assert isinstance(summary, dict)
    assert summary["on_time"] == 0
    assert summary["bottleneck"] == "market-supervision"
    refusing = figures(*assumed(tmp_path, "refused: 1.0\n"))["summary"]
    assert isinstance(refusing, dict)
    assert refusing["conclusions"] == {"refused": 40}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("officer: {}\n", "officer"),
        ("hours: {x: {mean: 1, measured: [2]}}\n", "either"),
        ("officers: {x: 0}\n", "officers"),
        ("refused: 2\n", "refused"),
    ],
)
def test_assumptions_that_mean_nothing_are_refused(tmp_path: Path, text: str, why: str) -> None:
    result = simulated(*assumed(tmp_path, text))
    assert result.exit_code == 2
    assert why in result.output


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    result = simulated(scenario="moon-base")
    assert result.exit_code == 2
    assert "restaurant" in result.output


def test_a_history_that_cannot_be_read_is_said() -> None:
    result = simulated("--history", "postgresql://nobody@127.0.0.1:1/nothing")
    assert result.exit_code == 2
    assert "history cannot be read" in result.output


def test_the_example_of_the_paper_is_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    named = set(re.findall(r"^(\w+):", example, re.MULTILINE))
    assert named == AssumptionsFile.model_fields.keys()
    assert figures(*assumed(tmp_path, example))["per_day"] == 1.5
