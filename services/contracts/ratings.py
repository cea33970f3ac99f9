"""What is told of ratings: by the investor, and back to him of what followed from a bad one.

The comment stays with intake: whoever writes it may name people. A keyed hash of it goes along, so
that nobody can change it later without being seen.
"""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from services.contracts.vocabulary import FollowUpState, Grade
from services.contracts.wire import ApplicationNumber, Code, Event, Ref, Text


class RatingGiven(Event):
    """The applicant rated a department whose result is out. Once per application and department."""

    TYPE: ClassVar[str] = "lianshen.rating.given.v1"

    application: ApplicationNumber
    department: Code
    grade: Grade
    comment_ref: Ref | None = Field(
        default=None, description="Keyed hash of the comment, which stays with intake."
    )
    rated_at: AwareDatetime


class FollowUpTold(Event):
    """How far the follow-up of a bad rating has come; `answer` is what the department says."""

    TYPE: ClassVar[str] = "lianshen.rating.followed_up.v1"

    application: ApplicationNumber
    department: Code
    state: FollowUpState
    due_at: AwareDatetime = Field(description="End of the term for answering and closing it.")
    answer: Text | None = None
    told_at: AwareDatetime
