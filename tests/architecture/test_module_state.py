"""Workflows share the modules of the domain (orchestrator/sandbox.py): none of them may change."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import services

ROOT = Path(services.__file__).parent
SHARED = sorted([*(ROOT / "domain").glob("*.py"), ROOT / "orchestrator" / "workflow.py"])
CHANGING = {
    *("append", "add", "update", "pop", "popitem", "clear", "extend", "insert", "remove"),
    *("discard", "setdefault", "sort", "reverse"),
}


def module_names(tree: ast.Module) -> set[str]:
    targets = [
        target
        for node in tree.body
        for target in (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def changes(tree: ast.Module) -> Iterator[str]:
    names = module_names(tree)

    def is_ours(node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in names

    for node in ast.walk(tree):
        match node:
            case ast.Global():
                yield f"line {node.lineno}: global {', '.join(node.names)}"
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()) if is_ours(value):
                yield f"line {node.lineno}: an entry of a module's own name is set"
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if (
                attr in CHANGING and is_ours(value)
            ):
                yield f"line {node.lineno}: .{attr}() on a module's own name"


@pytest.mark.parametrize("file", SHARED, ids=lambda file: file.stem)
def test_nothing_a_module_holds_changes(file: Path) -> None:
    assert list(changes(ast.parse(file.read_text(encoding="utf-8")))) == []


def test_a_change_would_be_seen() -> None:
    source = (
        "SEEN: dict[str, int] = {}\n\ndef note(x):\n    global y\n    SEEN[x] = 1\n    SEEN.clear()"
    )
    assert len(list(changes(ast.parse(source)))) == 3
