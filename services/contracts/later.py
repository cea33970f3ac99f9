"""What crosses a service's border about papers that come into being in the course of a project."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime, Field

from services.contracts.wire import ApplicationNumber, Code, Event, Wire


class PapersAwaited(Wire):
    """What a step waits for: its turn has come, its papers are not there, no clock of it runs."""

    step: str
    items: tuple[Code, ...] = Field(description="The items that need what is awaited.")
    materials: tuple[Code, ...] = Field(description="What the investor has not handed in yet.")
    since: date = Field(description="The day on which the turn of the step had come.")
    until: AwareDatetime | None = Field(
        default=None, description="The first of `untils`; absent: no term."
    )
    untils: dict[Code, AwareDatetime] = Field(
        default_factory=dict,
        description="Until when each may be handed in; one that is absent has no term. By earlier "
        "rules there are none: all are given up when they are not there by `until`.",
    )


class PapersLapseDue(Event):
    """The term of papers that a step waits for is over; intake's own store says which came in it.

    Those that did are on their way. It closes the others, and tells of them.
    """

    TYPE: ClassVar[str] = "lianshen.papers.lapse_due.v1"

    application: ApplicationNumber
    step: str
    materials: tuple[Code, ...] = Field(min_length=1)
    due_at: AwareDatetime


class PapersLapsed(Event):
    """Papers were not handed in within their term; intake has closed them and takes none now."""

    TYPE: ClassVar[str] = "lianshen.papers.lapsed.v1"

    application: ApplicationNumber
    step: str
    materials: tuple[Code, ...] = Field(min_length=1)
    lapsed_at: AwareDatetime
