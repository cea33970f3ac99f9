"""The first two outcomes of ALL 32: no licence is needed; another is in power, and who is."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain import sheets, sheets_unaccepted
from services.domain.catalogue import Catalogue, InPower, Item, ItemStatus, Name
from services.domain.disclosure import markdown
from services.domain.outcomes import UndecidedError, answers, elsewhere, outcome_of
from services.domain.planner import plan
from services.domain.sheets import Application, DocumentKind, Elsewhere
from services.domain.sheets_unaccepted import Needless
from tests.unit.builders import ANSWERS, BASIS, CALENDAR, START, item, name, of, planned, scenario
from tests.unit.linting import codes

NOT_NEEDED, NOT_IN_POWER = AcceptanceOutcome.NOT_NEEDED, AcceptanceOutcome.NOT_IN_POWER
CITY = InPower(authority=Name(zh="市水利局", en="City water bureau"), basis=BASIS)
OF = Application(
    number="QX20260302-Q000001-7",
    project_code="",
    project_name="厂房",
    applicant="示例公司",
    scenario=name("plant"),
)


def delegated(code: str, **fields: object) -> Item:
    return item(code, status=ItemStatus.DELEGATED, in_power=CITY, **fields)


def found(one: Catalogue, *items: str, held: dict[str, str] | None = None) -> dict[str, str | None]:
    return {a.item: a.outcome for a in answers(one, planned(one, held), items)}


def test_every_item_has_its_outcome_and_the_rule_that_decided() -> None:
    one = of(
        [
            item("AA", applies_when="floor_area >= 500"),
            item("BB", applies_when="is_large and floor_area < 1000"),
            item("CC"),
            item("DD", status=ItemStatus.SUSPENDED),
            item("EE", applies_when=None),
            delegated("FF", applies_when="is_large"),
            delegated("GG", applies_when="not is_large"),
        ]
    )
    assert found(one, held={"CC": "No. 7"}) == {
        "AA": None,
        "BB": NOT_NEEDED,
        "CC": NOT_NEEDED,
        "DD": NOT_NEEDED,
        "EE": None,
        "FF": NOT_IN_POWER,
        "GG": NOT_NEEDED,
    }
    by_code = {a.item: a for a in answers(one, planned(one, {"CC": "No. 7"}))}
    assert by_code["BB"].decided_by == "floor_area < 1000"
    assert by_code["BB"].because.zh == "不适用：floor_area < 1000（“总建筑面积”1200 m2）"
    assert "No. 7" in by_code["CC"].because.en
    assert by_code["FF"].in_power == CITY
    assert by_code["GG"].in_power is None


def test_an_item_outside_the_kind_of_project_is_decided_by_its_facts_or_not_at_all() -> None:
    one = of(
        [
            item("AA"),
            item("BB", applies_when="not is_large"),
            item("CC", applies_when="depth > 3"),
            item("DD", status=ItemStatus.CANCELLED, applies_when="depth > 3"),
        ],
        scenarios=[scenario(["AA"])],
    )
    assert found(one, "BB", "DD", "BB") == {"BB": NOT_NEEDED, "DD": NOT_NEEDED}
    with pytest.raises(UndecidedError) as caught:
        found(one, "BB", "CC")
    assert (caught.value.item, caught.value.rule) == ("CC", "depth > 3")


def test_where_something_is_to_be_applied_for_here_there_is_no_such_answer() -> None:
    one = of([item("AA"), delegated("BB"), item("CC", applies_when="False")])
    all_of_them = answers(one, planned(one))
    assert outcome_of(all_of_them) is None
    assert outcome_of(all_of_them[1:]) is NOT_IN_POWER
    assert outcome_of(all_of_them[2:]) is NOT_NEEDED


def test_what_is_accepted_names_what_is_to_be_applied_for_elsewhere() -> None:
    one = of([item("AA"), delegated("BB"), delegated("CC", applies_when="not is_large")])
    assert [a.item for a in elsewhere(one, planned(one))] == ["BB"]
    assert elsewhere(of([item("AA")]), planned(of([item("AA")]))) == ()


@pytest.mark.parametrize(
    ("status", "in_power", "wanted"),
    [
        (ItemStatus.DELEGATED, CITY, []),
        (ItemStatus.DELEGATED, None, ["in-power"]),
        (ItemStatus.ACTIVE, CITY, ["in-power"]),
        (ItemStatus.CANCELLED, CITY, ["in-power", "not-active"]),
    ],
)
def test_a_delegated_item_says_who_is_in_power_and_no_other_does(
    status: ItemStatus, in_power: InPower | None, wanted: list[str]
) -> None:
    assert sorted(codes(of([item("AA", status=status, in_power=in_power)]))) == wanted


def test_who_is_in_power_is_public() -> None:
    text = markdown(of([delegated("AA")]), "zh")
    assert "市水利局: 行政许可法 42" in text


def test_a_catalogue_without_such_items_keeps_its_digest() -> None:
    assert '"in_power"' not in of([item("AA")]).model_dump_json()


RULES = st.sampled_from(
    ["True", "is_large", "not is_large", "floor_area > 1000", "is_large and floor_area < 1500"]
)
STATUSES = st.sampled_from([ItemStatus.ACTIVE, ItemStatus.SUSPENDED, ItemStatus.DELEGATED])


@given(
    rules=st.lists(st.tuples(RULES, STATUSES), min_size=1, max_size=5),
    floor_area=st.integers(0, 2000),
    is_large=st.booleans(),
    held=st.booleans(),
)
def test_the_outcomes_are_those_of_a_plain_reckoning_and_of_the_plan(
    rules: list[tuple[str, ItemStatus]], floor_area: int, is_large: bool, held: bool
) -> None:
    items = [
        item(
            f"A{place}",
            applies_when=rule,
            status=status,
            in_power=CITY if status is ItemStatus.DELEGATED else None,
        )
        for place, (rule, status) in enumerate(rules)
    ]
    one = of(items)
    facts = {"floor_area": floor_area, "is_large": is_large}
    claimed = {"A0": "No. 1"} if held else {}
    drawn = plan(one, CALENDAR, "plant", {**ANSWERS, **facts}, claimed, START)
    expected: list[str | None] = []
    for place, (rule, status) in enumerate(rules):
        applies = status is not ItemStatus.SUSPENDED and eval(rule, {}, facts)
        ours = "not_in_power" if status is ItemStatus.DELEGATED else None
        if not applies or (ours is None and held and place == 0):
            ours = "not_needed"
        expected.append(ours)
    got = answers(one, drawn)
    assert [a.outcome for a in got] == expected
    assert (outcome_of(got) is None) == bool(drawn.steps)


def test_that_no_licence_is_needed_is_said_in_writing_with_the_rule() -> None:
    """ALL 32(1)."""
    why = Needless(item="AA", item_name=name("甲"), because=Name(zh="不适用：小", en="Not: small"))
    sheet = sheets_unaccepted.not_needed(OF, name("中心"), date(2026, 3, 2), [why])
    assert (sheet.kind, sheet.number) == (DocumentKind.NOT_NEEDED, OF.number)
    assert "行政许可法》32(1)" in sheet.text[0].zh
    assert sheet.sections[0].points == ("甲（AA）：不适用：小  甲: Not: small",)
    assert "项目代码" not in {one.label.zh for one in sheet.lines}
    with pytest.raises(ValueError, match="no item"):
        sheets_unaccepted.not_needed(OF, name("中心"), date(2026, 3, 2), [])


def test_that_we_are_not_in_power_says_who_is_and_what_can_be_done() -> None:
    """ALL 32(2)."""
    theirs = Elsewhere(item="BB", item_name=name("乙"), authority=name("市局"), basis="令 9")
    sheet = sheets_unaccepted.not_in_power(OF, name("中心"), date(2026, 3, 2), [theirs])
    assert sheet.kind is DocumentKind.NOT_IN_POWER
    who, remedies = sheet.sections
    assert who.points == ("乙（BB）：请向市局申请（令 9）  乙: apply to 市局",)
    assert "六十日" in remedies.points[0]
    with pytest.raises(ValueError, match="who is in power"):
        sheets_unaccepted.not_in_power(OF, name("中心"), date(2026, 3, 2), [])


def test_the_receipt_of_an_application_names_what_is_not_ours() -> None:
    theirs = Elsewhere(item="BB", item_name=name("乙"), authority=name("市局"), basis="令 9")
    sheet = sheets.submission(OF, name("中心"), date(2026, 3, 2), ["图纸"], [theirs])
    assert [one.title.zh for one in sheet.sections] == ["收到的材料", "不属于本机关职权范围的事项"]
