from typing import Any

import pytest

from services.domain.catalogue import Catalogue, Constraint, Name
from services.domain.facts import FactsError, described, labels, scenario_of, validate
from tests.unit.builders import ANSWERS, catalogue, scenario

USE = {
    "id": "use",
    "text": Name(zh="用途", en="Use"),
    "type": "choice",
    "options": (
        {"value": "plant", "name": Name(zh="厂房", en="plant")},
        {"value": "shop", "name": Name(zh="商铺", en="shop")},
    ),
}
DEPTH = {"id": "depth", "text": Name(zh="深度", en="Depth"), "type": "number", "minimum": 1.5}
FREE = {"id": "free_number", "text": Name(zh="数", en="A number"), "type": "number"}
MOST = {"id": "at_most", "text": Name(zh="至多", en="At most"), "type": "number", "maximum": 3}
OTHER = {"id": "elsewhere", "text": Name(zh="别处", en="Elsewhere"), "type": "boolean"}
NEVER = Constraint(
    never="use == 'shop' and floor_area > 5000",
    question="floor_area",
    message=Name(zh="商铺没有这么大。", en="No shop is that large."),
)
GOOD: dict[str, Any] = {"use": "plant", "floor_area": 4000.0, "is_large": True, "depth": 2}


def county(**fields: Any) -> Catalogue:
    base = catalogue()
    asked = (
        {"question": "use"},
        {"question": "floor_area"},
        {"question": "is_large"},
        {"question": "depth", "when": "is_large", "otherwise": 1.5},
        {"question": "free_number", "when": "depth > 3"},
        {"question": "at_most", "when": "depth > 3", "otherwise": 0},
    )
    questions = (*base.questions, USE, DEPTH, FREE, MOST, OTHER)
    given: dict[str, Any] = {
        "questions": questions,
        "constraints": (NEVER,),
        "scenarios": (
            scenario((i.code for i in base.items), questions=asked, fixed={"land": "granted"}),
        ),
    }
    return catalogue(**(given | fields))


def check(answers: dict[str, Any], held: dict[str, str] | None = None) -> dict[str, Any]:
    found = county()
    return validate(found, found.scenarios[0], answers, held)


def problems(answers: dict[str, Any], held: dict[str, str] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(FactsError) as refused:
        check(answers, held)
    for problem in refused.value.problems:
        assert problem.message.zh
        assert problem.message.en
        assert problem.fix.zh
        assert problem.fix.en
        assert problem.question in str(refused.value)
    return [(problem.question, problem.code) for problem in refused.value.problems]


def test_facts_are_fixed_asked_and_implied_sorted_by_name_whole_numbers_as_integers() -> None:
    facts = check(GOOD)
    assert facts == {
        "at_most": 0,
        "depth": 2,
        "floor_area": 4000,
        "is_large": True,
        "land": "granted",
        "use": "plant",
    }
    assert list(facts) == sorted(facts)
    assert isinstance(facts["floor_area"], int)


def test_the_order_of_the_answers_does_not_matter() -> None:
    assert list(check(dict(reversed(GOOD.items()))).items()) == list(check(GOOD).items())


def test_a_question_that_is_not_asked_has_its_other_answer() -> None:
    facts = check({"use": "plant", "floor_area": 1, "is_large": False})
    assert facts["depth"] == 1.5
    assert "free_number" not in facts


def test_every_problem_is_told_at_once() -> None:
    assert problems({"use": "palace", "floor_area": -1, "is_larg": True, "elsewhere": True}) == [
        ("use", "option"),
        ("floor_area", "range"),
        ("is_large", "missing"),
        ("elsewhere", "not_asked"),
        ("is_larg", "unknown_question"),
    ]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"is_large": "yes"}, [("is_large", "type")]),
        ({"is_large": 1}, [("is_large", "type")]),
        ({"floor_area": "4000"}, [("floor_area", "type")]),
        ({"floor_area": True}, [("floor_area", "type")]),
        ({"floor_area": float("nan")}, [("floor_area", "type")]),
        ({"floor_area": float("inf")}, [("floor_area", "type")]),
        ({"floor_area": 1_000_001}, [("floor_area", "range")]),
        ({"use": None}, [("use", "option")]),
        ({"use": ["plant"]}, [("use", "option")]),
        ({"depth": 1}, [("depth", "range")]),
        ({"depth": 4, "free_number": 1, "at_most": 4}, [("at_most", "range")]),
        ({"depth": 4, "free_number": "x", "at_most": 3}, [("free_number", "type")]),
        ({"depth": 4, "at_most": 3}, [("free_number", "missing")]),
        ({"is_large": False}, [("depth", "not_asked")]),
        ({"land": "allocated"}, [("land", "not_asked")]),
        ({"zzz": 1}, [("zzz", "unknown_question")]),
        ({"use": "shop", "floor_area": 6000}, [("floor_area", "combination")]),
    ],
)
def test_a_problem_names_its_question(change: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert problems(GOOD | change) == found


def test_what_is_not_asked_may_be_given_as_it_is_anyway() -> None:
    assert check(GOOD | {"land": "granted", "at_most": 0}) == check(GOOD)


def test_what_hangs_on_a_missing_answer_is_neither_missing_nor_superfluous() -> None:
    assert problems({"use": "plant", "floor_area": 1, "depth": 2}) == [("is_large", "missing")]


def test_the_fix_says_what_to_answer() -> None:
    with pytest.raises(FactsError) as refused:
        check({"use": "shop", "floor_area": 6000, "is_larg": True})
    fixes = {problem.question: problem.fix.en for problem in refused.value.problems}
    assert fixes["is_large"] == "Answer true or false."
    assert fixes["is_larg"] == "Is is_large meant?"
    assert "“Use”" in fixes["floor_area"]
    with pytest.raises(FactsError) as refused:
        check({})
    fixes = {problem.question: problem.fix.en for problem in refused.value.problems}
    assert fixes["use"] == "Choose one of: plant, shop."
    assert fixes["floor_area"] == "Give a number (m2), not below 0, not above 1000000."


def test_a_held_result_of_an_unknown_item_is_a_problem() -> None:
    assert problems(GOOD, {"NO-SUCH": "1", "A-FILING": "2"}) == [("held", "unknown_item")]


def test_an_unknown_scenario_lists_those_there_are() -> None:
    with pytest.raises(FactsError) as refused:
        scenario_of(county(), "palace")
    assert refused.value.problems[0].fix.en == "Choose one of: plant."


def test_a_constraint_about_a_question_of_another_scenario_still_names_it() -> None:
    """The question to change may be unknown to a catalogue that was never linted."""
    odd = Constraint(never="is_large", question="nowhere", message=Name(zh="不", en="no"))
    found = catalogue(constraints=(odd,))
    with pytest.raises(FactsError) as refused:
        validate(found, found.scenarios[0], ANSWERS)
    assert refused.value.problems[0].question == "nowhere"


def test_answers_are_shown_as_people_read_them() -> None:
    found = county()
    shown = {name: (text.zh, answer.zh) for name, text, answer in labels(found, check(GOOD))}
    assert shown["is_large"] == ("是否大型", "是")
    assert shown["use"] == ("用途", "厂房")
    assert shown["floor_area"] == ("总建筑面积", "4000 m2")
    assert shown["land"] == ("land", "granted")
    assert described(None, False).en == "no"
