"""The repository as text and as syntax trees, for tests about its form."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def committed() -> tuple[Path, ...]:
    """Every file that is tracked, or would be with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(file for name in listed.stdout.splitlines() if (file := ROOT / name).is_file())


@cache
def python(*folders: str) -> tuple[Path, ...]:
    """The Python files in these folders of the repository (default: all)."""
    return tuple(
        file
        for file in committed()
        if file.suffix == ".py" and (not folders or file.relative_to(ROOT).parts[0] in folders)
    )


@cache
def tree(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def nodes(file: Path) -> Iterator[ast.AST]:
    """Every node of a file."""
    return ast.walk(tree(file))


def place(file: Path, line: int | None = None) -> str:
    """A place for people: `services/cli.py:12`."""
    name = file.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


_SUPPRESSION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(?:\[[\w, -]+\])?)"
    r"(?P<reason>.*)$"
)


def suppressions(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that switch a check off, and the reason beside it (empty if none)."""
    for number, line in enumerate(text.splitlines(), 1):
        found = _SUPPRESSION.search(line)
        if found is not None:
            yield number, found["reason"].strip(" -#")


def statements_made_of_text(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield f-strings that are SQL and have something else in them than names that are quoted.

    `_quoted(...)` is for identifiers, which no driver takes as parameters; a name in capitals is a
    constant of the module.
    """
    for node in ast.walk(module):
        if not isinstance(node, ast.JoinedStr):
            continue
        first = node.values[0] if node.values else None
        text = first.value if isinstance(first, ast.Constant) else ""
        if not _SQL.match(str(text)):
            continue
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not _harmless(part.value):
                yield node.lineno, ast.unparse(node)


_SQL = re.compile(
    r"\s*(?:(?:select|insert|update|delete|create|alter|drop|grant|revoke|truncate|copy)\s"
    r"|with\s+\w+\s+as\s)",
    re.IGNORECASE,
)


def _harmless(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return value.id.isupper()
    return isinstance(value, ast.Call) and ast.unparse(value.func) in {"_quoted", "quoted"}
