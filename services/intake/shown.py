"""What intake answers, as models. Examples make the OpenAPI document a manual."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Signal,
    StepState,
    TaskState,
)
from services.domain.catalogue import Name
from services.domain.plan import Totals
from services.domain.remedies import Standing
from services.intake.clocks import JointLimitShown
from services.intake.models import EXAMPLE_NUMBER, EXAMPLE_UPLOAD
from services.intake.shown_later import AwaitedShown, HeldShown
from services.runtime.web.pages import Page


class Accepted(BaseModel):
    """That the application is accepted, from when, and by which rule."""

    at: datetime
    basis: str = "行政许可法 32(5)"
    statement: Name = Name(
        zh="申请材料齐全、符合法定形式，予以受理。",
        en="The application is complete and in the form the law requires: it is accepted.",
    )


class Examined(BaseModel):
    """That departments examine the papers before the acceptance, and until when they must speak."""

    departments: tuple[str, ...]
    notice_by: date = Field(description="Without a notice until then, it counts as accepted.")
    basis: str
    missing: tuple[str, ...] = Field(description="Materials that were not handed in.")
    statement: Name = Name(
        zh="已收到申请，正在审查材料。需要补正的，五个工作日内一次性告知全部内容；逾期不告知，"
        "自收到之日起即为受理。承诺日期自受理之日起重新计算并告知。",
        en="It is received, and its papers are being examined. Whatever is missing will be told "
        "at once within five working days; without a notice it counts as accepted from today. "
        "The promise is reckoned again from the acceptance, and told.",
    )


class ElsewhereShown(BaseModel):
    """An item that the project needs, and who is in power for it: apply there (32(2))."""

    item: str
    name: Name
    authority: Name
    basis: str


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
    accepted: Accepted | None = Field(description="Absent while the departments examine it.")
    examined: Examined | None = Field(
        default=None, description="Where departments examine before the acceptance."
    )
    promised_on: date
    promised_at: datetime
    provisional: bool
    plan_digest: str
    totals: Totals
    elsewhere: tuple[ElsewhereShown, ...] = Field(
        default=(), description="What the project needs besides and is not in our power."
    )
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
    closed_at: datetime | None = Field(
        default=None, description="When it was closed because no answer came in its term."
    )
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
    joint_limit: JointLimitShown | None = Field(
        description="By law, all departments together. Absent: one department decides alone, or "
        "it is not accepted yet."
    )
    conclusion: Conclusion | None
    concluded_at: datetime | None
    in_time: bool | None
    held_by: list[Holder] = Field(description="Departments with open tasks.")
    waiting_for_applicant: bool
    tasks: list[TaskShown]
    steps: list[StepShown]
    signals: list[SignalShown]
    awaited: list[AwaitedShown] = Field(
        description="Papers that come later and that steps wait for now: no clock of them runs."
    )
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
    conditions: tuple[str, ...] = Field(description="What a grant is subject to.")
    decided_at: datetime
    released_at: datetime
    standing: Standing = Field(description="Whether it can be relied on: see its remedies.")


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


class SupplementShown(BaseModel):
    """Something that was handed in after the submission; a condition comes with a statement."""

    round: int = Field(description="The notice that it answers; 0: none.")
    subject: str = Field(examples=["condition/PLANNING-PERMIT/1"])
    statement: str | None
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
    held: list[HeldShown] = Field(description="Results it rests on: nobody asks for them again.")
    supplements: list[SupplementShown]
