"""What intake answers about papers that come later, and about results that are held."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from services.domain.catalogue import Name
from services.intake.models import EXAMPLE_NUMBER


class PaperState(StrEnum):
    """Where a paper stands that comes later."""

    LATER = "later"
    AWAITED = "awaited"
    HANDED_IN = "handed_in"
    NOT_NEEDED = "not_needed"


class AwaitedShown(BaseModel):
    """A step whose turn has come: it waits for the investor, and no clock of it runs."""

    step: str
    name: Name | None
    items: tuple[str, ...] = Field(description="The items that need what is awaited.")
    materials: tuple[str, ...] = Field(description="What has not been handed in yet.")
    since: date = Field(description="The days from then on are not counted.")
    until: datetime | None = Field(
        default=None, description="The first of `untils`: the end of the term that is over first."
    )
    untils: dict[str, datetime] = Field(
        default_factory=dict,
        description="Until when each may be handed in; one that is absent has no term. By earlier "
        "rules there are none: `until` holds for all.",
    )


class PaperShown(BaseModel):
    """A paper that comes into being in the course of the project."""

    material: str
    name: Name
    after: tuple[str, ...] = Field(description="The items whose results it rests on.")
    steps: tuple[str, ...] = Field(description="The steps that wait for it.")
    needed_on: date = Field(description="By the plan, the earliest day on which it is needed.")
    state: PaperState = Field(
        description="`later`: its turn has not come, it may be handed in; `awaited`: a step waits "
        "for it; `not_needed`: no step that is still to begin needs it."
    )


class PapersShown(BaseModel):
    """Which papers come later, when each is needed, and what is awaited now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": EXAMPLE_NUMBER,
                    "papers": [
                        {
                            "material": "construction-drawings",
                            "name": {"zh": "施工图设计文件", "en": "Construction drawings"},
                            "after": ["DESIGN-REVIEW"],
                            "steps": ["joint-drawing-review"],
                            "needed_on": "2026-03-30",
                            "state": "awaited",
                        }
                    ],
                    "awaited": [
                        {
                            "step": "joint-drawing-review",
                            "name": {"zh": "施工图联合审查", "en": "Joint drawing review"},
                            "items": ["DRAW-REVIEW"],
                            "materials": ["construction-drawings"],
                            "since": "2026-03-26",
                            "until": None,
                            "untils": {},
                        }
                    ],
                }
            ]
        }
    )

    number: str
    papers: list[PaperShown]
    awaited: list[AwaitedShown]


class HeldShown(BaseModel):
    """A result that the application rests on: it was granted before, and is not asked for again."""

    item: str
    number: str
    document: Name | None
    materials: tuple[str, ...] = Field(description="The papers that it stands for.")
    href: str = Field(description="Where it stands in the public register.")
