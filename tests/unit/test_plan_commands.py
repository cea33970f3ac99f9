import json
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli import build
from services.domain.calendar import ZONE
from services.domain.disclosure import markdown
from services.runtime.catalogue_files import load
from services.runtime.clock import SystemClock

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "fixtures" / "small-county"
VERSION = SMALL / "2026.1"
COUNTY = ROOT / "deploy" / "catalogue"
CALENDAR = ROOT / "deploy" / "calendar"
FARM = "scenario: farm\nanswers: {digs_well: true, depth_m: 30, has_sign: true}\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    file = tmp_path / "facts.yaml"
    file.write_text(FARM, "utf-8")
    return file


def planned(facts: Path, *more: str | Path, catalogue: Path = SMALL) -> Result:
    start: Sequence[str] = () if "--start" in more else ("--start", "2026-03-02")
    given = ("--catalogue", catalogue, "--calendar", CALENDAR)
    return run("plan", facts, *given, *start, *more)


def test_a_plan_is_printed_with_verdicts_dates_materials_and_totals(facts: Path) -> None:
    result = planned(facts, "--lang", "en")
    assert result.exit_code == 0, result.output
    for shown in (
        "Applies: digs_well (“Does it dig a well” yes)",
        "* Permit for a well",
        "Water bureau",
        "2026-03-10",
        "Site map",
        "statutory, one after another",
        "compressed target (one third) met",
        "promised by 2026-03-10",
    ):
        assert shown in result.output
    assert "取水许可" in planned(facts).output


def test_a_plan_is_printed_as_canonical_json(facts: Path) -> None:
    result = planned(facts, "--json")
    assert json.loads(result.stdout)["promised_on"] == "2026-03-10"
    assert result.stdout == planned(facts, "--json").stdout


def test_a_plan_starts_today_unless_told(facts: Path) -> None:
    before = SystemClock().now().astimezone(ZONE).date()
    result = run("plan", facts, "--catalogue", VERSION, "--calendar", CALENDAR, "--json")
    after = SystemClock().now().astimezone(ZONE).date()
    days = {str(before + timedelta(days=n)) for n in range((after - before).days + 1)}
    assert json.loads(result.stdout)["start"] in days


