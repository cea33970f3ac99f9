"""What intake takes and answers about bills, as models. Money is yuan, as text to the cent."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.domain.catalogue import Basis, Name, Slug
from services.domain.fees import LineState, Sums, TransferKind, TransferState
from services.intake.models import EXAMPLE_NUMBER, Given, ShortText

EXAMPLE_LINE = "soil-conservation-compensation"
_TRANSFER = "01979e8c-52b1-7c41-9d55-0d4f8f4f6a12"
Money = Annotated[Decimal, Field(examples=["550.00"])]
Yuan = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]
Share = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=4)]
Figure = Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=4)]


class LineShown(BaseModel):
    """One line of the bill: the published standard, its document, and how it stands.

    `to_assess`: the amount is assessed by the department's document; until that is recorded the
    line cannot be paid.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "standard": EXAMPLE_LINE,
                    "name": {"zh": "水土保持补偿费", "en": "Soil conservation compensation"},
                    "document": {"law": "水土保持法", "article": "32(2)", "verified": True},
                    "items": ["SOIL-CONSERVATION"],
                    "departments": ["water"],
                    "rate": "11000",
                    "unit": "公顷 / ha",
                    "quantity": "2.5",
                    "note": "费率由省制定 / the province sets the rate",
                    "state": "exempt",
                    "amount": "27500.00",
                    "remitted": "27500.00",
                    "payable": "0.00",
                    "assessed_by": "水保费核〔2026〕8号",
                    "exempted_by": "财综〔2014〕8号",
                    "exempted_because": "保障性安居工程免征",
                }
            ]
        }
    )

    standard: Slug
    name: Name
    document: Basis = Field(description="The document that the standard stands in.")
    items: list[str]
    departments: list[str] = Field(description="For whom it is collected.")
    rate: Decimal | None = Field(description="Yuan per unit, as published; none: not published.")
    unit: str | None
    quantity: Decimal | None = Field(description="From the facts of the application.")
    note: str | None
    state: LineState
    amount: Decimal | None
    remitted: Decimal = Field(description="What an exemption leaves out of the amount.")
    payable: Decimal | None = Field(description="Amount without what is remitted.")
    assessed_by: str | None = Field(description="The document of the assessment.")
    exempted_by: str | None = Field(description="The document of the exemption.")
    exempted_because: str | None


class TransferShown(BaseModel):
    """A payment, or the refund of a line that was charged against the law."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _TRANSFER,
                    "kind": "refund",
                    "lines": [EXAMPLE_LINE],
                    "amount": "27500.00",
                    "state": "confirmed",
                    "sandbox": False,
                    "reference": "4200002026030212345678",
                    "pay_at": "https://pay.example/4200002026030212345678",
                    "refund_of": "01979e8c-52b1-7c41-9d55-0d4f8f4f6a11",
                    "reason": "无法定依据收费",
                    "document": "退费决定〔2026〕3号",
                    "begun_at": "2026-03-02T01:30:00Z",
                    "ended_at": "2026-03-02T01:31:00Z",
                }
            ]
        }
    )

    id: UUID
    kind: TransferKind
    lines: list[str]
    amount: Money
    state: TransferState
    sandbox: bool = Field(description="No money moved.")
    reference: str | None = Field(description="The payment system's own number.")
    pay_at: str | None = Field(description="Where the payer goes on, while it is under way.")
    refund_of: UUID | None
    reason: str | None
    document: str | None
    begun_at: datetime
    ended_at: datetime | None


class BillShown(BaseModel):
    """The one bill of an application; nothing that is not on it may be charged."""

    number: str = Field(examples=[EXAMPLE_NUMBER])
    accepted_on: date | None = Field(
        description="The standards of this day hold. None: not accepted yet, nothing is billed."
    )
    catalogue_version: str | None = Field(description="The edition that the standards stand in.")
    lines: list[LineShown]
    sums: Sums
    transfers: list[TransferShown]
    can_be_paid: bool
    links: dict[str, str]


class PaymentGiven(Given):
    """What to pay: some lines of the bill, or everything that is due."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": [EXAMPLE_LINE]}, {}]})

    lines: tuple[Slug, ...] | None = Field(
        default=None, min_length=1, max_length=100, description="Default: every line that is due."
    )


class AssessmentGiven(Given):
    """What a department's document settles of a line; only what the catalogue leaves open."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rate": "1.20", "quantity": "20000", "document": "水保费核〔2026〕8号"}]
        }
    )

    rate: Figure | None = Field(default=None, description="Yuan per unit, where none is published.")
    quantity: Figure | None = Field(
        default=None, description="Default: the fact's, if there is one."
    )
    document: ShortText = Field(description="The department's document.")


class ExemptionGiven(Given):
    """Why a line is remitted, and by which document: all of it, a sum of it, or a share."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "小微企业免征不动产登记费", "document": "财税〔2019〕45号"},
                {"share": "0.5", "reason": "减半征收", "document": "财税〔2019〕45号"},
            ]
        }
    )

    amount: Yuan | None = Field(default=None, description="Yuan remitted. Default: all.")
    share: Share | None = Field(
        default=None, description="Share of the amount remitted: 0.5 is half. Default: all."
    )
    reason: ShortText
    document: ShortText

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.amount is not None and self.share is not None:
            raise ValueError("amount 与 share 只填一项 / give either amount or share")
        return self


class RefundGiven(Given):
    """Why what was paid is paid back, and by which document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "无法定依据收费", "document": "退费决定〔2026〕3号"}]
        }
    )

    reason: ShortText
    document: ShortText
