"""What intake takes and answers about projects that need nothing of us, as models."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain.catalogue import ItemCode, Slug
from services.domain.outcomes import ItemAnswer
from services.intake.models import ANSWERS, Answers, Given, HeldResults, ShortText

EXAMPLE_INQUIRY = "QX20260302-Q000001-7"
Unaccepted = Literal[AcceptanceOutcome.NOT_NEEDED, AcceptanceOutcome.NOT_IN_POWER]


class Asker(Given):
    """To whom the answer is given."""

    name: ShortText
    kind: Literal["person", "company"]


class InquiryGiven(Given):
    """A project, and which items it is about; without any: all of its kind of project."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "project": "年产五万台水泵搬迁项目",
                    "scenario": "plant",
                    "answers": ANSWERS,
                    "items": ["FIRE-DESIGN"],
                    "applicant": {"name": "示例泵业有限公司", "kind": "company"},
                }
            ]
        }
    )

    project: ShortText = Field(description="Name of the project.")
    scenario: Slug
    answers: Answers
    held: HeldResults = Field(default={}, description="Results already there: item -> number.")
    items: Annotated[tuple[ItemCode, ...], Field(max_length=100)] = ()
    applicant: Asker


class InquiryShown(BaseModel):
    """The written answer: not needed (行政许可法 32(1)), or not in our power, and who is (32(2)).

    The document behind `links.document` is made and sealed when it is first asked for.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": EXAMPLE_INQUIRY,
                    "outcome": "not_in_power",
                    "basis": "行政许可法 32(2)",
                    "answered_at": "2026-03-02T01:30:00Z",
                    "dated": "2026-03-02",
                    "catalogue_version": "2026.1",
                    "items": [
                        {
                            "item": "RIVER-WORKS",
                            "name": {"zh": "涉河建设方案审批", "en": "Works in a river"},
                            "outcome": "not_in_power",
                            "rule": "near_river",
                            "decided_by": "near_river",
                            "because": {"zh": "适用：near_river", "en": "Applies: near_river"},
                            "in_power": {
                                "authority": {"zh": "市水利局", "en": "City water bureau"},
                                "basis": {"law": "省政府令第 12 号", "verified": True},
                            },
                        }
                    ],
                    "links": {
                        "self": f"/v1/inquiries/{EXAMPLE_INQUIRY}",
                        "document": f"/v1/inquiries/{EXAMPLE_INQUIRY}/document",
                    },
                }
            ]
        }
    )

    number: str
    outcome: Unaccepted
    basis: str
    answered_at: datetime
    dated: date
    catalogue_version: str
    items: list[ItemAnswer] = Field(description="What holds for each item, and by which rule.")
    links: dict[str, str]
