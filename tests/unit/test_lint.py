from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import Silence, Unit
from services.domain.catalogue import (
    Basis,
    Catalogue,
    Constraint,
    Consulted,
    Fee,
    GroupDay,
    ItemStatus,
)
from services.domain.findings import Place, Places, Sourced
from services.domain.lint import errors, lint
from services.domain.planner import PlanError
from tests.unit.builders import (
    BASIS,
    catalogue,
    days,
    group,
    item,
    name,
    of,
    planned,
    scenario,
)
from tests.unit.linting import NO, asking, codes, found, notes, text


def test_a_good_catalogue_has_no_finding() -> None:
    assert found(catalogue()) == ()


def test_a_finding_names_file_line_and_reason_in_both_languages() -> None:
    places: Places = {
        ("items", "AA"): [Place(file="items/first.yaml", line=7, fields={"promised": 11})]
    }
    one = of([item("AA", promised=7)])
    finding = found(one, places)[0]
    assert (finding.place.file, finding.place.line, finding.code) == (
        "items/first.yaml",
        11,
        "one-third",
    )
    assert str(finding) == (
        "items/first.yaml:11: one-third: AA promises 7 working days: more than a third of the"
        " statutory 20 (at most: 6 working days)"
    )
    assert finding.zh == "AA 承诺 7 个工作日，超过法定 20 的三分之一（上限：6 个工作日）"


def test_findings_stand_in_the_order_of_files_and_lines() -> None:
    places: Places = {
        ("items", "AA"): [Place(file="b.yaml", line=2)],
        ("items", "BB"): [Place(file="a.yaml", line=9)],
        ("items", "CC"): [Place(file="b.yaml", line=1)],
    }
    one = of([item(code, applies_when=None) for code in ("AA", "BB", "CC")])
    assert [(f.place.file, f.place.line) for f in found(one, places)] == [
        ("a.yaml", 9),
        ("b.yaml", 1),
        ("b.yaml", 2),
    ]


# Promises


@pytest.mark.parametrize(
    ("statutory", "promised", "good"),
    [
        (days(20), days(6), True),
        (days(20), days(7), False),
        (days(2), days(0), True),
        (days(2), days(1), False),
        (None, days(30), True),
        (days(30, Unit.CALENDAR_DAY), days(10, Unit.CALENDAR_DAY), True),
        (days(30, Unit.CALENDAR_DAY), days(11, Unit.CALENDAR_DAY), False),
        (days(30, Unit.CALENDAR_DAY), days(1), False),
        (days(30, Unit.CALENDAR_DAY), days(0), True),
        (days(30), days(10, Unit.CALENDAR_DAY), True),
    ],
)
def test_a_promise_is_at_most_a_third(statutory: Any, promised: Any, good: bool) -> None:
    one = of([item("AA", statutory=statutory, promised=promised)])
    assert codes(one) == ([] if good else ["one-third"])


def test_the_one_third_rule_binds_project_construction_alone() -> None:
    assert codes(of([item("AA", promised=20, project_construction=False)])) == []


# References


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"department": "nobody"}, "unknown-department"),
        ({"co_deciders": ("nobody",)}, "unknown-department"),
        ({"consulted": (Consulted(department="nobody"),)}, "unknown-department"),
        ({"stage": "nowhere"}, "unknown-stage"),
        ({"group": "nothing"}, "unknown-group"),
        ({"materials": ({"material": "nothing"},)}, "unknown-material"),
        ({"fee": Fee(standard="nothing")}, "unknown-fee"),
        ({"after": ["NOTHING"]}, "unknown-item"),
        ({"any_of": [("NOTHING",)]}, "unknown-item"),
        ({"on_trust": ["NOTHING"]}, "unknown-item"),
        ({"legal_basis": (Basis(law="x", source="NOWHERE"),)}, "unknown-source"),
        ({"fee": Fee(free=Basis(law="x", source="NOWHERE"))}, "unknown-source"),
    ],
)
def test_an_item_refers_only_to_what_is_there(change: dict[str, Any], code: str) -> None:
    assert codes(of([item("AA", **({"department": "fire"} | change))])) == [code]


def test_a_source_of_the_county_is_known() -> None:
    basis = (Basis(law="x", source="ALL"),)
    one = of([item("AA", legal_basis=basis)], county={"sources": {"ALL": "行政许可法"}})
    assert codes(one) == []


