"""What every shape of the catalogue is made of: codes, names, limits, where something stands."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.vocabulary import Unit

ItemCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{1,40}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
Rule = Annotated[str, StringConstraints(min_length=1, max_length=600)]


class Shape(BaseModel):
    """Base of the schema: frozen, and an unknown key is an error (it would be lost silently)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Name(Shape):
    """A text in both languages; Chinese is the one that holds in law."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Basis(Shape):
    """Where a rule or a figure stands. `verified: false` is printed wherever the fact is shown."""

    law: str = Field(min_length=1, description="Title of the law or document, or its source key.")
    article: str | None = None
    source: str | None = Field(default=None, description="Key in `sources` of county.yaml.")
    verified: bool = True
    note: str | None = None

    @property
    def cited(self) -> str:
        """Title and article, as they stand in a text."""
        return f"{self.law} {self.article}" if self.article else self.law


class Limit(Shape):
    """A number of days and what a day is. 0 means decided on the spot (即办)."""

    value: int = Field(ge=0, le=400)
    unit: Unit = Unit.WORKING_DAY


class Comes(Shape):
    """A paper that comes into being in the course of the project: nobody has it at its beginning.

    Where an item of `after` is in the plan, the paper is not asked for with the application; the
    step that needs it waits for the investor, and no clock runs. Where none is (their results are
    held, or the project does not need them), the paper is there and is asked for like any other.
    """

    after: tuple[ItemCode, ...] = Field(
        min_length=1, description="Items whose results it rests on: before them it cannot exist."
    )
    term: Limit | None = Field(
        default=None,
        description="So long the step waits, from the day its turn has come; none: without end.",
    )
    basis: Basis


class Renewal(Shape):
    """An item that prolongs a permit there is: silence until it expires renews it (行政许可法 50).

    The day on which the permit expires is a fact of the project. An application counts as one for
    renewal when it comes so long before that day; later there is only one for a new permit.
    """

    expires: FactName = Field(description="The question for the day on which the permit expires.")
    apply_before: Limit = Field(description="So long before that day it is applied for.")
    basis: Basis
