import itertools
import json
import random
import time
from datetime import UTC, date, datetime

import pytest

from services.contracts.vocabulary import Part, Silence, Unit
from services.domain.catalogue import (
    Consulted,
    ItemStatus,
)
from services.domain.facts import FactsError
from services.domain.graph import CycleError, generations
from services.domain.plan import Plan, PlanStep, Verdict
from services.domain.planner import PlanError, plan
from tests.unit.builders import (
    ANSWERS,
    CALENDAR,
    START,
    catalogue,
    days,
    group,
    item,
    of,
    planned,
    rectification,
    scenario,
)

CALENDAR_DAYS = Unit.CALENDAR_DAY


def step(found: Plan, code: str) -> PlanStep:
    return next(step for step in found.steps if step.code == code)


# Which items


def test_every_item_of_the_scenario_has_a_verdict_with_the_rule_that_decided() -> None:
    rule = "is_large and floor_area < 1000"
    found = planned(
        of(
            [
                item("AA", applies_when="floor_area >= 500"),
                item("BB", applies_when=rule),
                item("CC", applies_when=None),
                item("DD", status=ItemStatus.SUSPENDED),
                item("EE"),
            ],
        ),
        held={"EE": "No. 7"},
    )
    verdicts = {v.item: v for v in found.verdicts}
    assert {code: v.verdict for code, v in verdicts.items()} == {
        "AA": Verdict.APPLIES,
        "BB": Verdict.DOES_NOT_APPLY,
        "CC": Verdict.APPLIES,
        "DD": Verdict.NOT_ACTIVE,
        "EE": Verdict.HELD,
    }
    assert (verdicts["BB"].rule, verdicts["BB"].decided_by) == (rule, "floor_area < 1000")
    assert verdicts["BB"].because.zh == "不适用：floor_area < 1000（“总建筑面积”1200 m2）"
    assert verdicts["AA"].because.en == "Applies: floor_area >= 500 (“Total floor area” 1200 m2)"
    assert "No. 7" in verdicts["EE"].because.en
    assert [s.code for s in found.steps] == ["AA", "CC"]


def test_a_held_result_of_an_item_that_does_not_apply_changes_nothing() -> None:
    found = planned(of([item("AA"), item("BB", applies_when="not is_large")]), held={"BB": "1"})
    assert [v.verdict for v in found.verdicts] == [Verdict.APPLIES, Verdict.DOES_NOT_APPLY]


def test_bad_facts_are_refused() -> None:
    with pytest.raises(FactsError):
        plan(catalogue(), CALENDAR, "plant", {}, {}, START)
    with pytest.raises(FactsError):
        plan(catalogue(), CALENDAR, "palace", ANSWERS, {}, START)


def test_a_project_that_needs_nothing_is_promised_on_the_day() -> None:
    found = planned(of([item("AA", applies_when="not is_large")]))
    assert (found.steps, found.critical_path, found.promised_days) == ((), (), 0)
    assert (found.promised_on, found.totals.ratio_to_serial) == (START, None)


# Merging


def test_items_of_a_group_become_one_step_with_its_consulted_units() -> None:
    joint = step(planned(catalogue()), "joint")
    assert [(p.item, p.department, p.part, p.silence) for p in joint.parts] == [
        ("C-FIRE", "fire", Part.DECIDE, Silence.NONE),
        ("D-DRAWING", "housing", Part.DECIDE, Silence.NONE),
        ("C-FIRE", "water", Part.CONSULT, Silence.NO_OBJECTION),
    ]
    assert joint.rectification is not None
    assert joint.rectification.limit == days(3)


def test_units_are_consulted_on_the_item_of_the_leading_department() -> None:
    units = (Consulted(department="water"),)
    joint = step(planned(catalogue(groups=[group(lead="housing", consulted=units)])), "joint")
    assert [(p.item, p.department) for p in joint.parts if p.part is Part.CONSULT] == [
        ("D-DRAWING", "water")
    ]


