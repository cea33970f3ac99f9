"""What intake takes, as models. Examples make the OpenAPI document a manual."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from services.contracts.events import ProjectCode
from services.domain.catalogue import FactName, ItemCode, Slug

EXAMPLE_NUMBER = "QX20260302-000001-0"
EXAMPLE_UPLOAD = "01979e8c-52b1-7c41-9d55-0d4f8f4f6a11"
ANSWERS: dict[str, JsonValue] = {"floor_area": 12000, "is_large": True}

Answer = bool | int | float | Annotated[str, StringConstraints(max_length=200)]
Answers = Annotated[dict[FactName, Answer], Field(max_length=300)]
ResultNumber = Annotated[str, StringConstraints(min_length=1, max_length=100)]
HeldResults = Annotated[dict[ItemCode, ResultNumber], Field(max_length=300)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{4,24}$")]
IdNumber = Annotated[str, StringConstraints(min_length=5, max_length=40)]
Email = Annotated[
    str, StringConstraints(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$", min_length=3, max_length=254)
]


class Given(BaseModel):
    """Base of what is sent to us: an unknown member is an error, not lost silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanQuestion(Given):
    """A project to plan, without applying for anything."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"scenario": "plant", "answers": ANSWERS, "start": "2026-03-02"}]
        }
    )

    scenario: Slug
    answers: Answers
    held: HeldResults = Field(default={}, description="Results already there: item -> number.")
    project: ProjectCode | None = Field(
        default=None,
        description="With a login: results that one's own applications of this project were "
        "granted are held without being named.",
    )
    anew: tuple[ItemCode, ...] = Field(
        default=(),
        max_length=300,
        description="Items to apply for again though the project holds a valid result of each.",
    )
    start: date | None = Field(
        default=None,
        ge=date(2000, 1, 1),
        le=date(2100, 1, 1),
        description="Day of submission (local date); default: today.",
    )


class Project(Given):
    """The project. Without a code of its own it goes by the application's number."""

    code: ProjectCode | None = None
    name: ShortText
    address: ShortText


class Applicant(Given):
    """Who applies: a person, or a company with its unified social credit code."""

    name: ShortText
    kind: Literal["person", "company"]
    id_number: IdNumber = Field(description="Resident number, other document, or credit code.")
    phone: Phone
    email: Email | None = Field(default=None, description="Letters of the centre go there, too.")


class Agent(Given):
    """Who acts for the applicant (行政许可法 29), and the upload that authorises it."""

    name: ShortText
    id_number: IdNumber
    phone: Phone
    email: Email | None = Field(default=None, description="Then letters go there.")
    authorisation: UUID | None = Field(
        default=None, description="Upload of the authorisation; an agent without one is refused."
    )


class MaterialGiven(Given):
    """One material: the upload with its file, or a text that says where the paper is."""

    material: Slug
    upload: UUID | None = None
    reference: ShortText | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "MaterialGiven":
        if (self.upload is None) == (self.reference is None):
            raise ValueError("upload 与 reference 须择一填写 / give either upload or reference")
        return self


class Submission(Given):
    """One application for a project: everything every department needs, once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "project": {
                        "code": "2603-410402-04-01-123456",
                        "name": "年产五万台水泵搬迁项目",
                        "address": "高新区创业路 8 号",
                    },
                    "scenario": "plant",
                    "answers": ANSWERS,
                    "applicant": {
                        "name": "示例泵业有限公司",
                        "kind": "company",
                        "id_number": "91350100M000100Y43",
                        "phone": "0375-5550100",
                    },
                    "materials": [
                        {"material": "site-plan", "upload": EXAMPLE_UPLOAD},
                        {"material": "land-contract", "reference": "合同 2026-17"},
                    ],
                }
            ]
        }
    )

    project: Project
    scenario: Slug
    answers: Answers
    held: HeldResults = Field(
        default={},
        description="Results of other projects or people. Those of earlier applications of this "
        "project are looked up: nobody asks for them again (行政许可法 33).",
    )
    anew: tuple[ItemCode, ...] = Field(
        default=(),
        max_length=300,
        description="Items to apply for again though the project holds a valid result of each.",
    )
    applicant: Applicant
    agent: Agent | None = None
    materials: tuple[MaterialGiven, ...] = Field(default=(), max_length=500)
    incomplete: bool = Field(
        default=False,
        description="Hand it in though materials are missing. Only where the departments examine "
        "before the acceptance: they will say all that is missing, once.",
    )


class RectificationGiven(Given):
    """The answer to one notice: which step, which round, and the papers put right."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "step": "joint-drawing-review",
                    "round": 1,
                    "materials": [{"material": "fire-drawings", "upload": EXAMPLE_UPLOAD}],
                }
            ]
        }
    )

    step: str = Field(min_length=1, max_length=80)
    round: int = Field(ge=1, le=10)
    materials: tuple[MaterialGiven, ...] = Field(min_length=1, max_length=100)
