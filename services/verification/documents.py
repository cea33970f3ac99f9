"""Invariant 3, documents: what was handed out says what was decided, and is recorded once."""

from collections.abc import Iterator
from typing import Any

from services.contracts.vocabulary import GRANTING, Outcome, Service
from services.verification.folders import Folder, Row
from services.verification.report import DECISIONS, Finding
from services.verification.world import Finder, World

ISSUED = "document.issued"
_DECIDES = {"grant": GRANTING, "refusal": frozenset({Outcome.REFUSED})}


def documents(folder: Folder, _world: World) -> Iterator[Finding]:
    """3: every document handed out is recorded, and rests on a result that says the same."""
    find = Finder(invariant=DECISIONS, number=folder.number, moving=folder.moving)
    results = {row["item"]: row for row in folder.intake["result"]}
    recorded: dict[str, list[dict[str, Any]]] = {}
    for leaf in folder.leaves(Service.INTAKE, ISSUED):
        recorded.setdefault(leaf["facts"]["name"], []).append(leaf["facts"])
    made = {row["name"]: row for row in folder.intake["document"]}
    for name in sorted(recorded.keys() - made.keys()):
        yield find.within(f"{name} is recorded as handed out, but is not there")
    for name, row in sorted(made.items()):
        leaves = recorded.get(name, [])
        if len(leaves) != 1:
            yield find.within(f"{name} was handed out and is recorded {len(leaves)} times")
        elif any(leaves[0][key] != row[key] for key in ("number", "sha256", "content")):
            yield find.within(f"{name} is not the document that was recorded")
        result = results.get(row["item"])  # one that is missing is found by `decisions`
        if result is not None and not _says(row, result):
            yield find.within(f"{name} is not what was decided")


def _says(row: Row, result: Row) -> bool:
    if result["outcome"] not in _DECIDES.get(row["kind"], ()):
        return False
    return bool(row["kind"] == "refusal" or row["number"] == result["number"])