def test_a_unit_is_consulted_only_when_its_rule_holds() -> None:
    units = (
        Consulted(department="water", when="not is_large"),
        Consulted(department="planning", when="is_large"),
    )
    joint = step(planned(catalogue(groups=[group(consulted=units)])), "joint")
    assert [p.department for p in joint.parts] == ["fire", "housing", "planning"]


def test_one_item_alone_is_no_merged_step_unless_units_are_consulted() -> None:
    items = [item("AA", group="joint", promised=6)]
    alone = planned(of(items, groups=[group(rectification=rectification())])).steps
    assert [(s.code, s.group, s.rectification, s.budget) for s in alone] == [
        ("AA", None, None, None)
    ]
    consulted = [group(consulted=(Consulted(department="fire"),))]
    assert [s.code for s in planned(of(items, groups=consulted)).steps] == ["joint"]


def test_an_item_in_an_unknown_group_stands_alone() -> None:
    found = planned(of([item("AA", group="joint"), item("BB", group="joint")]))
    assert [s.code for s in found.steps] == ["AA", "BB"]


def test_co_deciders_decide_and_a_department_stands_once_for_one_item() -> None:
    found = planned(
        of(
            [
                item(
                    "AA",
                    "planning",
                    co_deciders=("fire", "planning"),
                    consulted=(
                        Consulted(department="fire"),
                        Consulted(department="water", silence=Silence.NONE),
                        Consulted(department="housing", when="not is_large"),
                    ),
                    group="joint",
                )
            ],
            groups=[group(consulted=(Consulted(department="water"),))],
        )
    )
    assert [(p.department, p.part, p.silence) for p in found.steps[0].parts] == [
        ("planning", Part.DECIDE, Silence.NONE),
        ("fire", Part.DECIDE, Silence.NONE),
        ("water", Part.CONSULT, Silence.NONE),
    ]
    assert [p.statute is None for p in found.steps[0].parts] == [False, False, True]


# Prerequisites


def test_steps_wait_for_the_steps_of_their_prerequisites() -> None:
    found = planned(catalogue())
    assert step(found, "joint").after == ("A-FILING",)
    assert {p.item: p.requires for p in step(found, "joint").parts} == {
        "C-FIRE": ("A-FILING",),
        "D-DRAWING": ("A-FILING",),
    }


def test_a_prerequisite_neither_planned_nor_held_is_no_edge() -> None:
    found = planned(of([item("AA", after=["XX"]), item("XX", applies_when="not is_large")]))
    assert step(found, "AA").after == ()


def test_a_held_prerequisite_is_no_edge() -> None:
    found = planned(of([item("AA", after=["XX"]), item("XX")]), held={"XX": "1"})
    assert [(s.code, s.after) for s in found.steps] == [("AA", ())]


def test_of_a_choice_the_first_planned_item_is_waited_for() -> None:
    choice = [("XX", "YY", "ZZ")]
    items = [item("AA", any_of=choice), item("XX", applies_when="False"), item("YY"), item("ZZ")]
    assert step(planned(of(items)), "AA").after == ("YY",)


def test_of_a_choice_one_held_result_is_enough() -> None:
    items = [item("AA", any_of=[("YY", "ZZ")]), item("YY"), item("ZZ")]
    assert step(planned(of(items), held={"ZZ": "1"}), "AA").after == ()


def test_of_a_choice_with_nothing_planned_nothing_is_waited_for() -> None:
    items = [item("AA", any_of=[("YY",)]), item("YY", applies_when="False")]
    assert step(planned(of(items)), "AA").after == ()


def test_what_is_taken_in_on_trust_starts_beside_it() -> None:
    found = planned(of([item("AA", after=["XX"], on_trust=["XX", "QQ"]), item("XX"), item("Q-X")]))
    assert step(found, "AA").after == ()
    assert step(found, "AA").parts[0].on_trust == ("XX",)


