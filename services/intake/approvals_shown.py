"""What the API of catalogue approvals is asked and answers."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.domain.catalogue_changes import Change

DIGEST = "3f5f0c7d1f6a4a3e9d2a6f0b8c1d4e7f3f5f0c7d1f6a4a3e9d2a6f0b8c1d4e7f"
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,40}$")]
Reason = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=2000, strip_whitespace=True, pattern=r"^[^\x00]*\S[^\x00]*$"
    ),
]


class ApprovalGiven(BaseModel):
    """The version that the supervisor approves, by its content."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "version": "2026.2",
                    "digest": DIGEST,
                    "reason": "省定收费标准下调，同步调整事项目录",
                }
            ]
        },
    )

    version: Version
    digest: Digest = Field(description="Of the content that was read: `lianshen catalogue compare`")
    reason: Reason = Field(description="Public.")


class ApprovalShown(BaseModel):
    """A version that may be used, by whose word and why, and what it changed."""

    version: str
    predecessor: str | None
    effective_from: date
    digest: str
    approved_at: datetime
    role: Literal["founding", "supervisor"] = Field(
        description="`founding`: it was in use when the county began here."
    )
    reason: str | None
    differences: tuple[Change, ...]


class ApprovalList(BaseModel):
    """Every version that may be used, newest first."""

    items: list[ApprovalShown]


class Pending(BaseModel):
    """A version that waits for the supervisor, and what it would change."""

    version: str
    predecessor: str | None = Field(description="The approved version that it would follow.")
    effective_from: date
    digest: str
    too_late: bool = Field(description="Its day has passed: it has to be given a later one.")
    differences: tuple[Change, ...]


class PendingList(BaseModel):
    """The versions that wait, by the day they should begin."""

    items: list[Pending]