def test_groups_materials_and_constraints_refer_only_to_what_is_there() -> None:
    one = of(
        [item("AA", group="joint", materials=({"material": "deed"},))],
        groups=[
            group(lead="nobody", consulted=(Consulted(department="none"),), issue_order=("ZZ",))
        ],
        materials=({"id": "deed", "name": name("deed"), "result_of": "ZZ"},),
        constraints=(Constraint(never="is_large", question="nothing", message=NO),),
    )
    assert codes(one) == [
        "example",
        "issue-order",
        "unknown-department",
        "unknown-department",
        "unknown-item",
        "unknown-item",
        "unknown-question",
    ]


def test_a_scenario_refers_only_to_items_and_questions_that_are_there() -> None:
    one = of([item("AA")], scenarios=[scenario(["AA", "ZZ"], questions=({"question": "what"},))])
    assert codes(one) == ["unknown-item", "unknown-question"]
    assert "plant refers to an item ZZ that is not in the catalogue" in text(one)


def test_duplicates_are_found_where_they_stand() -> None:
    places: Places = {
        ("items", "AA"): [Place(file="a.yaml", line=1), Place(file="b.yaml", line=5)],
    }
    one = of([item("AA"), item("AA")], scenarios=[scenario(["AA", "AA"])])
    assert [(f.code, str(f.place.line)) for f in found(one, places)] == [
        ("duplicate", "5"),
        ("duplicate", "1"),
    ]


# Uses


def test_a_material_nobody_needs_is_refused() -> None:
    one = of([item("AA")], materials=({"id": "deed", "name": name("deed")},))
    assert codes(one) == ["unused-material"]


def test_what_is_not_used_otherwise_is_noted() -> None:
    standard = {"id": "flat", "name": name("flat"), "document": BASIS}
    one = of([item("AA"), item("BB")], fees=(standard,), scenarios=[scenario(["AA"])])
    assert notes(one) == ["unused"] * 5  # BB, flat, fire, housing, water
    assert codes(one) == []


def test_a_fact_that_a_scenario_fixes_is_used() -> None:
    one = asking({"question": "floor_area"}, fixed={"is_large": True, "use": "plant"})
    one = one.model_copy(
        update={
            "scenarios": (one.scenarios[0].model_copy(update={"example": {"floor_area": 1}}),),
        }
    )
    assert codes(one) == []
    assert not any("question" in f.en for f in lint([Sourced(catalogue=one, places={}, where="")]))


def test_an_item_has_a_rule_and_a_basis_for_its_fee() -> None:
    assert codes(of([item("AA", applies_when=None)])) == ["no-rule"]
    assert codes(of([item("AA", fee=Fee())])) == ["fee-basis"]
    standard = {"id": "flat", "name": name("flat"), "document": BASIS}
    both = of([item("AA", fee=Fee(free=BASIS, standard="flat"))], fees=(standard,))
    assert codes(both) == ["fee-basis"]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (ItemStatus.ACTIVE, []),
        (ItemStatus.SUSPENDED, []),
        (ItemStatus.DELEGATED, ["in-power"]),
        (ItemStatus.CANCELLED, ["not-active"]),
    ],
)
def test_a_delegated_or_cancelled_item_stands_in_no_scenario(
    status: ItemStatus, wanted: list[str]
) -> None:
    assert codes(of([item("AA", status=status)])) == wanted


# Silence and groups


def test_the_silence_of_who_decides_is_no_consent() -> None:
    def one(department: str, silence: Silence) -> Catalogue:
        unit = Consulted(department=department, silence=silence)
        return of([item("AA", "fire", co_deciders=("water",), consulted=(unit,))])

    assert codes(one("fire", Silence.NO_OBJECTION)) == ["silence-on-decider"]
    assert codes(one("water", Silence.NO_OBJECTION)) == ["silence-on-decider"]
    assert codes(one("water", Silence.NONE)) == []
    assert codes(one("housing", Silence.NO_OBJECTION)) == []


