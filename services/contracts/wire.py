"""What every event is made of: the base of the models, and the types of their fields."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
ProjectCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
NUMBER_PATTERN = r"^[A-Z]{2,6}[0-9]{8}-[0-9]{6,9}-[0-9]$"
ApplicationNumber = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
TaskName = Annotated[
    str, StringConstraints(pattern=r"^[^/]+/[^/]+/[^/]+/[1-9][0-9]*$", max_length=256)
]
SUBJECT_PATTERN = (
    r"^(material/[a-z][a-z0-9-]{1,60}|condition/[A-Z][A-Z0-9-]{1,40}/[1-9][0-9]{0,2})$"
)
Subject = Annotated[str, StringConstraints(pattern=SUBJECT_PATTERN)]
"""What can be missing: `material/<id>`, or `condition/<item>/<n>`, the item's n-th condition."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Fact = bool | int | float | str


class Wire(BaseModel):
    """Base of everything on the wire: frozen, tolerant of fields it does not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Wire):
    """Base of the events; `TYPE` is the CloudEvents type."""

    TYPE: ClassVar[str]


class MaterialRef(Wire):
    """A material that is there, by its catalogue id and the hash of its file (if it is a file)."""

    material: Code
    sha256: Sha256 | None = None


def explained(*, when: str, needs: tuple[str, ...]) -> dict[str, Any]:
    """Return the rule that an outcome needs these lists, as JSON Schema."""
    return {
        "if": {"properties": {"outcome": {"const": str(when)}}},
        "then": {"required": list(needs), "properties": {name: {"minItems": 1} for name in needs}},
    }