def test_a_prerequisite_in_the_same_step_is_an_order_of_papers() -> None:
    items = [
        item("AA", group="joint", after=["CC"]),
        item("BB", group="joint"),
        item("CC", group="joint"),
    ]
    found = planned(of(items, groups=[group(issue_order=("CC", "BB", "Z-NOT-THERE"))]))
    joint = step(found, "joint")
    assert (joint.after, joint.issue_order) == ((), ("CC", "AA", "BB"))
    assert all(p.requires == () for p in joint.parts)


def test_papers_that_wait_for_each_other_are_refused() -> None:
    items = [item("AA", group="joint", after=["BB"]), item("BB", group="joint")]
    with pytest.raises(PlanError, match="papers of one step wait for each other: AA -> BB -> AA"):
        planned(of(items, groups=[group(issue_order=("AA", "BB"))]))


def test_merged_steps_that_wait_for_each_other_are_refused_by_name() -> None:
    items = [
        item("AA", group="joint"),
        item("BB", after=["AA"]),
        item("CC", group="joint", after=["BB"]),
    ]
    with pytest.raises(PlanError, match="steps wait for each other: BB -> joint -> BB"):
        planned(of(items, groups=[group()]))


def test_a_cycle_is_named_from_its_smallest_code() -> None:
    with pytest.raises(CycleError) as found:
        generations({"c": ["b"], "a": ["c"], "b": ["a"], "d": []})
    assert found.value.cycle == ("a", "b", "c", "a")


def test_the_same_cycle_is_named_in_any_order() -> None:
    edges = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["a", "c"]}
    named = set()
    for order in itertools.permutations(edges):
        with pytest.raises(CycleError) as found:
            generations({node: edges[node] for node in order})
        named.add(found.value.cycle)
    assert named == {("a", "b", "a")}


# Dates


def test_a_step_starts_on_the_due_date_of_its_latest_predecessor() -> None:
    found = planned(catalogue())
    assert step(found, "A-FILING").promised.due == date(2026, 3, 5)
    assert step(found, "joint").promised.start == date(2026, 3, 5)
    assert step(found, "joint").promised.due == date(2026, 3, 11)  # 4 of fire, under the 5 of all
    assert step(found, "A-FILING").statutory.due == date(2026, 3, 13)
    assert step(found, "joint").statutory.due == date(2026, 4, 3)  # 15 of fire, under 20
    assert found.critical_path == ("A-FILING", "B-PERMIT")
    assert [s.code for s in found.steps if s.critical] == ["A-FILING", "B-PERMIT"]
    assert found.promised_on == date(2026, 3, 13)
    assert found.promised_at == datetime(2026, 3, 13, 9, tzinfo=UTC)
    assert found.statutory_on == date(2026, 4, 10)
    assert found.promised_days == found.totals.promised_critical == 9


def test_a_group_budget_binds_when_it_is_the_strictest() -> None:
    found = planned(catalogue(groups=[group(budget=2)]))
    assert step(found, "joint").promised.due == date(2026, 3, 9)


def test_totals_count_an_item_without_a_statutory_limit_with_its_promise() -> None:
    found = planned(
        of(
            [
                item("AA", statutory=None, promised=2),
                item("BB", statutory=9, promised=3, after=["AA"]),
            ]
        )
    )
    assert found.totals.statutory_serial == 11
    assert found.totals.statutory_critical == 11
    assert found.totals.promised_critical == 5
    assert found.totals.ratio_to_serial == 0.4545
    assert found.totals.without_statute == ("AA",)


def test_a_date_in_an_unpublished_year_is_provisional() -> None:
    found = planned(catalogue(), start=date(2026, 12, 15))
    assert found.provisional
    assert [s.code for s in found.steps if s.provisional] == ["F-LARGE", "B-PERMIT", "joint"]
    assert not planned(catalogue()).provisional


def test_items_decided_on_the_spot_take_no_day() -> None:
    found = planned(of([item("AA", statutory=0, promised=0), item("BB", after=["AA"], promised=1)]))
    assert step(found, "AA").promised.due == START
    assert found.critical_path == ("AA", "BB")
    assert found.promised_days == 1


# Target


def test_the_target_is_met_within_a_third() -> None:
    target = planned(catalogue()).target
    assert (target.met, target.strict, target.breakers) == (True, True, ())


