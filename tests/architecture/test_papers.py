"""The papers name what is there: commands, targets, files, tests, variables; in both languages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli import build
from services.commands.contract import settings_models
from services.runtime.settings import Group

ROOT = Path(__file__).parents[2]
PAPERS = sorted(
    [
        *(ROOT / name for name in ("README.md", "README.zh-CN.md")),
        *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md")),
        *(ROOT / "docs" / name for name in ("glossary.md", "production.md")),
        *(ROOT / "docs" / "adr").glob("*.md"),
        ROOT / "deploy" / "catalogue" / "README.md",
    ]
)
# Words at the start of a path that is looked for; what begins otherwise is no file of ours.
FOLDERS = ("services/", "tests/", "docs/", "deploy/", "bench/", "scripts/", "domain/", "runtime/")
SOURCES = ROOT / "services"


def text_of(paper: Path) -> str:
    return paper.read_text(encoding="utf-8")


def code_of(paper: Path) -> Iterator[str]:
    """Yield what stands in back quotes and in blocks: that is to be typed, or to be found."""
    text = text_of(paper)
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def every(pattern: str, papers: list[Path] = PAPERS) -> set[tuple[str, str]]:
    """Return (paper, match) for all code in the papers."""
    return {
        (paper.name, found)
        for paper in papers
        for code in code_of(paper)
        for found in re.findall(pattern, code)
    }


def commands() -> set[str]:
    """Return every command and command of a group: `up`, `audit verify`."""
    root: Any = typer.main.get_command(build())
    found = set()
    for name, command in root.commands.items():
        found.add(name)
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return found


def group_names() -> set[str]:
    root: Any = typer.main.get_command(build())
    return {name for name, command in root.commands.items() if hasattr(command, "commands")}


def named_command(words: str) -> str:
    """Return the command in `words`: two words where the first is a group's."""
    first, _, rest = words.partition(" ")
    return f"{first} {rest.split(' ')[0]}" if first in group_names() else first


LIANSHEN = r"(?:^|\s)lianshen ((?!--)[a-z-]+(?: [a-z-]+)?)"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_command_exists(paper: Path) -> None:
    known = commands()
    for _, words in every(LIANSHEN, [paper]):
        assert named_command(words) in known, words


def test_the_front_page_has_every_command_and_every_group() -> None:
    """What the README leaves out (the roles' own tools) is few and named here."""
    named = {named_command(words).split(" ")[0] for _, words in every(LIANSHEN, PAPERS)}
    assert {one.split(" ")[0] for one in commands()} - named <= {"demo"}


def test_both_languages_name_the_same_commands_and_targets() -> None:
    english, chinese = (
        [found for _, found in sorted(every(rf"{LIANSHEN}|\bmake ([a-z-]+)", [ROOT / name]))]
        for name in ("README.md", "README.zh-CN.md")
    )
    assert len(english) > 15
    assert english == chinese


def test_both_languages_link_to_the_same_papers() -> None:
    """A picture shows the page in the language of the README: `plan.en.png`, `plan.zh.png`."""
    links = [
        {
            re.sub(rf"\.{language}\.png$", ".png", link)
            for link in re.findall(r"\]\(([^)#]+)\)", text_of(ROOT / name))
        }
        - {"README.md", "README.zh-CN.md"}
        for name, language in (("README.md", "en"), ("README.zh-CN.md", "zh"))
    ]
    assert links[0] == links[1]


def test_every_target_exists() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = every(r"(?:^|\s)make ([a-z-]+)")
    assert {"demo", "test"} <= {target for _, target in named}
    for paper, target in named:
        assert target in known, f"{paper}: make {target}"


def test_every_file_and_test_exists() -> None:
    named = every(r"^([\w./-]+/[\w.*/-]*|\w[\w-]*\.(?:md|toml|yml))(?:::(\w+))?$")
    assert len(named) > 60
    for paper, (path, test) in named:
        if not path.startswith(FOLDERS) and "/" in path:
            continue
        file = found_file(path)
        assert file is not None, f"{paper}: {path}"
        if test:
            assert re.search(rf"def {test}\b", file.read_text()), f"{paper}: {path}::{test}"


