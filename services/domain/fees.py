"""What an application is billed: published standards, each once, and nothing else.

行政许可法 58-59, 75: no fee without a law or an administrative regulation; only by the published
item and standard; what was taken against that is paid back. One bill merges all departments. It is
drawn up from the standards in force on the day of acceptance and never changes afterwards; what
changes is how its lines stand. Money is yuan (CNY) to the cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts.vocabulary import Part
from services.domain.applicability import Facts, RuleError, holds
from services.domain.catalogue import Basis, Catalogue, Item, Name, Shape, Slug
from services.domain.needs import cents, fees_on
from services.domain.plan import Plan, PlannedFee


class Line(Shape):
    """One line of a bill: a standard, its document, and the items that fall under it.

    `rate` is yuan per `unit` (or for the whole, without one). `amount` is None while the catalogue
    does not settle it: then the department assesses it by its own document.
    """

    standard: Slug
    name: Name
    document: Basis
    items: tuple[str, ...]
    departments: tuple[Slug, ...]
    rate: Decimal | None
    unit: str | None
    quantity: Decimal | None
    amount: Decimal | None
    note: str | None


class Bill(Shape):
    """The one bill of an application, by the catalogue in force on the day of acceptance."""

    accepted_on: date
    catalogue_version: str
    lines: tuple[Line, ...]

    def line(self, standard: str) -> Line | None:
        """Return the line of a standard; None: it may not be billed."""
        return next((one for one in self.lines if one.standard == standard), None)


def draw_up(catalogue: Catalogue, plan: Plan, on: date) -> Bill:
    """Return the bill of a plan's items by the standards of `catalogue` in force on `on`.

    A standard whose condition cannot be known from the facts of the application is left out: in
    doubt nothing is charged.
    """
    shares = [part for step in plan.steps for part in step.parts if part.part is Part.DECIDE]
    planned = {one.item for one in shares}
    items = [
        item for item in catalogue.items if item.code in planned and _charged(item, plan.facts)
    ]
    lines = tuple(
        _line(
            fee,
            sorted({one.department for one in shares if one.item in fee.items}),
            catalogue.fee_by_id[fee.id].note,
        )
        for fee in fees_on(catalogue, items, plan.facts, on)
        if fee.in_force
    )
    return Bill(accepted_on=on, catalogue_version=catalogue.county.version, lines=lines)


def _charged(item: Item, facts: Facts) -> bool:
    try:
        return item.fee.standard is not None and holds(item.fee.when, facts)
    except RuleError:  # a later edition asks what this application was never asked
        return False


def _line(fee: PlannedFee, departments: Iterable[str], note: str | None) -> Line:
    known = isinstance(fee.quantity, int | float) and not isinstance(fee.quantity, bool)
    return Line(
        standard=fee.id,
        name=fee.name,
        document=fee.document,
        items=fee.items,
        departments=tuple(departments),
        rate=fee.amount,
        unit=fee.unit,
        quantity=Decimal(str(fee.quantity)) if known else None,
        amount=fee.total,
        note=note,
    )


TOO_MUCH = Decimal(10) ** 12
"""Yuan: what no line and no payment comes to."""


class Assessment(Shape):
    """What a department's document settles of a line: only what the catalogue leaves open."""

    rate: Decimal | None = None
    quantity: Decimal | None = None
    document: str


def assessed(line: Line, given: Assessment) -> tuple[Decimal | None, dict[str, Name]]:
    """Return the amount in yuan that an assessment makes of an open line, or what is wrong with it.

    Faults come by the member they are about. A published rate can be multiplied, never replaced;
    without an assessed quantity the one of the facts holds.
    """
    faults: dict[str, Name] = {}
    if line.rate is not None and given.rate is not None:
        faults["rate"] = _PUBLISHED
    rate = line.rate if line.rate is not None else given.rate
    if rate is None:
        faults["rate"] = _NO_RATE
    quantity = given.quantity if given.quantity is not None else line.quantity
    if line.unit is not None and quantity is None:
        faults["quantity"] = _NO_QUANTITY
    if line.unit is None and given.quantity is not None:
        faults["quantity"] = _NO_UNIT
    if faults or rate is None:
        return None, faults
    amount = cents(rate if line.unit is None or quantity is None else rate * quantity)
    return (amount, {}) if amount < TOO_MUCH else (None, {"rate": _TOO_MUCH})


_PUBLISHED = Name(
    zh="目录已公布收费标准，不得另定（行政许可法 59）",
    en="The catalogue publishes the rate; nobody sets another (行政许可法 59)",
)
_NO_RATE = Name(
    zh="目录没有费率，请按核定文书填写",
    en="The catalogue has no rate: give the one of the department's document",
)
_NO_QUANTITY = Name(
    zh="请按核定文书填写数量",
    en="Give the quantity of the department's document",
)
_TOO_MUCH = Name(
    zh="核定金额须小于一万亿元，请核对费率和数量",
    en="An amount is below 10^12 yuan: check rate and quantity",
)
_NO_UNIT = Name(
    zh="该标准没有计量单位，只填金额（rate）",
    en="This standard has no unit: give the sum (rate) alone",
)


class ActKind(StrEnum):
    """What an operator records about a line: 核定, 减免."""

    ASSESSED = "assessed"
    EXEMPTED = "exempted"


class Act(Shape):
    """One act about a line. `amount` is that of an assessment; an exemption has a reason.

    An exemption remits the whole line, or the sum `remitted`, or the `share` of its amount.
    """

    line: Slug
    kind: ActKind
    amount: Decimal | None = None
    remitted: Decimal | None = None
    share: Decimal | None = None
    reason: str | None = None
    document: str


