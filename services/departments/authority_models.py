"""What the API of authorisations, absences, approvals above and visits is asked and answers."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.contracts.events import Code
from services.contracts.vocabulary import Authority, Outcome, Role
from services.departments.authority import SIGNATURES, Power
from services.departments.models import TASK, Asked, Ref, TaskId, Written
from services.runtime.web.pages import Page

Account = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="A person's name at the OpenID provider (`sub`). It is hashed on arrival and "
        "neither kept nor shown.",
        examples=["chief-planning"],
    ),
]
Items = Annotated[tuple[Code, ...], Field(min_length=1, max_length=200)]
Powers = Annotated[tuple[Power, ...], Field(min_length=1, max_length=len(Power))]


class NewAuthorisation(Asked):
    """A written authorisation (授权书) for a representative of one's department."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "representative": "chief-housing-construction",
                    "substitute": "officer-housing-construction",
                    "items": None,
                    "powers": ["decide", "pre_review"],
                    "valid_from": "2026-03-02",
                    "valid_until": "2027-03-01",
                    "document": "建授〔2026〕3号",
                }
            ]
        }
    )

    representative: Account
    substitute: Account | None = Field(
        default=None, description="Stands in while the representative is absent (AB角)."
    )
    items: Items | None = Field(default=None, description="null: every item of the department.")
    powers: Powers
    valid_from: date | None = Field(
        default=None, description="First day (Asia/Shanghai), not before today; null: today."
    )
    valid_until: date = Field(description="Last day, included.")
    document: Written = Field(description="Number of the paper that was signed.")


class Revocation(Asked):
    """Why an authorisation is revoked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "岗位调整"}]})

    reason: Written


class AuthorisationView(BaseModel):
    """A written authorisation, and whether it was revoked."""

    id: int
    department: str
    representative_ref: Ref
    substitute_ref: Ref | None
    items: list[str] | None = Field(description="null: every item of the department.")
    powers: list[Power]
    valid_from: date
    valid_until: date
    document: str
    granted_by: Ref
    granted_at: datetime
    revoked_by: Ref | None
    revoked_at: datetime | None
    revocation: str | None = Field(description="Why it was revoked.")


class AuthorisationPage(Page):
    """A page of a department's authorisations, first given first."""

    items: list[AuthorisationView]


class NewAbsence(Asked):
    """Somebody will not be at the window, or is not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"until": "2026-03-06T09:00:00Z", "substitute": "officer-planning"},
                {"person": "chief-housing-construction"},
            ]
        }
    )

    person: Account | None = Field(default=None, description="null: oneself.")
    substitute: Account | None = Field(
        default=None,
        description="Who is to take up what he has in hand. It gives no authority to decide.",
    )
    since: AwareDatetime | None = Field(default=None, description="null: from now on.")
    until: AwareDatetime | None = Field(default=None, description="null: until it is ended.")


class AbsenceView(BaseModel):
    """An absence."""

    id: int
    department: str
    person_ref: Ref
    substitute_ref: Ref | None
    since: datetime
    until: datetime | None
    recorded_by: Ref
    recorded_at: datetime
    ended_at: datetime | None = Field(description="When it was ended before its time.")
    ended_by: Ref | None


class AbsencePage(Page):
    """A page of the absences that are not over, first recorded first."""

    items: list[AbsenceView]


class NewAbove(Asked):
    """What is sent up (报批): the proposal, and the opinion of the first review."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"proposal": "granted", "opinion": "材料齐全，符合规划条件，建议批准"}]
        }
    )

    proposal: Outcome = Field(description="`granted` or `refused`.", examples=[Outcome.GRANTED])
    opinion: Written


class AboveAsked(BaseModel):
    """It went up."""

    id: int
    task: str = Field(examples=[TASK])
    level: Authority
    due_at: datetime
    version: int


class AboveAnswer(Asked):
    """What the head decided, or the document that came from higher up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answer": "granted", "document": "市府批复〔2026〕17号"}]}
    )

    answer: Outcome = Field(description="`granted` or `refused`.", examples=[Outcome.GRANTED])
    document: Written = Field(description="Which decision it is: the decision will name it.")


class AboveAnswered(BaseModel):
    """It was answered."""

    id: int
    task: str = Field(examples=[TASK])
    answer: Outcome
    answered_at: datetime
    version: int


class AboveView(BaseModel):
    """What went up, and what came back."""

    id: int
    task_id: TaskId
    task: str = Field(examples=[TASK])
    application: str
    item: str
    level: Authority
    proposal: Outcome
    opinion: str
    authorisation_id: int | None
    asked_by: Ref
    asked_role: Role
    asked_at: datetime
    due_on: date
    due_at: datetime
    answer: Outcome | None
    document: str | None
    answered_by: Ref | None
    answered_at: datetime | None


class AbovePage(Page):
    """A page of what went up in a department, soonest due first."""

    items: list[AboveView]


class NewVisit(Asked):
    """What was seen on the spot, and by whom."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "visited_on": "2026-03-02",
                    "with": ["officer-2-housing-construction"],
                    "findings": "现场与图纸一致，疏散通道净宽1.4米",
                }
            ]
        },
        populate_by_name=True,
    )

    visited_on: date = Field(description="The day (Asia/Shanghai).")
    colleagues: Annotated[tuple[Account, ...], Field(max_length=20)] = Field(
        alias="with", description="Who else was there: one officer at least (行政许可法 34)."
    )
    findings: Written


class VisitRecorded(BaseModel):
    """How many have signed a record, and whether that is enough."""

    id: int
    task: str = Field(examples=[TASK])
    signed: int
    counts: bool = Field(description=f"{SIGNATURES} officers have signed it.")
    at: datetime


class VisitView(BaseModel):
    """A record of a visit."""

    id: int
    visited_on: date
    officers: list[str] = Field(description="Keyed hashes of those it names.")
    signed_by: list[str] = Field(description="Keyed hashes of those who have signed it.")
    findings: str
    recorded_by: Ref
    recorded_at: datetime


class VisitPage(Page):
    """A page of the records of a task, in order."""

    items: list[VisitView]


class Reassignment(Asked):
    """Into whose hands a task is given, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"to": "officer-housing-construction", "reason": "原承办人外出培训"}]
        }
    )

    to: Account
    reason: Written


class SpecialHandling(Asked):
    """Why a task goes before the others."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "省重点项目"}]})

    reason: Written


class SpecialView(BaseModel):
    """A task goes before the others."""

    id: TaskId
    special_at: datetime
    version: int
