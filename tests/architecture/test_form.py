"""What keeps the code liveable: sizes, reasons, and what must not be in it."""

import ast
import re
import subprocess
import sys
from statistics import quantiles

import pytest

from services.runtime.telemetry import SpanName
from tests.architecture.source import (
    ROOT,
    Function,
    committed,
    nodes,
    place,
    python,
    statements_made_of_text,
    suppressions,
)

FILE_LINES = {"services": 400, "bench": 400, "tests": 600}
FUNCTION_LINES = 60
FUNCTION_LINES_P90 = 30
PRODUCT = ("services", "bench")


def test_the_files_are_found() -> None:
    assert len(python("services")) > 100
    assert ROOT / "services" / "cli.py" in python()


@pytest.mark.parametrize("folder", FILE_LINES)
def test_no_file_is_too_long(folder: str) -> None:
    lengths = {place(f): len(f.read_text(encoding="utf-8").splitlines()) for f in python(folder)}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES[folder]} == {}


def test_functions_are_short() -> None:
    lengths = {
        place(file, node.lineno): (node.end_lineno or 0) - node.lineno + 1
        for file in python(*PRODUCT)
        for node in nodes(file)
        if isinstance(node, Function)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}
    assert quantiles(lengths.values(), n=10)[-1] <= FUNCTION_LINES_P90


def test_functions_are_simple() -> None:
    """Complexity, and everything else that ruff is told to look at."""
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", *PRODUCT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "max-complexity = 10" in configuration
    assert '"C90"' in configuration


def test_nothing_is_printed_past_the_log_and_the_console() -> None:
    calls = [
        place(file, node.lineno)
        for file in python("services")
        for node in nodes(file)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"print", "pprint", "breakpoint"}
    ]
    assert calls == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    here = "test_form.py"
    found = [
        place(file, number)
        for file in committed()
        if file.suffix in {".py", ".sql", ".yaml", ".yml", ".sh", ".mjs", ".md", ".toml", ""}
        and file.name != here
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if later.search(line)
    ]
    assert found == []


def test_every_check_that_is_switched_off_has_its_reason_beside_it() -> None:
    bare = [
        place(file, number)
        for file in python()
        for number, reason in suppressions(file.read_text(encoding="utf-8"))
        if len(reason) < 3
    ]
    assert bare == []


def test_a_missing_reason_is_seen() -> None:
    mark = "# no" + "qa"
    ignore = "# type: " + "ignore"
    lines = [
        f"a  {mark}: S101",
        f"b  {mark}: S101, S102  because",
        f"c  {ignore}[x]",
        f"d  {ignore}",
    ]
    lines += [f"e  {ignore}[x]  # the library has no types", "f"]
    assert [reason for _, reason in suppressions("\n".join(lines))] == [
        "",
        "because",
        "",
        "",
        "the library has no types",
    ]


def test_no_statement_is_put_together_from_text() -> None:
    found = [
        f"{place(file, line)}: {text}"
        for file in python(*PRODUCT)
        for line, text in statements_made_of_text(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_a_statement_put_together_from_text_is_seen() -> None:
    module = ast.parse(
        'f"select * from {table}"\n'
        'f"CREATE DATABASE {_quoted(name)}"\n'
        'f"select pg_advisory_lock({LOCK})"\n'
        'f"selected {table}"\n'
        'f" DELETE FROM task WHERE id = {id}"\n'
    )
    assert [line for line, _ in statements_made_of_text(module)] == [1, 5]


def test_every_span_name_is_used() -> None:
    used = {
        node.attr
        for file in python("services")
        for node in nodes(file)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "SpanName"
    }
    declared = {name for name in vars(SpanName) if not name.startswith("_")}
    assert declared == used


def test_spans_are_named_where_names_are_declared() -> None:
    texts = [
        place(file, node.lineno)
        for file in python("services")
        for node in nodes(file)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"span", "telemetry.span"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert texts == []


def test_no_file_names_a_registry_or_a_machine() -> None:
    """Whoever clones this uses a registry of his own choice, and has other folders."""
    hosts = ("pypi" + ".org", "python" + "hosted", "npm" + "js", "maven" + ".org", "docker" + ".io")
    folders = ("/" + "work/", "/" + "tmp/lab", "/" + "home/")
    allowed = {"docker" + ".io": ("docker-compose.yml",)}
    found = [
        f"{place(file)}: {word}"
        for file in committed()
        for word in (*hosts, *folders)
        if word in file.read_text(encoding="utf-8", errors="replace")
        and file.name not in allowed.get(word, ())
        and place(file) not in {"scripts/lock", "tests/architecture/test_form.py"}
    ]
    assert found == []


def test_the_broker_is_only_polled_where_nothing_cancels_the_poll() -> None:
    """A poll that is cancelled switches the client's protection against a stuck poll off."""
    polls = [
        (place(file, node.lineno), parent)
        for file in python("services")
        for parent in nodes(file)
        for node in ast.iter_child_nodes(parent)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"getmany", "getone"}
    ]
    assert polls
    assert [where for where, parent in polls if not isinstance(parent, ast.Await)] == []
    assert not [
        place(file, node.lineno)
        for file in python("services")
        for node in nodes(file)
        if isinstance(node, ast.Attribute) and node.attr == "getone"
    ]
