"""What is told of fees: one that was charged against the law and is paid back (行政许可法 75)."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.contracts.wire import ApplicationNumber, Code, Event


class FeeRepaid(Event):
    """A line of a bill was charged against the law: it is being paid back."""

    TYPE: ClassVar[str] = "lianshen.fee.repaid.v1"

    application: ApplicationNumber
    line: Code = Field(description="The standard that was charged.")
    departments: tuple[Code, ...] = Field(
        min_length=1, description="The departments whose items it was charged for."
    )
    amount: str = Field(description="Yuan, as it was paid.", pattern=r"^[0-9]+(\.[0-9]{1,2})?$")
    transfer: UUID = Field(description="The refund, by its number.")
    repaid_at: AwareDatetime
