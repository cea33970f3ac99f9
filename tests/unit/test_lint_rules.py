from typing import Any

import pytest

from services.domain.catalogue import (
    Catalogue,
    Constraint,
    Consulted,
    Fee,
)
from tests.unit.builders import (
    ANSWERS,
    BASIS,
    catalogue,
    group,
    item,
    name,
    of,
    scenario,
)
from tests.unit.linting import ASKED, NO, USE, asking, codes, found, text


@pytest.mark.parametrize("rule", ["open('x')", "is_large and", "is_large is True"])
def test_a_rule_that_cannot_be_read_is_refused(rule: str) -> None:
    one = of([item("AA", applies_when=rule)])
    assert codes(one) == ["bad-rule"]
    assert "column" in text(one)


def test_every_place_of_a_rule_is_read() -> None:
    standard = {"id": "flat", "name": name("flat"), "document": BASIS}
    bad = "area.x"
    one = of(
        [
            item(
                "AA",
                applies_when=bad,
                fee=Fee(standard="flat", when=bad),
                materials=({"material": "deed", "when": bad},),
                consulted=(Consulted(department="fire", when=bad),),
                group="joint",
            )
        ],
        groups=[group(consulted=(Consulted(department="fire", when=bad),))],
        fees=(standard,),
        materials=({"id": "deed", "name": name("deed")},),
        constraints=(Constraint(never=bad, question="is_large", message=NO),),
        scenarios=[
            scenario(
                ["AA"],
                questions=({"question": "floor_area"}, {"question": "is_large", "when": bad}),
            )
        ],
    )
    kinds = sorted(f.en.split(":")[0] for f in found(one) if f.code == "bad-rule")
    assert kinds == ["AA", "is_large", "joint", "plant"]  # the four rules of AA are one finding
    assert codes(one) == ["bad-rule"] * 4


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        ("use == 'plant'", True),
        ("use in ['plant', 'shop']", True),
        ("use == 'palace'", False),
        ("use in ['plant', 'palace']", False),
        ("use > 'plant'", False),
        ("use == 3", False),
        ("use", False),
        ("is_large == False", True),
        ("is_large > 1", False),
        ("is_large == 'yes'", False),
        ("is_large in [True]", False),
        ("floor_area >= 3", True),
        ("floor_area in [1, 2.5]", True),
        ("floor_area == '3'", False),
        ("floor_area == True", False),
        ("not floor_area", False),
        ("land == 'granted'", True),
        ("land > 3", False),
        ("storeys > 3", True),
        ("storeys == 'three'", False),
        ("heated", True),
        ("heated == 'yes'", False),
    ],
)
def test_a_rule_compares_like_with_like(rule: str, good: bool) -> None:
    one = asking(
        *ASKED,
        {"question": "use"},
        items=[item("AA", applies_when=rule)],
        fixed={"land": "granted", "storeys": 3, "heated": True},
        example=ANSWERS | {"use": "plant"},
    )
    assert codes(one) == ([] if good else ["rule-type"])


@pytest.mark.parametrize(
    "change",
    [
        {"applies_when": "use == 'plant'"},
        {"materials": ({"material": "deed", "when": "use == 'plant'"},)},
        {"consulted": (Consulted(department="fire", when="use == 'plant'"),)},
        {"fee": Fee(free=BASIS, when="use == 'plant'")},
        {"applies_when": "storeys > 3"},
    ],
)
def test_a_rule_uses_only_facts_that_the_scenario_provides(change: dict[str, Any]) -> None:
    materials = ({"id": "deed", "name": name("deed")},) if "materials" in change else ()
    one = asking(*ASKED, items=[item("AA", **change)], parts={"materials": materials})
    assert codes(one) == ["unknown-fact"]
    assert "the scenario plant does not provide" in text(one)


def test_a_groups_rule_uses_only_facts_that_its_scenarios_provide() -> None:
    units = (Consulted(department="fire", when="use == 'plant'"),)
    parts = {"groups": [group(consulted=units)]}
    members = [item("AA", group="joint")]
    assert codes(asking(*ASKED, items=members, parts=parts)) == ["unknown-fact"]


def test_a_question_asked_on_condition_provides_a_fact_only_with_an_answer_otherwise() -> None:
    rule = [item("AA", applies_when="use == 'plant'")]
    on_condition = {"question": "use", "when": "is_large"}
    example = ANSWERS | {"use": "shop"}
    assert codes(asking(*ASKED, on_condition, items=rule, example=example)) == ["unknown-fact"]
    answered = on_condition | {"otherwise": "shop"}
    assert codes(asking(*ASKED, answered, items=rule, example=example)) == []


def test_a_question_hangs_only_on_facts_known_before_it() -> None:
    early = {"question": "use", "when": "is_large", "otherwise": "shop"}
    example = ANSWERS | {"use": "shop"}
    assert codes(asking(early, *ASKED, example=example)) == ["unknown-fact"]


def test_a_question_does_not_hang_on_one_that_may_not_be_asked() -> None:
    area, large = ASKED
    on_condition = large | {"when": "floor_area > 10"}
    use = {"question": "use", "when": "is_large", "otherwise": "shop"}
    example = ANSWERS | {"use": "shop"}
    assert codes(asking(area, on_condition, use, example=example)) == ["unknown-fact"]
    answered = on_condition | {"otherwise": False}
    assert codes(asking(area, answered, use, example=example)) == []


def test_a_constraint_can_hold_in_some_scenario() -> None:
    def one(never: str) -> Catalogue:
        rule = Constraint(never=never, question="is_large", message=NO)
        return asking(*ASKED, parts={"constraints": (rule,)})

    assert codes(one("is_large and floor_area < 10")) == []
    assert codes(one("is_large and use == 'plant'")) == ["unknown-fact"]


def test_a_fee_is_measured_by_a_fact() -> None:
    def one(quantity: str) -> Catalogue:
        standard = {"id": "flat", "name": name("flat"), "document": BASIS, "quantity": quantity}
        charged = [item("AA", fee=Fee(standard="flat"))]
        return asking(*ASKED, items=charged, fixed={"trees": 3}, parts={"fees": (standard,)})

    assert codes(one("floor_area")) == []
    assert codes(one("trees")) == []
    assert codes(one("pieces")) == ["unknown-fact"]


# Questions and scenarios


@pytest.mark.parametrize(
    "change",
    [
        {"type": "choice"},
        {"options": USE["options"]},
        {"minimum": 1},
        {"maximum": 1},
        {"type": "number", "minimum": 2, "maximum": 1},
    ],
)
def test_a_question_can_be_asked(change: dict[str, Any]) -> None:
    question = {"id": "use", "text": name("use"), "type": "boolean"} | change
    questions = (*catalogue().questions, question)
    assert codes(asking(*ASKED, parts={"questions": questions})) == ["question"]


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ((*ASKED, {"question": "is_large"}), {}),
        (ASKED, {"fixed": {"is_large": True}}),
        (ASKED, {"fixed": {"use": "palace"}}),
        ((*ASKED, {"question": "use", "when": "not is_large", "otherwise": "palace"}), {}),
    ],
)
def test_a_scenario_asks_and_fixes_each_fact_once_with_a_possible_answer(
    asked: tuple[dict[str, Any], ...], fields: dict[str, Any]
) -> None:
    assert codes(asking(*asked, **fields)) == ["question"]


def test_the_example_of_a_scenario_is_a_valid_application() -> None:
    one = asking(*ASKED, example={"floor_area": -1, "use": "plant"})
    assert codes(one) == ["example"] * 3
    assert "the example of plant: is_large: No answer to: Is it large" in text(one)
