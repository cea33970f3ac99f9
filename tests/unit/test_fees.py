"""The bill: published standards of the day of acceptance, each once, and how its lines stand."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.domain.catalogue import Basis, Catalogue, Fee, FeeStandard, Item
from services.domain.fees import (
    Act,
    ActKind,
    Assessment,
    Bill,
    Line,
    LineState,
    Settlement,
    Standing,
    TransferKind,
    TransferState,
    assessed,
    draw_up,
    exemption_fault,
    stand,
    sums,
)
from services.domain.needs import cents
from services.intake.payment import NoAdapterError, Order, Sandbox, adapter_of
from services.intake.settings import PaymentSettings
from tests.unit.builders import BASIS, START, item, name, of, planned

ACCEPTED = START + timedelta(days=4)
DOCUMENT = Basis(law="发改价格规〔2016〕2559号")


def standard(code: str, **fields: Any) -> FeeStandard:
    return FeeStandard(id=code, name=name(code), document=DOCUMENT, **fields)


def county(items: list[Item], *standards: FeeStandard, **fields: Any) -> Catalogue:
    return of(items, fees=standards, **fields)


def charged(code: str, fee: str, **fields: Any) -> Item:
    return item(code, fee=Fee(standard=fee, when=fields.pop("when", None)), **fields)


FLAT = standard("flat", amount=Decimal(550))
AREA = standard("area", amount=Decimal("1.2"), unit="m2", quantity="floor_area")
OPEN = standard("open", unit="ha", note="the province sets the rate")


def bill_of(*items: Item, standards: tuple[FeeStandard, ...] = (FLAT, AREA, OPEN)) -> Bill:
    found = county(list(items), *standards)
    return draw_up(found, planned(found), START)


def test_one_line_for_a_standard_however_many_items_and_each_cites_its_document() -> None:
    """ALL 58-59: published items and standards."""
    bill = bill_of(
        charged("AA", "flat"),
        charged("BB", "flat", department="fire"),
        charged("CC", "area"),
        charged("DD", "open"),
        item("EE"),
    )
    assert {line.standard: (line.items, line.amount) for line in bill.lines} == {
        "flat": (("AA", "BB"), Decimal(550)),
        "area": (("CC",), Decimal(1440)),
        "open": (("DD",), None),
    }
    assert {line.document for line in bill.lines} == {DOCUMENT}
    flat, open_ = bill.line("flat"), bill.line("open")
    assert flat is not None
    assert open_ is not None
    assert flat.departments == ("fire", "planning")
    assert open_.note == "the province sets the rate"


def test_what_is_free_not_planned_or_not_in_force_is_not_on_the_bill() -> None:
    bill = bill_of(
        item("AA", fee=Fee(free=BASIS)),
        charged("BB", "flat", applies_when="not is_large"),
        charged("CC", "area", when="floor_area > 5000"),
        charged("DD", "later"),
        standards=(FLAT, AREA, standard("later", amount=1, effective_from=date(2026, 3, 3))),
    )
    assert bill.lines == ()
    assert bill.line("flat") is None


def test_the_edition_of_the_day_of_acceptance_counts_not_that_of_the_submission() -> None:
    submitted = county([charged("AA", "flat"), charged("BB", "area"), item("CC")], FLAT, AREA)
    later = county(
        [
            charged("AA", "flat"),
            charged("BB", "area", when="height > 24"),
            charged("CC", "open"),
            charged("DD", "area"),
        ],
        standard("flat", amount=Decimal(80)),
        AREA,
        OPEN,
        county={"version": "2026.2", "effective_from": ACCEPTED},
    )
    bill = draw_up(later, planned(submitted), ACCEPTED)
    assert (bill.accepted_on, bill.catalogue_version) == (ACCEPTED, "2026.2")
    # BB's new condition was never asked of this application, and DD is not one of its items.
    assert {line.standard: line.amount for line in bill.lines} == {
        "flat": Decimal(80),
        "open": None,
    }


def test_on_the_spot_the_bill_is_the_fees_of_the_plan() -> None:
    found = county(
        [charged("AA", "flat"), charged("BB", "area"), charged("CC", "open")], FLAT, AREA, OPEN
    )
    plan = planned(found)
    bill = draw_up(found, plan, START)
    told = [(f.id, f.document, f.amount, f.total, f.items) for f in plan.fees if f.in_force]
    assert told == [(x.standard, x.document, x.rate, x.amount, x.items) for x in bill.lines]


FIGURES = st.decimals(min_value="0.0001", max_value="99999", places=4)


@settings(max_examples=200, deadline=None)
@given(rate=FIGURES, area=st.integers(0, 10**6) | st.floats(0, 10**6).map(lambda x: round(x, 3)))
def test_amounts_are_decimal_and_rounded_half_up_to_the_cent(rate: Decimal, area: float) -> None:
    found = county([charged("AA", "area")], AREA.model_copy(update={"amount": rate}))
    plan = planned(found).model_copy(update={"facts": {"floor_area": area, "is_large": True}})
    [line] = draw_up(found, plan, START).lines
    exact = Fraction(rate) * Fraction(str(area))
    assert line.amount is not None
    assert abs(Fraction(line.amount) - exact) <= Fraction(1, 200)
    assert line.amount == line.amount.quantize(Decimal("0.01"))
    if (exact * 100 - Fraction(1, 2)).denominator == 1:
        assert Fraction(line.amount) > exact


def line_of(**fields: Any) -> Line:
    values: dict[str, Any] = {
        "standard": "open",
        "name": name("open"),
        "document": DOCUMENT,
        "items": ("AA",),
        "departments": ("water",),
        "rate": None,
        "unit": "ha",
        "quantity": None,
        "amount": None,
        "note": None,
    }
    return Line.model_validate(values | fields)


@pytest.mark.parametrize(
    ("line", "given_", "amount"),
    [
        ({}, {"rate": "1.5", "quantity": "2.01"}, "3.02"),  # 3.015: half a cent goes up
        ({"quantity": "4"}, {"rate": "2"}, "8.00"),
        ({"quantity": "4"}, {"rate": "2", "quantity": "3"}, "6.00"),
        ({"rate": "30"}, {"quantity": "2"}, "60.00"),
        ({"unit": None}, {"rate": "1234.5"}, "1234.50"),
    ],
)
def test_an_assessment_settles_what_the_catalogue_leaves_open(
    line: dict[str, Any], given_: dict[str, Any], amount: str
) -> None:
    found, faults = assessed(line_of(**line), Assessment(document="核定书", **given_))
    assert (str(found), faults) == (amount, {})


@pytest.mark.parametrize(
    ("line", "given_", "wrong"),
    [
        ({"rate": "30"}, {"rate": "20", "quantity": "2"}, {"rate"}),
        ({}, {"quantity": "2"}, {"rate"}),
        ({}, {"rate": "2"}, {"quantity"}),
        ({}, {}, {"rate", "quantity"}),
        ({"unit": None}, {"rate": "2", "quantity": "2"}, {"quantity"}),
    ],
)
def test_an_assessment_changes_nothing_that_is_published(
    line: dict[str, Any], given_: dict[str, Any], wrong: set[str]
) -> None:
    """ALL 59: nobody changes the standard of a fee."""
    found, faults = assessed(line_of(**line), Assessment(document="核定书", **given_))
    assert found is None
    assert faults.keys() == wrong


@pytest.mark.parametrize(
    ("state", "assess", "exempt"),
    [
        (LineState.TO_ASSESS, True, True),
        (LineState.DUE, True, True),
        (LineState.NOTHING_DUE, True, False),
        (LineState.EXEMPT, False, False),
        (LineState.PAYING, False, False),
        (LineState.PAID, False, False),
        (LineState.REFUNDING, False, False),
        (LineState.REFUNDED, False, False),
    ],
)
def test_a_line_is_assessed_and_remitted_only_while_nothing_was_paid_of_it(
    state: LineState, assess: bool, exempt: bool
) -> None:
    found = Standing(line=line_of(), state=state, amount=None, assessment=None, exemption=None)
    assert (found.can_be_assessed, found.can_be_exempted) == (assess, exempt)
    published = found.model_copy(update={"line": line_of(rate="2", quantity="2", amount="4.00")})
    assert not published.can_be_assessed


PARTS = st.one_of(
    st.just({}),
    st.decimals("0.01", "9999.99", places=2).map(lambda sum_: {"remitted": sum_}),
    st.decimals("0.0001", "0.9999", places=4).map(lambda share: {"share": share}),
)


class Books(RuleBasedStateMachine):
    """Anybody does anything that is allowed, in any order; the books stay in balance."""

    @initialize(
        amounts=st.lists(
            st.none() | st.sampled_from(["0.00", "0.01", "550"]), min_size=1, max_size=5
        )
    )
    def begin(self, amounts: list[str | None]) -> None:
        lines = tuple(
            line_of(standard=f"fee-{place}", amount=amount, rate=amount)
            for place, amount in enumerate(amounts)
        )
        self.bill = Bill(accepted_on=START, catalogue_version="2026.1", lines=lines)
        self.acts: list[Act] = []
        self.money: dict[tuple[str, TransferKind], Settlement] = {}
        self.confirmed = {kind: Decimal(0) for kind in TransferKind}

    @property
    def standings(self) -> list[Standing]:
        return stand(self.bill, self.acts, list(self.money.values()))

    def some(self, data: st.DataObject, *states: LineState) -> Standing | None:
        found = [one for one in self.standings if one.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    @rule()
    def somebody_looks(self) -> None:
        assert self.standings == self.standings

    @precondition(lambda self: any(one.can_be_assessed for one in self.standings))
    @rule(data=st.data(), amount=st.decimals("0.00", "9999.99", places=2))
    def assess(self, data: st.DataObject, amount: Decimal) -> None:
        one = data.draw(st.sampled_from([x for x in self.standings if x.can_be_assessed]))
        assert one.line.amount is None
        line = one.line.standard
        self.acts.append(Act(line=line, kind=ActKind.ASSESSED, amount=amount, document="x"))

    @precondition(lambda self: any(one.can_be_exempted for one in self.standings))
    @rule(data=st.data(), part=PARTS)
    def exempt(self, data: st.DataObject, part: dict[str, Decimal]) -> None:
        one = data.draw(st.sampled_from([x for x in self.standings if x.can_be_exempted]))
        line = one.line.standard
        act = Act(line=line, kind=ActKind.EXEMPTED, reason="r", document="x", **part)
        if exemption_fault(one.amount, act) is None:
            self.acts.append(act)

    @precondition(lambda self: any(one.state is LineState.DUE for one in self.standings))
    @rule(data=st.data())
    def begin_to_pay(self, data: st.DataObject) -> None:
        if one := self.some(data, LineState.DUE):
            self.move(one, TransferKind.PAYMENT)

    @precondition(lambda self: any(one.state is LineState.PAID for one in self.standings))
    @rule(data=st.data())
    def begin_to_refund(self, data: st.DataObject) -> None:
        if one := self.some(data, LineState.PAID):
            self.move(one, TransferKind.REFUND)

    def move(self, one: Standing, kind: TransferKind) -> None:
        key = (one.line.standard, kind)
        assert key not in self.money
        assert one.payable > 0
        self.money[key] = Settlement(
            line=key[0],
            kind=kind,
            state=TransferState.BEGUN,
            amount=one.payable,
            transfer=uuid4(),
        )

    @precondition(lambda self: any(one.state is TransferState.BEGUN for one in self.money.values()))
    @rule(data=st.data(), well=st.booleans())
    def the_payment_system_speaks(self, data: st.DataObject, well: bool) -> None:
        begun = [k for k, v in self.money.items() if v.state is TransferState.BEGUN]
        if not begun:
            return
        key = data.draw(st.sampled_from(begun))
        if well:
            found = self.money[key]
            self.money[key] = found.model_copy(update={"state": TransferState.CONFIRMED})
            self.confirmed[key[1]] += found.amount
        else:
            del self.money[key]

    @invariant()
    def the_books_balance(self) -> None:
        found = sums(self.standings)
        assert found.paid + found.refunded == self.confirmed[TransferKind.PAYMENT]
        assert found.refunded == self.confirmed[TransferKind.REFUND]
        assert [one.line for one in self.standings] == list(self.bill.lines)

    @invariant()
    def nothing_is_payable_without_an_amount(self) -> None:
        for one in self.standings:
            if one.state in (LineState.DUE, LineState.PAYING, LineState.PAID):
                assert one.amount
                assert 0 < one.payable <= one.amount
            if one.line.amount is not None:
                assert one.amount == one.line.amount


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def partly(amount: str, **part: str) -> Standing:
    """How an open line stands that was assessed and of which a part was remitted."""
    bill = bill_of(charged("AA", "open"))
    said = {name: Decimal(value) for name, value in part.items()}
    acts = [
        Act(line="open", kind=ActKind.ASSESSED, amount=Decimal(amount), document="x"),
        Act(line="open", kind=ActKind.EXEMPTED, reason="r", document="x", **said),
    ]
    [found] = stand(bill, acts, [])
    return found


def test_a_part_is_a_sum_or_a_share_and_never_more_than_the_amount() -> None:
    assert partly("100", remitted="30").payable == Decimal(70)
    assert partly("0.03", share="0.5").remitted == Decimal("0.02")
    assert partly("100", share="0.333").payable == Decimal("66.70")
    whole = partly("100")
    assert (whole.state, whole.payable, whole.remitted) == (LineState.EXEMPT, 0, 100)
    # A later, lower assessment leaves nothing to pay, and nothing to pay back.
    less = partly("20", remitted="30")
    assert (less.state, less.payable, less.remitted) == (LineState.EXEMPT, 0, 20)
    nothing_due = partly("0", share="0.5")
    assert nothing_due.state is LineState.NOTHING_DUE
    found = sums([partly("100", remitted="30")])
    assert (found.due, found.exempt) == (Decimal(70), Decimal(30))


def test_a_sum_is_remitted_of_a_known_and_larger_amount_only() -> None:
    def fault(amount: str | None, remitted: str | None) -> str | None:
        act = Act(
            line="open",
            kind=ActKind.EXEMPTED,
            reason="r",
            document="x",
            remitted=remitted and Decimal(remitted),
        )
        found = exemption_fault(amount and Decimal(amount), act)
        return found and found.en

    assert fault("10", None) is None
    assert fault("10", "9.99") is None
    assert "less than" in (fault("10", "10") or "")
    assert "not assessed" in (fault(None, "1") or "")


def test_no_assessment_comes_to_a_thousand_milliards() -> None:
    line = line_of(rate=None, amount=None)
    under = Assessment(rate=Decimal("999999999999.99"), quantity=Decimal(1), document="x")
    assert assessed(line, under)[0] == Decimal("999999999999.99")
    over = under.model_copy(update={"rate": Decimal("999999999999.995")})
    amount, faults = assessed(line, over)
    assert amount is None
    assert "10^12" in faults["rate"].en


def test_cents_round_half_up() -> None:
    assert cents(Decimal("0.005")) == Decimal("0.01")
    assert cents(Decimal("0.025")) == Decimal("0.025").quantize(Decimal("0.01"), ROUND_HALF_UP)


async def test_the_sandbox_confirms_and_says_that_it_is_one() -> None:
    order = Order(
        number=uuid4(),
        kind=TransferKind.PAYMENT,
        application="QX20260302-000001-0",
        lines=("flat",),
        amount=Decimal(550),
        refund_of=None,
    )
    word = await Sandbox().settle(order)
    assert word.state is TransferState.CONFIRMED
    assert word == await Sandbox().settle(order)
    assert Sandbox.sandbox


class OwnAdapter(Sandbox):
    """A payment system that is plugged in."""

    name = "town-bank"
    sandbox = False


def nothing() -> None:
    """Return no adapter."""


def test_the_settings_choose_the_payment_system() -> None:
    here = OwnAdapter.__module__
    assert adapter_of(PaymentSettings()) is None
    assert isinstance(adapter_of(PaymentSettings(adapter="sandbox")), Sandbox)
    own = adapter_of(PaymentSettings(adapter=f"{here}:OwnAdapter"))
    assert own is not None
    assert own.name == "town-bank"


@pytest.mark.parametrize("name_", ["nowhere.at_all:x", "{here}:absent", "{here}:nothing"])
def test_a_payment_system_that_is_none_is_refused_at_the_start(name_: str) -> None:
    with pytest.raises(NoAdapterError):
        adapter_of(PaymentSettings(adapter=name_.format(here=OwnAdapter.__module__)))


def test_a_misspelt_payment_system_is_refused_by_the_settings() -> None:
    with pytest.raises(ValueError, match="adapter"):
        PaymentSettings(adapter="Sandbox")
