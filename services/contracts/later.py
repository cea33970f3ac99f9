"""What crosses a service's border about papers that come into being in the course of a project."""

from datetime import date

from pydantic import AwareDatetime, Field

from services.contracts.wire import Code, Wire


class PapersAwaited(Wire):
    """What a step waits for: its turn has come, its papers are not there, no clock of it runs."""

    step: str
    items: tuple[Code, ...] = Field(description="The items that need what is awaited.")
    materials: tuple[Code, ...] = Field(description="What the investor has not handed in yet.")
    since: date = Field(description="The day on which the turn of the step had come.")
    until: AwareDatetime | None = Field(
        default=None, description="Given up when it is not there by then; absent: no term."
    )