def test_the_item_that_breaks_the_target_is_named() -> None:
    target = planned(of([item("AA", promised=8), item("BB", promised=6)])).target
    assert not target.met
    assert not target.strict
    assert [(b.item, b.cap, b.over) for b in target.breakers] == [("AA", days(6), 2)]
    assert "a third of the statutory 20" in target.breakers[0].reason.en


def test_an_item_that_is_no_project_construction_breaks_only_the_whole() -> None:
    other = item("AA", promised=8, project_construction=False)
    assert planned(of([other, item("BB")])).target.met
    target = planned(of([other])).target
    assert [(b.item, b.cap, b.over) for b in target.breakers] == [("AA", days(6), 2)]
    assert "critical path" in target.breakers[0].reason.en
    assert not target.met


def test_an_item_without_a_limit_may_break_the_whole() -> None:
    target = planned(of([item("AA", statutory=None, promised=3), item("BB", after=["AA"])])).target
    assert [(b.item, b.cap, b.over) for b in target.breakers] == [("AA", None, 2)]
    assert "no statutory limit was found" in target.breakers[0].reason.en


def test_calendar_days_are_compared_strictly() -> None:
    thirty = days(30, CALENDAR_DAYS)
    in_working_days = item("AA", statutory=thirty, promised=2)
    in_calendar_days = item("BB", statutory=thirty, promised=days(10, CALENDAR_DAYS))
    shorter = item("CC", statutory=20, promised=days(6, CALENDAR_DAYS))
    at_once = item("DD", statutory=thirty, promised=0)
    target = planned(of([in_working_days, in_calendar_days, shorter, at_once])).target
    assert [(b.item, b.over) for b in target.breakers] == [("AA", 0)]
    assert "stretch over holidays" in target.breakers[0].reason.en


# Determinism and speed


def test_the_same_input_gives_the_same_bytes_in_any_order() -> None:
    found = catalogue()
    shuffled = found.model_copy(
        update={
            "items": tuple(reversed(found.items)),
            "departments": tuple(reversed(found.departments)),
            "questions": tuple(reversed(found.questions)),
        }
    )
    first = planned(found, held={"A-FILING": "1", "E-WATER": "2"})
    answers = dict(reversed(ANSWERS.items())) | {"floor_area": 1200.0}
    held = {"E-WATER": "2", "A-FILING": "1"}
    second = plan(shuffled, CALENDAR, "plant", answers, held, START)
    same = json.loads(second.to_json()) | {"catalogue_digest": first.catalogue_digest}
    assert same == json.loads(first.to_json())
    assert planned(found).to_json() == planned(found).to_json()
    assert planned(found).digest == planned(found).digest != first.digest
    assert found.digest != shuffled.digest
    assert found.digest == catalogue().digest


def test_a_thousand_items_with_three_thousand_prerequisites_plan_in_half_a_second() -> None:
    chance = random.Random(20260302)
    codes = [f"I-{number:04d}" for number in range(1000)]
    pairs = chance.sample(list(itertools.combinations(codes, 2)), 3000)
    after: dict[str, list[str]] = {code: [] for code in codes}
    for earlier, later in pairs:
        after[later].append(earlier)
    departments = ["fire", "housing", "planning", "water"]
    rule = "floor_area >= 10 and (is_large or floor_area > 5000)"
    found = of(
        item(code, departments[number % 4], after=after[code], applies_when=rule)
        for number, code in enumerate(codes)
    )
    took = []
    for _ in range(3):
        begun = time.process_time()
        made = planned(found)
        took.append(time.process_time() - begun)
    assert len(made.steps) == 1000
    assert sum(len(s.after) for s in made.steps) == 3000
    assert min(took) < 0.5


# Odd catalogues


def test_an_item_listed_twice_in_a_scenario_is_planned_once() -> None:
    found = of([item("AA")], scenarios=[scenario(["AA", "AA"])])
    assert [s.code for s in planned(found).steps] == ["AA"]