def test_a_group_is_consistent() -> None:
    def one(**fields: Any) -> Catalogue:
        members = [item("AA", group="joint"), item("BB", group="joint")]
        return of(members, groups=[group(**fields)])

    stretches = (GroupDay(name=name("review"), days=4), GroupDay(name=name("sign"), days=1))
    assert codes(one(days=stretches)) == []
    assert codes(one(days=stretches, budget=6)) == ["group-days"]
    assert codes(one(consulted=(Consulted(department="planning"),))) == ["silence-on-decider"]
    assert codes(one(issue_order=("BB", "AA"))) == []
    assert notes(one(budget=7))[0] == "group-budget"
    assert "group-budget" not in notes(one(budget=6))
    assert "group-budget" not in notes(one(budget=days(7, Unit.CALENDAR_DAY)))
    assert codes(of([item("AA")], groups=[group()])) == ["empty-group"]


# The graph


def test_items_that_wait_for_each_other_are_named() -> None:
    one = of(
        [
            item("AA", after=["CC"]),
            item("BB", any_of=[("AA", "DD")]),
            item("CC", after=["BB"]),
            item("DD", after=["DD"]),
            item("EE", after=["FF"]),
            item("FF", after=["EE"], on_trust=["EE"]),
        ]
    )
    assert codes(one) == ["cycle", "cycle"]
    assert "AA -> BB -> CC -> AA" in text(one)
    assert "DD -> DD" in text(one)


def test_no_more_than_twenty_cycles_are_named() -> None:
    many = [item(f"I-{n}", after=[f"I-{n}"]) for n in range(30)]
    assert codes(of(many)) == ["cycle"] * 20


def test_merged_steps_that_wait_for_each_other_are_named_once() -> None:
    items = [
        item("AA", group="joint"),
        item("BB", after=["AA"]),
        item("CC", group="joint", after=["BB"]),
    ]
    both = [scenario(["AA", "BB", "CC"]), scenario(["AA", "BB", "CC"], code="school")]
    one = of(items, groups=[group()], scenarios=both)
    assert codes(one) == ["merge-cycle"]
    assert "merged steps wait for each other: BB -> joint -> BB" in text(one)
    apart = [scenario(["AA", "BB"]), scenario(["BB", "CC"], code="school")]
    assert codes(of(items, groups=[group()], scenarios=apart)) == []


def test_an_issue_order_agrees_with_the_prerequisites() -> None:
    items = [item("AA", group="joint", after=["BB"]), item("BB", group="joint")]
    assert codes(of(items, groups=[group(issue_order=("BB", "AA"))])) == []
    assert codes(of(items, groups=[group(issue_order=("AA", "BB"))])) == ["issue-order"]


@given(st.data())
def test_what_lint_lets_through_can_be_planned(data: st.DataObject) -> None:
    """And what it refuses for a cycle cannot, when every item applies."""
    names = [f"I-{n}" for n in range(data.draw(st.integers(2, 6)))]
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)
    in_group = st.sampled_from([None, None, "joint", "other"])
    items = [item(code, after=data.draw(some), group=data.draw(in_group)) for code in names]
    groups = [group(code) for code in ("joint", "other") if any(i.group == code for i in items)]
    one = of(items, groups=groups)
    if codes(one):
        assert set(codes(one)) <= {"cycle", "merge-cycle", "issue-order"}
        itself = {i.code for i in items if i.code in i.prerequisites.all_of}
        if not itself:
            with pytest.raises(PlanError):
                planned(one)
    else:
        assert len(planned(one).verdicts) == len(names)


# Versions


def versions(*periods: tuple[str, date, date | None]) -> list[str]:
    heads = [{"version": v, "effective_from": a, "effective_to": b} for v, a, b in periods]
    sourced = [
        Sourced(catalogue=catalogue(county=head), places={}, where=str(number))
        for number, head in enumerate(heads)
    ]
    return [f.code for f in errors(lint(sourced))]


def test_versions_do_not_overlap() -> None:
    first, last, after = date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)
    assert versions(("a", first, last), ("b", after, None)) == []
    assert versions(("b", after, None), ("a", first, last)) == []
    assert versions(("a", first, None), ("b", after, None)) == ["overlap"]
    assert versions(("a", first, after), ("b", after, None)) == ["overlap"]
    assert versions(("a", first, last), ("a", after, None)) == ["overlap"]
    assert versions(("a", after, first)) == ["period"]


def test_versions_of_two_counties_have_nothing_to_do_with_each_other() -> None:
    sourced = [
        Sourced(catalogue=catalogue(county={"code": code}), places={}, where=code)
        for code in ("LS", "MX")
    ]
    assert errors(lint(sourced)) == ()
