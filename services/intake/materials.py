"""What is public about every material: who supplies it, what uses it, how it is filled in."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from services.domain.catalogue import Catalogue, Limit, Material, Name, Rule
from services.domain.samples import Sample
from services.intake.inspection import EXTENSIONS
from services.intake.parts import Parts
from services.intake.settings import MEGABYTE, UploadSettings


class UseOfMaterial(BaseModel):
    """An item that needs a material."""

    item: str
    name: Name
    department: str
    department_name: Name
    when: Rule | None = Field(description="Needed only when this rule holds.")
    may_follow: Limit | None = Field(description="Term within which it may follow.")


class UploadRules(BaseModel):
    """What is checked at once when a file is handed in, beside that it is whole and harmless."""

    extensions: tuple[str, ...] = Field(examples=[[".pdf", ".docx"]])
    max_file_bytes: int

    @classmethod
    def of(cls, limits: UploadSettings) -> Self:
        """Return the rules under these settings."""
        return cls(extensions=tuple(EXTENSIONS), max_file_bytes=limits.max_file_bytes)

    @property
    def accept(self) -> str:
        """The kinds of file, as a form names them to the browser."""
        return ",".join(self.extensions)

    @property
    def kinds(self) -> list[str]:
        """The kinds of file, as people call them."""
        return [one.removeprefix(".").upper() for one in self.extensions]

    @property
    def megabytes(self) -> int:
        """The largest file that is taken, in whole MB."""
        return self.max_file_bytes // MEGABYTE


class MaterialDisclosure(BaseModel):
    """Everything public about one material."""

    version: str
    material: Material
    result_of: Name | None = Field(description="The item whose result it is.")
    after: tuple[Name, ...] = Field(
        description="Items after which it comes into being, where it does so in the project."
    )
    used_by: tuple[UseOfMaterial, ...]
    upload: UploadRules
    sample: Sample | None


def material(parts: Parts, wanted: str, limits: UploadSettings) -> MaterialDisclosure | None:
    """Return everything about a material, or None.

    It is what the catalogue in force says. Of a material that this knows no longer, as an older
    application may ask for, it is what the latest approved version says that knows it.
    """
    catalogue = parts.catalogue()
    if wanted not in catalogue.material_by_id:
        older = parts.editions.approved(parts.shelf)
        knowing = (one for one in older if wanted in one.material_by_id)
        catalogue = next(knowing, catalogue)
    found = catalogue.material_by_id.get(wanted)
    if found is None:
        return None
    items = catalogue.item_by_code
    comes = found.comes.after if found.comes else ()
    return MaterialDisclosure(
        version=catalogue.county.version,
        material=found,
        result_of=items[found.result_of].name if found.result_of else None,
        after=tuple(items[code].name for code in comes),
        used_by=tuple(_uses(catalogue, wanted)),
        upload=UploadRules.of(limits),
        sample=parts.samples.get(wanted),
    )


def named(catalogue: Catalogue, words: str) -> Sequence[Material]:
    """Return the materials whose id or name contains the words, in the catalogue's order."""
    wanted = words.strip().casefold()
    return [
        one
        for one in catalogue.materials
        if wanted and wanted in f"{one.id} {one.name.zh} {one.name.en}".casefold()
    ]


def _uses(catalogue: Catalogue, wanted: str) -> list[UseOfMaterial]:
    return [
        UseOfMaterial(
            item=item.code,
            name=item.name,
            department=item.department,
            department_name=catalogue.department_by_code[item.department].name,
            when=use.when,
            may_follow=use.may_follow,
        )
        for item in catalogue.items
        for use in item.materials
        if use.material == wanted
    ]
