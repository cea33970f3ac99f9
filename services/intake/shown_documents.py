"""What intake answers about documents, the public register and remedies, as models."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import Outcome
from services.domain.catalogue import Name
from services.domain.remedies import RemedyKind, RemedyOutcome, Standing
from services.domain.sheets import DocumentKind
from services.intake.models import EXAMPLE_NUMBER, Given, ShortText
from services.runtime.web.pages import Page

EXAMPLE_CODE = "MZXW-6YTB-OI4D-QNBQ"
EXAMPLE_GRANT = f"FIRE-DESIGN-{EXAMPLE_NUMBER}-housing-construction-1"
CODE_PATTERN = r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$"


class DocumentShown(BaseModel):
    """One document: what it is, and, once it was made, what proves it.

    It is made and sealed when it is first asked for; from then on it is the same bytes for ever.
    """

    name: str = Field(examples=["result-FIRE-DESIGN"])
    kind: DocumentKind
    item: str | None
    number: str = Field(examples=[EXAMPLE_GRANT])
    title: Name
    dated: date = Field(description="Local date of the act it puts in writing.")
    issued_at: datetime | None
    sha256: str | None
    size: int | None
    code: str | None = Field(
        examples=[EXAMPLE_CODE], description="With the number it opens the verification."
    )
    href: str


class DocumentList(BaseModel):
    """The documents there are of an application so far."""

    number: str
    items: list[DocumentShown]


class RemedyShown(BaseModel):
    """A remedy noted against a decision, and how it ended."""

    id: UUID
    kind: RemedyKind
    authority: str
    reference: str
    filed_on: date
    noted_at: datetime
    outcome: RemedyOutcome | None
    ended_on: date | None
    ended_at: datetime | None


class RemedyPublic(BaseModel):
    """What everybody may know of a remedy."""

    kind: RemedyKind
    filed_on: date
    outcome: RemedyOutcome | None
    ended_on: date | None


class Grant(BaseModel):
    """One grant in the public register (行政许可法 40). No personal data.

    A holder and a project are named when the holder is a company.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": EXAMPLE_GRANT,
                    "item": "FIRE-DESIGN",
                    "item_name": {"zh": "消防设计审查", "en": "Fire design review"},
                    "document": {"zh": "消防设计审查意见书", "en": "Fire design review opinion"},
                    "department": "housing-construction",
                    "department_name": {"zh": "住房和城乡建设局", "en": "Housing bureau"},
                    "outcome": "granted",
                    "project_code": "2603-410402-04-01-123456",
                    "holder": "示例泵业有限公司",
                    "project_name": "年产五万台水泵搬迁项目",
                    "decided_on": "2026-03-10",
                    "released_at": "2026-03-10T08:00:00Z",
                    "standing": "in_force",
                    "remedies": [],
                    "href": f"/v1/public/results/{EXAMPLE_GRANT}",
                }
            ]
        }
    )

    number: str
    item: str
    item_name: Name | None
    document: Name | None = Field(description="What the paper is called.")
    department: str
    department_name: Name | None
    outcome: Outcome = Field(description="Granted, or deemed renewed (行政许可法 50).")
    project_code: str
    holder: str | None = Field(description="Name of a company; of a person: absent.")
    project_name: str | None
    decided_on: date
    released_at: datetime
    standing: Standing = Field(description="Whether it can be relied on.")
    remedies: list[RemedyPublic]
    href: str


class GrantPage(Page):
    """One page of the public register, newest first."""

    items: list[Grant]


class Verification(BaseModel):
    """What a document with this number and this code says: compare it with what you hold."""

    number: str = Field(examples=[EXAMPLE_GRANT])
    kind: DocumentKind
    title: Name
    dated: date
    issued_at: datetime
    item: str | None
    item_name: Name | None
    department: str | None
    department_name: Name | None
    outcome: Outcome | None
    holder: str = Field(
        examples=["示例泵业有限公司"],
        description="A company, or a person's family name and stars.",
    )
    standing: Standing | None = Field(description="Of a decision: whether it can be relied on.")
    remedies: list[RemedyPublic]
    sha256: str = Field(description="SHA-256 of the file: whoever has another has no original.")
    size: int
    certificate_sha256: str | None = Field(description="Fingerprint of the seal in use now.")


class RemedyGiven(Given):
    """A remedy that was filed against a decision, with whom and under which number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "review",
                    "authority": "市人民政府",
                    "reference": "复议〔2026〕12号",
                    "filed_on": "2026-03-20",
                }
            ]
        }
    )

    kind: RemedyKind
    authority: ShortText
    reference: ShortText
    filed_on: date


class RemedyEnded(Given):
    """How a remedy ended, and on which day."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "annulled", "ended_on": "2026-05-11"}]}
    )

    outcome: RemedyOutcome
    ended_on: date


class RemedyList(BaseModel):
    """Remedies noted against one decision, and what they leave of it."""

    number: str
    item: str
    standing: Standing
    items: list[RemedyShown]
