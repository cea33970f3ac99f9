"""What intake takes and answers, as models. Examples make the OpenAPI document a manual."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
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
from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Signal,
    StepState,
    TaskState,
)
from services.domain.catalogue import FactName, ItemCode, Name, Slug
from services.domain.plan import Totals
from services.runtime.web.pages import Page

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


class Agent(Given):
    """Who acts for the applicant (行政许可法 29), and the upload that authorises it."""

    name: ShortText
    id_number: IdNumber
    phone: Phone
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
    held: HeldResults = {}
    applicant: Applicant
    agent: Agent | None = None
    materials: tuple[MaterialGiven, ...] = Field(default=(), max_length=500)


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


class Accepted(BaseModel):
    """That the application is accepted, from when, and by which rule."""

    at: datetime
    basis: str = "行政许可法 32(5)"
    statement: Name = Name(
        zh="申请材料齐全、符合法定形式，予以受理。",
        en="The application is complete and in the form the law requires: it is accepted.",
    )


class Receipt(BaseModel):
    """The dated receipt (行政许可法 32). Dates are local, instants UTC.

    `provisional`: a day counted lies in a year whose holidays are not published yet.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": EXAMPLE_NUMBER,
                    "project_code": "2603-410402-04-01-123456",
                    "received_at": "2026-03-02T01:30:00Z",
                    "accepted": {
                        "at": "2026-03-02T01:30:00Z",
                        "basis": "行政许可法 32(5)",
                        "statement": {"zh": "予以受理。", "en": "It is accepted."},
                    },
                    "promised_on": "2026-03-20",
                    "promised_at": "2026-03-20T09:00:00Z",
                    "provisional": False,
                    "plan_digest": "0" * 64,
                    "totals": {
                        "statutory_serial": 180,
                        "statutory_critical": 90,
                        "promised_critical": 14,
                        "ratio_to_serial": 0.0778,
                        "ratio_to_critical": 0.1556,
                        "without_statute": [],
                    },
                    "links": {"self": f"/v1/applications/{EXAMPLE_NUMBER}"},
                }
            ]
        }
    )

    number: str
    project_code: str
    received_at: datetime
    accepted: Accepted
    promised_on: date
    promised_at: datetime
    provisional: bool
    plan_digest: str
    totals: Totals
    links: dict[str, str]


class ApplicationRow(BaseModel):
    """One application in a list."""

    number: str
    project_code: str
    project_name: str
    scenario: str
    status: ApplicationStatus
    submitted_at: datetime
    promised_on: date
    promised_at: datetime
    provisional: bool
    conclusion: Conclusion | None
    concluded_at: datetime | None
    in_time: bool | None
    withdrawal_asked: bool


class ApplicationPage(Page):
    """One page of one's own applications, newest first."""

    items: list[ApplicationRow]


class PlanSummary(BaseModel):
    """The plan in a few words; the whole is at `links.plan`."""

    digest: str
    catalogue_version: str
    calendar_version: str
    steps: int
    items: tuple[str, ...]
    departments: tuple[str, ...]
    critical_path: tuple[str, ...]
    totals: Totals


class Application(ApplicationRow):
    """One application as its owner sees it."""

    project_address: str
    answers: dict[str, Any]
    held: dict[str, str]
    plan: PlanSummary
    receipt: Receipt
    used_working_days: int | None
    links: dict[str, str]


class TaskShown(BaseModel):
    """One department's share: what it is, where it stands, by when it is due."""

    task: str
    step: str
    item: str
    item_name: Name | None
    department: str
    department_name: Name | None
    part: Part
    round: int
    state: TaskState
    outcome: Outcome | None
    issued_at: datetime | None
    decided_at: datetime | None
    promised_on: date | None
    promised_at: datetime | None
    statutory_on: date | None
    statutory_at: datetime | None
    provisional: bool | None


class StepShown(BaseModel):
    """One step of the plan and its state; `waiting` until the step has begun."""

    step: str
    name: Name
    group: str | None
    state: StepState
    promised_on: date
    after: tuple[str, ...]


class SignalShown(BaseModel):
    """What a deadline said, about a task or (without one) about the whole application."""

    task: str | None
    signal: Signal
    at: datetime
    lifted_at: datetime | None


class NoticeShown(BaseModel):
    """The one notice of a merged step: what to put right, why, by when."""

    step: str
    round: int
    items: tuple[str, ...]
    reasons: tuple[str, ...]
    until: datetime
    asked_at: datetime
    answered_at: datetime | None
    open: bool


class Holder(BaseModel):
    """Who has to act now."""

    department: str
    name: Name | None
    open_tasks: int
    due_on: date | None


class Progress(BaseModel):
    """Where an application stands: nothing that the applicant may know is left out."""

    number: str
    status: ApplicationStatus
    promised_on: date
    promised_at: datetime
    provisional: bool
    used_working_days: int = Field(description="Working days since the day of submission.")
    promised_working_days: int
    statutory_working_days: int = Field(description="By law, one item after another.")
    conclusion: Conclusion | None
    concluded_at: datetime | None
    in_time: bool | None
    held_by: list[Holder] = Field(description="Departments with open tasks.")
    waiting_for_applicant: bool
    tasks: list[TaskShown]
    steps: list[StepShown]
    signals: list[SignalShown]
    rectification: NoticeShown | None = Field(description="The notice that is open now.")
    notices: list[NoticeShown]


class ResultShown(BaseModel):
    """A result, with reasons and remedies where it is a refusal (行政许可法 38)."""

    item: str
    item_name: Name | None
    department: str
    department_name: Name | None
    outcome: Outcome
    number: str | None
    document: Name | None
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]
    decided_at: datetime
    released_at: datetime


class Results(BaseModel):
    """Everything decided and released so far."""

    number: str
    status: ApplicationStatus
    conclusion: Conclusion | None
    items: list[ResultShown]


class RectificationTaken(BaseModel):
    """The answer to a notice was received; the units that objected see it again."""

    number: str
    step: str
    round: int
    received_at: datetime


class WithdrawalTaken(BaseModel):
    """The withdrawal was received; whatever is open is being cancelled."""

    number: str
    received_at: datetime


class UploadShown(BaseModel):
    """A file that was handed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_UPLOAD,
                    "sha256": "0" * 64,
                    "media_type": "application/pdf",
                    "file_name": "总平面图.pdf",
                    "size": 182_044,
                    "created_at": "2026-03-02T01:20:00Z",
                    "links": {"self": f"/v1/uploads/{EXAMPLE_UPLOAD}"},
                }
            ]
        }
    )

    id: UUID
    sha256: str
    media_type: str
    file_name: str
    size: int
    created_at: datetime
    links: dict[str, str]


class FileShown(BaseModel):
    """A file in a dossier."""

    sha256: str
    media_type: str
    file_name: str
    size: int
    href: str


class PartyShown(BaseModel):
    """Applicant or agent: personal data, for the departments that take part."""

    kind: Literal["person", "company"]
    name: str
    id_number: str
    phone: str
    authorisation: FileShown | None = None


class MaterialShown(BaseModel):
    """A paper of a dossier; `step` and `round` when it answers a notice."""

    place: int
    material: str
    name: Name | None
    reference: str | None
    file: FileShown | None
    step: str | None
    round: int | None
    given_at: datetime


class Dossier(BaseModel):
    """What the departments that take part may read of an application."""

    number: str
    project_code: str
    project_name: str
    project_address: str
    scenario: str
    answers: dict[str, Any]
    status: ApplicationStatus
    submitted_at: datetime
    applicant: PartyShown
    agent: PartyShown | None
    materials: list[MaterialShown]