def test_a_plan_of_every_scenario_of_the_county_is_printed(tmp_path: Path) -> None:
    for scenario in load(COUNTY / "2026.1").scenarios:
        file = tmp_path / f"{scenario.code}.yaml"
        file.write_text(json.dumps({"scenario": scenario.code, "answers": scenario.example}))
        for lang in ("zh", "en"):
            result = planned(file, "--lang", lang, catalogue=COUNTY)
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        (FARM.replace("30", "0"), (), "facts.yaml: depth_m: A well has a depth."),
        (FARM.replace("digs_well: true, ", ""), (), "digs_well: No answer to"),
        (FARM.replace("farm", "palace"), (), "scenario: There is no scenario palace."),
        (FARM.replace("answers", "anwsers"), (), "facts.yaml:2: file: anwsers: Extra inputs"),
        (FARM, ("--start", "2025-12-31"), "no version of the catalogue holds on 2025-12-31"),
        (FARM, ("--catalogue", "nowhere"), "nowhere:1: file: no catalogue"),
        (FARM, ("--calendar", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_planned_is_one_clear_message(
    facts: Path, text: str, more: tuple[str, ...], message: str
) -> None:
    facts.write_text(text, "utf-8")
    result = planned(facts, *more, "--lang", "en")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_start_that_is_no_date_is_refused(facts: Path) -> None:
    assert planned(facts, "--start", "tomorrow").exit_code == 2


def test_a_missing_target_and_a_held_result_are_shown(facts: Path, tmp_path: Path) -> None:
    version = tmp_path / "county" / "2026.1"
    shutil.copytree(VERSION, version)
    water = version / "items" / "water.yaml"
    water.write_text(water.read_text("utf-8").replace("value: 6", "value: 9"), "utf-8")
    facts.write_text(FARM + "held: {SIGN-BOARD: '7'}\n", "utf-8")
    result = planned(facts, "--lang", "en", catalogue=version)
    assert "NOT met" in result.output
    assert "WELL-PERMIT (+3)" in result.output
    assert "Its result 7 is in the system" in result.output


def test_fees_are_shown_with_what_is_known_of_them(facts: Path, tmp_path: Path) -> None:
    version = tmp_path / "county" / "2026.1"
    shutil.copytree(VERSION, version)
    basis = "document: {law: 收费文件, verified: false}"
    (version / "fees.yaml").write_text(
        f"- {{id: flat, name: {{zh: 定额, en: Flat fee}}, amount: 1080, {basis}}}\n"
        f"- {{id: later, name: {{zh: 新, en: Later fee}}, effective_from: 2030-01-01, {basis}}}\n",
        "utf-8",
    )
    for file, standard in (("water", "flat"), ("sign", "later")):
        item = version / "items" / f"{file}.yaml"
        free = "free: {law: 行政许可法, article: '58'}"
        item.write_text(item.read_text("utf-8").replace(free, f"standard: {standard}"), "utf-8")
    result = planned(facts, "--lang", "en", catalogue=version)
    for shown in ("1,080.00", "not in force yet", "收费文件 (unverified)"):
        assert shown in result.output


def test_lint_passes_a_good_catalogue_with_one_line() -> None:
    result = run("catalogue", "lint", SMALL)
    assert (result.exit_code, result.output) == (
        0,
        "ok: SC 2026.1: 2 items, 2 departments, 1 scenarios (notes: 0)\n",
    )


def test_lint_passes_the_county_with_one_line() -> None:
    result = run("catalogue", "lint", COUNTY)
    assert (result.exit_code, result.output.count("\n")) == (0, 1)


def test_lint_refuses_with_file_line_and_reason(tmp_path: Path) -> None:
    version = tmp_path / "2026.1"
    shutil.copytree(VERSION, version)
    water = version / "items" / "water.yaml"
    water.write_text(water.read_text("utf-8").replace("value: 6", "value: 9"), "utf-8")
    result = run("catalogue", "lint", version, "--lang", "en")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{water}:10: one-third: WELL-PERMIT promises 9 working days")
    assert "超过法定" in run("catalogue", "lint", version).stderr
    water.write_text("- [", "utf-8")
    result = run("catalogue", "lint", version)
    assert result.exit_code == 1
    assert f"{water}:2: file: 不是有效的 YAML" in result.stderr


def test_lint_prints_notes_when_asked(tmp_path: Path) -> None:
    version = tmp_path / "2026.1"
    shutil.copytree(VERSION, version)
    with (version / "departments.yaml").open("a", encoding="utf-8") as file:
        file.write("- {code: idle, name: {zh: 闲, en: Idle}}\n")
    result = run("catalogue", "lint", version, "--notes", "--lang", "en")
    assert result.exit_code == 0
    assert "departments.yaml:4: note: unused: the department idle is not used" in result.stderr
    assert "notes: 1" in result.stdout


def test_the_disclosure_is_printed_as_json_and_markdown() -> None:
    found = json.loads(
        run("catalogue", "export", SMALL, "--format", "json", "--on", "2026-03-02").stdout
    )
    assert found["digest"] == load(VERSION).digest
    assert [item["code"] for item in found["items"]] == ["SIGN-BOARD", "WELL-PERMIT"]
    text = run("catalogue", "export", VERSION).stdout
    assert text == markdown(load(VERSION), "zh")
    assert "- **设定依据**: 城市市容和环境卫生管理条例（未核实）" in text


def test_the_disclosure_names_every_item_with_all_that_must_be_public() -> None:
    county = load(COUNTY / "2026.1")
    for lang, words in (
        ("zh", ("设定依据", "法定时限", "承诺时限", "收费", "实施部门", "办理结果")),
        ("en", ("Legal basis", "Statutory limit", "Promised limit", "Fee", "Department", "Result")),
    ):
        sections = markdown(county, lang).split("\n### ")[1:]
        assert len(sections) == len(county.items)
        for section in sections:
            assert all(f"**{word}**" in section for word in words), section


def test_the_schema_is_json_schema() -> None:
    schema = json.loads(run("catalogue", "schema").stdout)
    assert schema["title"] == "Catalogue"
    assert "Item" in schema["$defs"]
