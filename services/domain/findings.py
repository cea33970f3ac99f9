"""What is wrong with a catalogue, and where: shared by the reader of files and the lint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.domain.catalogue import Catalogue

Level = Literal["error", "note"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an entry stands: file, line from 1, and the line of each of its fields."""

    file: str
    line: int
    fields: Mapping[str, int] = field(default_factory=dict, compare=False)

    def of(self, name: str) -> "Place":
        """Return the place of a field; of the whole entry when the field is not written."""
        return Place(file=self.file, line=self.fields.get(name, self.line))


Places = dict[tuple[str, str], list[Place]]
"""(kind, code) -> every place where such an entry stands; more than one is a duplicate."""


Where = tuple[str, str, str]
"""Kind, code and field (or "") of an entry."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong (`error`) or worth knowing (`note`)."""

    code: str
    place: Place
    zh: str
    en: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.code}: {self.en}"


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """A catalogue with the places of its entries, and the folder it was read from."""

    catalogue: Catalogue
    places: Places
    where: str

    def place(self, kind: str, code: str, name: str = "") -> Place:
        """Return the place of an entry (or its field `name`); the folder when there is none."""
        found = self.places.get((kind, code))
        return found[0].of(name) if found else Place(file=self.where, line=1)

    def finding(self, code: str, where: Where, zh: str, en: str, level: Level = "error") -> Finding:
        """Return a finding about an entry."""
        return Finding(code=code, place=self.place(*where), zh=zh, en=en, level=level)