def found_file(path: str) -> Path | None:
    """Return the file or folder; `domain/x.py` is short for `services/domain/x.py`."""
    for base in (ROOT, SOURCES, ROOT / "docs"):
        if (base / path).exists():
            return base / path
    inside = [*ROOT.glob(f"services/*/{path}"), *ROOT.glob(f"deploy/catalogue/*/{path}")]
    inside += [*ROOT.glob(f"services/*/sql/{path}"), *ROOT.glob(f"tests/*/{path}")]
    return inside[0] if inside else None


def test_every_link_leads_somewhere() -> None:
    links = [
        (paper, target)
        for paper in PAPERS
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(paper))
        if not target.startswith(("http:", "https:"))
    ]
    assert len(links) > 30
    for paper, target in links:
        assert (paper.parent / target).exists(), f"{paper.name}: {target}"


def test_every_setting_exists() -> None:
    known = {"LIANSHEN_TEST_BROKER", "LIANSHEN_VERSION"}
    known |= {f"LIANSHEN_VERIFY_{s}_DSN".upper() for s in settings_models()}
    for model in settings_models().values():
        for name, field in model.model_fields.items():
            kind = field.annotation
            inner = kind.model_fields if isinstance(kind, type) and issubclass(kind, Group) else ()
            known |= {f"LIANSHEN_{name}__{one}".upper() for one in inner}
            known.add(f"LIANSHEN_{name}".upper())
    named = every(r"LIANSHEN_\w+")
    assert len(named) > 10
    for paper, variable in named:
        assert known & {variable, variable.removesuffix("_FILE")}, f"{paper}: {variable}"


def test_every_option_exists() -> None:
    """`--settle` and its like belong to the command they are named with."""
    root: Any = typer.main.get_command(build())
    for paper, line in every(r"(?:^|\s)(lianshen [^`]+)"):
        words = re.split(r"[\s=]+", line)[1:]
        command = root.commands[words[0]]
        if hasattr(command, "commands") and len(words) > 1:
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        for word in words:
            if re.fullmatch(r"--[a-z-]+", word) and word != "--help":
                assert word in known, f"{paper}: {line}"


def test_names_of_the_code_in_the_glossary_exist() -> None:
    """Every `Name`, `Name.MEMBER` and `word_word` of the glossary's third column is in the code."""
    sources = "\n".join(file.read_text() for file in SOURCES.rglob("*.py"))
    glossary = text_of(ROOT / "docs" / "glossary.md")
    rows = [row.split("|") for row in glossary.splitlines() if row.startswith("| ")]
    named = [
        name
        for row in rows
        if len(row) == 6
        for name in re.findall(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]+)?)`", row[3])
    ]
    assert len(named) > 50
    for name in named:
        owner, _, member = name.partition(".")
        assert re.search(rf"\b{owner}\b", sources), name
        assert not member or re.search(rf"\b{member}\b", sources), name


def test_every_word_of_the_vocabulary_is_explained_or_named() -> None:
    """Roles, outcomes, signals: whoever adds one says what it is called in the law."""
    from services.contracts import vocabulary

    glossary = text_of(ROOT / "docs" / "glossary.md")
    for enum in ("Role", "Part", "Outcome", "Silence", "Signal", "LimitStart", "Unit"):
        members = [one.name for one in getattr(vocabulary, enum)]
        told = [one for one in members if f"`{enum}.{one}`" in glossary]
        assert told or f"`{enum}`" in glossary, enum


def test_the_papers_speak_of_the_project_alone() -> None:
    """No path of a machine in them, and the sizes they promise are those that are enforced."""
    for paper in PAPERS:
        assert not re.search(r"(?<![\w.])/(?:work|tmp|root|home)/", text_of(paper)), paper.name
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")


def test_every_decision_is_listed_and_numbered_once() -> None:
    folder = ROOT / "docs" / "adr"
    files = sorted(file.name for file in folder.glob("0*.md"))
    assert [name[:4] for name in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]
    listed = re.findall(r"\]\((0[^)]+)\)", text_of(folder / "README.md"))
    assert listed == files
    for name in files:
        text = text_of(folder / name)
        assert text.startswith(f"# {name[:4]} ")
        assert "**Context.**" in text
        assert "**Decision.**" in text
        assert "**Consequences.**" in text
