import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.applicability import (
    Fact,
    RuleError,
    comparisons,
    compiled,
    decide,
    holds,
    names,
)

FACTS: dict[str, Fact] = {"area": 600, "kind": "plant", "is_large": True, "is_old": False}


@pytest.mark.parametrize(
    ("rule", "verdict", "because"),
    [
        ("True", True, "True"),
        ("False", False, "False"),
        ("is_large", True, "is_large"),
        ("not is_old", True, "not is_old"),
        ("not (is_old or area > 9000)", True, "is_old or area > 9000"),
        ("not (is_large and area > 500)", False, "is_large and area > 500"),
        ("area >= 500 and is_large", True, "area >= 500 and is_large"),
        ("area >= 500 and is_old and is_large", False, "is_old"),
        ("is_old or area < 700 or is_large", True, "area < 700"),
        ("is_old or area > 700", False, "is_old or area > 700"),
        ("is_large and (is_old or kind == 'shop')", False, "is_old or kind == 'shop'"),
        ("is_old or (is_large and area != 0)", True, "is_large and area != 0"),
        ("500 <= area <= 700", True, "500 <= area <= 700"),
        ("kind in ['plant', 'shop']", True, "kind in ['plant', 'shop']"),
        ("kind not in ('plant', 'shop')", False, "kind not in ('plant', 'shop')"),
        ("area > -1.5", True, "area > -1.5"),
        ("is_large == True", True, "is_large == True"),
        ("area\n  > 1", True, "area > 1"),
    ],
)
def test_a_rule_says_its_verdict_and_which_part_decided(
    rule: str, verdict: bool, because: str
) -> None:
    decision = decide(rule, FACTS)
    assert (decision.holds, decision.because) == (verdict, because)
    assert holds(rule, FACTS) is verdict


def test_a_decision_shows_the_facts_that_its_deciding_part_saw() -> None:
    assert decide("is_large and (is_old or area > 900)", FACTS).facts == {
        "is_old": False,
        "area": 600,
    }


def test_no_rule_always_holds() -> None:
    assert holds(None, {})


@pytest.mark.parametrize(
    ("rule", "column", "reason"),
    [
        ("area.real > 1", 1, "only facts and constants"),
        ("len(kind) > 1", 1, "only facts and constants"),
        ("is_large and open('x')", 14, "a condition is expected"),
        ("area", 1, "neither True nor False"),
        ("area + 1 > 2", 1, "only facts and constants"),
        ("kind is 'plant'", 9, "write =="),
        ("1 < 2", 1, "constants only"),
        ("kind in other", 9, "takes a list"),
        ("kind == ['plant']", 9, "takes a list"),
        ("kind in ['a', [1]]", 15, "only facts and constants"),
        ("is_large == true", 13, "write True"),
        ("false", 1, "write False"),
        ("area >", 6, "not an expression"),
        ("is_large\0", 1, "not an expression"),
        ("lambda: 1", 1, "a condition is expected"),
        ("is_large and missing", 14, "`missing` is not known"),
        ("missing > 1", 1, "`missing` is not known"),
        ("area < 'large'", 1, "cannot compare 600, 'large'"),
        ("'面' == kind and x", 17, "`x` is not known"),
        (f"{'not ' * 50_000}is_large", 1, "not an expression"),
        (f"{'(' * 300}area > 1{')' * 300}", 200, "not an expression"),
    ],
)
def test_a_bad_rule_is_refused_with_its_column(rule: str, column: int, reason: str) -> None:
    with pytest.raises(RuleError) as refused:
        decide(rule, FACTS | {"kind": "面"})
    assert reason in refused.value.reason
    assert refused.value.column == column or "not an expression" in reason
    assert refused.value.rule in str(refused.value)


def test_names_are_the_facts_a_rule_uses() -> None:
    assert names("a > 1 and (b or not c) and c in ['x'] or d == e") == {"a", "b", "c", "d", "e"}


def test_comparisons_show_facts_against_constants_from_either_side() -> None:
    found = comparisons("a > 1 and not b and 2 < c <= 9 and d in ['x', 'y'] and e == f and True")
    assert [(c.fact, c.operator.__name__, c.values) for c in found] == [
        ("a", "Gt", (1,)),
        ("b", "Eq", (True,)),
        ("c", "Lt", (2,)),
        ("c", "LtE", (9,)),
        ("d", "In", ("x", "y")),
    ]


def test_a_rule_is_compiled_once() -> None:
    assert compiled("area > 1") is compiled("area > 1")


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Random rules over a, b (booleans) and n (number)."""
    leaves = st.sampled_from(["a", "b", "n > 3", "n in [1, 2]", "2 <= n < 5", "n != 0"])
    tree = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
                lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
            ),
            inner.map(lambda part: f"(not {part})"),
        ),
        max_leaves=8,
    )
    return draw(tree)


@given(expressions(), st.booleans(), st.booleans(), st.integers(-1, 6))
def test_rules_agree_with_python(rule: str, a: bool, b: bool, n: int) -> None:
    facts: dict[str, Fact] = {"a": a, "b": b, "n": n}
    decision = decide(rule, facts)
    assert decision.holds is eval(rule, {"__builtins__": {}}, dict(facts))


@given(expressions(), st.booleans(), st.booleans(), st.integers(-1, 6))
def test_the_deciding_part_alone_decides(rule: str, a: bool, b: bool, n: int) -> None:
    """Whatever the facts outside the deciding part are, the verdict stays the same."""
    facts: dict[str, Fact] = {"a": a, "b": b, "n": n}
    decision = decide(rule, facts)
    others = [name for name in facts if name not in decision.facts]
    values: dict[str, tuple[Fact, ...]] = {"a": (True, False), "b": (True, False), "n": (-1, 3, 9)}
    for other in others:
        for value in values[other]:
            assert decide(rule, facts | {other: value}).holds is decision.holds