class TransferKind(StrEnum):
    """Money to the treasury, or back to the payer (退费)."""

    PAYMENT = "payment"
    REFUND = "refund"


class TransferState(StrEnum):
    """What the payment system says of a transfer."""

    BEGUN = "begun"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Settlement(Shape):
    """One line's part of a transfer that was begun or confirmed; a failed one leaves none."""

    line: Slug
    kind: TransferKind
    state: TransferState
    amount: Decimal
    transfer: UUID


class LineState(StrEnum):
    """How a line stands."""

    TO_ASSESS = "to_assess"
    DUE = "due"
    NOTHING_DUE = "nothing_due"
    EXEMPT = "exempt"
    PAYING = "paying"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Standing(Shape):
    """A line with what was done about it; `amount` by the standard or by its assessment.

    `remitted` is what an exemption leaves out of the amount.
    """

    line: Line
    state: LineState
    amount: Decimal | None
    remitted: Decimal = Decimal(0)
    assessment: Act | None
    exemption: Act | None

    @property
    def payable(self) -> Decimal:
        """What is, or was, to be paid of it; 0 while its amount is not known."""
        return (self.amount or Decimal(0)) - self.remitted

    @property
    def can_be_assessed(self) -> bool:
        """Whether its amount may be set (again): the catalogue leaves it open, and it is unpaid."""
        open_ = (LineState.TO_ASSESS, LineState.DUE, LineState.NOTHING_DUE)
        return self.line.amount is None and self.state in open_

    @property
    def can_be_exempted(self) -> bool:
        """Whether it may be remitted, once: nothing was paid of it."""
        return self.exemption is None and self.state in (LineState.TO_ASSESS, LineState.DUE)


def stand(bill: Bill, acts: Sequence[Act], settlements: Sequence[Settlement]) -> list[Standing]:
    """Return how every line stands, in the bill's order. `acts` are in the order of recording."""
    money = {(one.line, one.kind): one for one in settlements}
    last = {(act.line, act.kind): act for act in acts}
    found = []
    for line in bill.lines:
        assessment = last.get((line.standard, ActKind.ASSESSED))
        exemption = last.get((line.standard, ActKind.EXEMPTED))
        amount = line.amount
        if amount is None and assessment is not None:
            amount = assessment.amount
        left_out = Decimal(0) if exemption is None else remitted(amount, exemption)
        found.append(
            Standing(
                line=line,
                state=_state(line, money) or _unpaid(amount, left_out, exemption),
                amount=amount,
                remitted=left_out,
                assessment=assessment,
                exemption=exemption,
            )
        )
    return found


def _state(line: Line, money: Mapping[tuple[str, TransferKind], Settlement]) -> LineState | None:
    for kind, (under_way, done) in _MONEY.items():
        if found := money.get((line.standard, kind)):
            return done if found.state is TransferState.CONFIRMED else under_way
    return None


_MONEY = {
    TransferKind.REFUND: (LineState.REFUNDING, LineState.REFUNDED),
    TransferKind.PAYMENT: (LineState.PAYING, LineState.PAID),
}
"""The later act first."""


def remitted(amount: Decimal | None, exemption: Act) -> Decimal:
    """Return what an exemption remits of an amount: all, a sum (never more than all), or a share.

    0 while the amount is not known.
    """
    if amount is None:
        return Decimal(0)
    if exemption.share is not None:
        return cents(amount * exemption.share)
    return amount if exemption.remitted is None else min(exemption.remitted, amount)


def exemption_fault(amount: Decimal | None, given: Act) -> Name | None:
    """Return what is wrong with the sum that an exemption is to remit of a line; or None.

    A sum is part of a known amount; the whole is remitted without naming one.
    """
    if given.remitted is None:
        return None
    if amount is None:
        return _NO_AMOUNT
    return _NO_PART if given.remitted >= amount else None


_NO_AMOUNT = Name(
    zh="金额尚未核定，不能减免具体数额；可减免一定比例，或全部免除",
    en="The amount is not assessed yet: remit a share, or all of it",
)
_NO_PART = Name(
    zh="部分减免的数额须小于应缴金额；全部免除时请不填数额",
    en="A part is less than the amount: to remit all of it, name no sum",
)


def _unpaid(amount: Decimal | None, left_out: Decimal, exemption: Act | None) -> LineState:
    whole = exemption is not None and exemption.remitted is None and exemption.share is None
    if whole or (amount and left_out == amount):
        return LineState.EXEMPT
    if amount is None:
        return LineState.TO_ASSESS
    return LineState.DUE if amount > 0 else LineState.NOTHING_DUE


Sum = Annotated[Decimal, Field(examples=["550.00"])]


class Sums(Shape):
    """Sums of a bill in yuan; `to_assess` counts lines whose amount is still open.

    `exempt` is what was remitted, of whole lines and of parts.
    """

    due: Sum
    paying: Sum
    paid: Sum
    refunded: Sum
    exempt: Sum
    to_assess: int


def sums(standings: Sequence[Standing]) -> Sums:
    """Return the sums. A line that is being refunded is paid until it is."""

    def total(*states: LineState) -> Decimal:
        amounts = (one.payable for one in standings if one.state in states)
        return cents(sum(amounts, start=Decimal(0)))

    return Sums(
        due=total(LineState.DUE),
        paying=total(LineState.PAYING),
        paid=total(LineState.PAID, LineState.REFUNDING),
        refunded=total(LineState.REFUNDED),
        exempt=cents(sum((one.remitted for one in standings), start=Decimal(0))),
        to_assess=sum(one.state is LineState.TO_ASSESS for one in standings),
    )
