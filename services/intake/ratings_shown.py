"""What is asked and answered about ratings."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.vocabulary import FollowUpState, Grade
from services.intake.models import EXAMPLE_NUMBER, Given

Comment = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class RatingGivenIn(Given):
    """How the applicant was served by one department."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "department": "fire-rescue",
                    "grade": "dissatisfied",
                    "comment": "现场要求与告知书不一致，来回跑了三次。",
                }
            ]
        }
    )

    department: str = Field(min_length=1, max_length=64, description="Code of the department.")
    grade: Grade
    comment: Comment | None = Field(
        default=None, description="Read by the department and the supervision, by nobody else."
    )


class FollowUpShown(BaseModel):
    """What became of a bad rating."""

    state: FollowUpState
    due_at: datetime = Field(description="Until then it is to be answered and closed.")
    answer: str | None = Field(
        description="What the department says.", examples=["今后一次告知全部要求。"]
    )
    answered_at: datetime | None
    closed_at: datetime | None


class RatingShown(BaseModel):
    """One department's rating; `grade` is absent while it has not been rated."""

    department: str
    grade: Grade | None
    comment: str | None
    rated_at: datetime | None
    follow_up: FollowUpShown | None = Field(
        description="Of a bad rating, as soon as the supervision has taken it up."
    )


class Ratings(BaseModel):
    """The departments of an application whose results are out, rated or not."""

    number: str = Field(examples=[EXAMPLE_NUMBER])
    items: list[RatingShown]
