"""Lint one catalogue in memory, and catalogues whose questions can be chosen."""

from collections.abc import Iterable
from typing import Any

from services.domain.catalogue import (
    Catalogue,
    Item,
    Name,
)
from services.domain.findings import Finding, Places, Sourced
from services.domain.lint import errors, lint
from tests.unit.builders import (
    ANSWERS,
    catalogue,
    item,
    name,
    of,
    scenario,
)

WHERE = "county"
NO = Name(zh="不可能", en="Impossible")
USE = {
    "id": "use",
    "text": name("use"),
    "type": "choice",
    "options": ({"value": "plant", "name": name("plant")}, {"value": "shop", "name": name("shop")}),
}


def found(one: Catalogue, places: Places | None = None) -> tuple[Finding, ...]:
    return errors(lint([Sourced(catalogue=one, places=places or {}, where=WHERE)]))


def codes(one: Catalogue) -> list[str]:
    return [finding.code for finding in found(one)]


def notes(one: Catalogue) -> list[str]:
    all_ = lint([Sourced(catalogue=one, places={}, where=WHERE)])
    return [finding.code for finding in all_ if finding.level == "note"]


def text(one: Catalogue) -> str:
    return "\n".join(finding.en for finding in found(one))


def asking(*questions: dict[str, Any], items: Iterable[Item] = (), **fields: Any) -> Catalogue:
    """A catalogue with the question `use` beside the usual two, asked as given."""
    base = catalogue()
    chosen = list(items) or [item("AA")]
    given: dict[str, Any] = {"questions": questions, "example": dict(ANSWERS)}
    parts = {"questions": (*base.questions, USE)} | fields.pop("parts", {})
    one = scenario((i.code for i in chosen), **(given | fields))
    return of(chosen, scenarios=[one], **parts)


ASKED = ({"question": "floor_area"}, {"question": "is_large"})
