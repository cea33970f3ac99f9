"""What intake is asked and answers about acceptance, as models."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceOutcome,
    AcceptanceState,
    ApplicationStatus,
    FindingKind,
)
from services.domain.catalogue import Name
from services.intake.models import EXAMPLE_NUMBER, EXAMPLE_UPLOAD, Given, MaterialGiven, ShortText

ConditionSubject = Annotated[
    str, StringConstraints(pattern=r"^condition/[A-Z][A-Z0-9-]{1,40}/[1-9][0-9]{0,2}$")
]


class StatementGiven(Given):
    """What answers a finding about a condition: an explanation, or what was changed."""

    subject: ConditionSubject
    statement: ShortText


class SupplementGiven(Given):
    """Papers and statements handed in after the submission."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "round": 1,
                    "materials": [{"material": "site-plan", "upload": EXAMPLE_UPLOAD}],
                    "statements": [
                        {"subject": "condition/PLANNING-PERMIT/1", "statement": "建筑高度 24 米"}
                    ],
                }
            ]
        }
    )

    round: int = Field(
        ge=0,
        le=20,
        description="The notice that is answered. 0: none - a correction while the departments "
        "are looking, or a paper that was allowed to follow.",
    )
    materials: tuple[MaterialGiven, ...] = Field(default=(), max_length=100)
    statements: tuple[StatementGiven, ...] = Field(default=(), max_length=100)
    complete: bool = Field(
        default=False,
        description="There is no more to come: the departments look again, at what there is.",
    )

    @property
    def subjects(self) -> tuple[str, ...]:
        """What is handed in."""
        papers = (f"material/{one.material}" for one in self.materials)
        return tuple(dict.fromkeys((*papers, *(one.subject for one in self.statements))))

    @model_validator(mode="after")
    def _something(self) -> "SupplementGiven":
        if not self.subjects and not (self.complete and self.round):
            raise ValueError("须提交材料或说明 / hand in something, or say that it is complete")
        if len({one.subject for one in self.statements}) != len(self.statements):
            raise ValueError("同一条件只说明一次 / explain a condition once")
        return self


class SupplementTaken(BaseModel):
    """It was received; what is still outstanding of the notice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": EXAMPLE_NUMBER,
                    "round": 1,
                    "outstanding": ["material/fire-drawings"],
                    "received_at": "2026-03-09T02:00:00Z",
                }
            ]
        }
    )

    number: str
    round: int
    outstanding: list[str] = Field(description="With the last piece the departments look again.")
    received_at: datetime


class NoticeLineShown(BaseModel):
    """One thing to put right, who asks for it, and where it stands."""

    subject: str = Field(examples=["material/site-plan"])
    name: Name | None = Field(description="The catalogue's words for it.")
    department: str
    department_name: Name | None
    kind: FindingKind
    text: str
    supplied: bool


class SupplementNotice(BaseModel):
    """The one notice of everything that is missing, over all departments (行政许可法 32(4))."""

    round: int
    sent_at: datetime
    lines: list[NoticeLineShown]


class ExaminerShown(BaseModel):
    """A department that looks at the papers. `silent`: it let its time pass."""

    department: str
    name: Name | None
    state: str = Field(description="`asked`, `answered` or `silent`.")


class FollowingShown(BaseModel):
    """A paper that may follow after the acceptance (容缺受理), and until when."""

    material: str
    name: Name
    until: date | None = Field(description="Absent before the acceptance.")
    handed_in: bool


class AcceptanceReceipt(BaseModel):
    """The dated receipt of one outcome (行政许可法 32). `told` is what stands on it."""

    place: int
    outcome: AcceptanceOutcome
    basis: str
    statement: Name
    dated: date
    at: datetime
    told: dict[str, Any]


class AcceptanceShown(BaseModel):
    """Where an application stands before it is accepted, and how it was."""

    number: str
    status: ApplicationStatus
    state: AcceptanceState
    round: int
    until: datetime | None = Field(description="Without a notice until then, it is accepted.")
    kind: AcceptanceKind | None
    accepted_on: date | None
    outstanding: list[str] = Field(examples=[["material/site-plan"]])
    examiners: list[ExaminerShown]
    notices: list[SupplementNotice]
    following: list[FollowingShown]
    receipts: list[AcceptanceReceipt]
