"""The county's own catalogue and the fixture of another county: facts, promises, plans."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.contracts.vocabulary import LimitStart, Unit
from services.domain import lint, planner
from services.domain.applicability import names
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Item
from services.domain.facts import FactsError
from services.domain.plan import Plan, PlannedMaterial, Verdict
from services.runtime import calendar_files, catalogue_files

ROOT = Path(__file__).parents[2]
COUNTY = ROOT / "deploy" / "catalogue"
RESTAURANT = ROOT / "tests" / "fixtures" / "restaurant"
WORKING, CALENDAR = Unit.WORKING_DAY, Unit.CALENDAR_DAY
ACCEPTANCE, RECEIPT = LimitStart.ACCEPTANCE, LimitStart.RECEIPT
SCENARIOS = ("plant", "warehouse", "school", "renovation", "logistics-park")
RENEWAL = "permit-renewal"
"""No works: a permit that premises in use prolong."""
DECREES_WITHOUT_ARTICLE = {"SWC53", "FIRE51", "FIRE51F"}
"""Decrees whose limit is quoted in our sources without the number of its article."""

STATUTORY: dict[str, tuple[int, Unit, LimitStart] | None] = {
    "GOV-PROPOSAL": None,
    "ENT-FILING": (0, WORKING, RECEIPT),
    "ENT-APPROVAL": (20, WORKING, ACCEPTANCE),
    "LAND-PRE": (20, WORKING, ACCEPTANCE),
    "GOV-FEASIBILITY": None,
    "STABILITY": None,
    "LAND-USE-PLAN": (20, WORKING, ACCEPTANCE),
    "LAND-ALLOCATE": (20, WORKING, ACCEPTANCE),
    "ENERGY": (20, WORKING, ACCEPTANCE),
    "EIA-REPORT": (60, CALENDAR, RECEIPT),
    "EIA-FORM": (30, CALENDAR, RECEIPT),
    "SOIL-WATER": (10, WORKING, ACCEPTANCE),
    "FLOOD-IMPACT": (20, WORKING, ACCEPTANCE),
    "WATER-INTAKE": (45, WORKING, ACCEPTANCE),
    "FOREST-LAND": (20, WORKING, ACCEPTANCE),
    "MINERAL": (20, WORKING, ACCEPTANCE),
    "SEISMIC": (15, CALENDAR, RECEIPT),
    "RELICS": (20, WORKING, ACCEPTANCE),
    "DESIGN-REVIEW": None,
    "PRELIM-DESIGN": None,
    "BUILD-PLAN": (20, WORKING, ACCEPTANCE),
    "CIVIL-DEFENCE": (20, WORKING, ACCEPTANCE),
    "HIGHRISE-SEISMIC": (20, WORKING, ACCEPTANCE),
    "DRAW-REVIEW": (15, WORKING, RECEIPT),
    "FIRE-DESIGN": (15, WORKING, ACCEPTANCE),
    "LIGHTNING-DESIGN": (10, WORKING, ACCEPTANCE),
    "QUALITY-SUP": None,
    "SAFETY-SUP": None,
    "CONSTRUCTION-PERMIT": (7, CALENDAR, RECEIPT),
    "TREE-GREEN": (20, WORKING, ACCEPTANCE),
    "ROAD-OCCUPY": (20, WORKING, ACCEPTANCE),
    "TRAFFIC-SAFETY": (20, WORKING, ACCEPTANCE),
    "WASTE": (20, WORKING, ACCEPTANCE),
    "DRAINAGE": (20, WORKING, ACCEPTANCE),
    "UTILITIES": None,
    "PLAN-VERIFY": None,
    "FIRE-ACCEPT": (15, WORKING, ACCEPTANCE),
    "FIRE-FILING": (0, WORKING, RECEIPT),
    "LIGHTNING-ACCEPT": (10, WORKING, ACCEPTANCE),
    "CIVIL-DEFENCE-ACCEPT": None,
    "ENERGY-ACCEPT": None,
    "ARCHIVE": None,
    "JOINT-ACCEPT": None,
    "COMPLETION-FILING": None,
    "REALESTATE": (30, WORKING, ACCEPTANCE),
}
"""Every item of construction approval, with its limit in law: days, unit, starting act."""

MONDAY = date(2026, 3, 2)
STARTS = [date(2026, 1, 5) + timedelta(days=11 * n) for n in range(24)]
"""From January to September: over the Spring Festival, Qingming, May Day and make-up days."""


@pytest.fixture(scope="module")
def county() -> Catalogue:
    return catalogue_files.load(COUNTY / "2026.1")


@pytest.fixture(scope="module")
def restaurant() -> Catalogue:
    (catalogue,) = catalogue_files.load_all(RESTAURANT)
    return catalogue


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return calendar_files.load(ROOT / "deploy" / "calendar")


def example(catalogue: Catalogue, calendar: WorkingCalendar, scenario: str, **changed: str) -> Plan:
    answers = {**catalogue.scenario_by_code[scenario].example, **changed}
    return planner.plan(catalogue, calendar, scenario, answers, {}, MONDAY)


def applying(plan: Plan) -> set[str]:
    return {v.item for v in plan.verdicts if v.verdict is Verdict.APPLIES}


def paper(plan: Plan, code: str) -> PlannedMaterial:
    return next(material for material in plan.materials if material.id == code)


def windows(plan: Plan) -> set[str]:
    return {part.department for step in plan.steps for part in step.parts}


def before(item: Item) -> set[str]:
    """Return the items named as prerequisites, of a choice all that it offers."""
    needs = item.prerequisites
    return {*needs.all_of, *needs.on_trust, *(code for choice in needs.any_of for code in choice)}


def all_before(catalogue: Catalogue, code: str) -> set[str]:
    """Return the prerequisites, theirs, and so on."""
    found: set[str] = set()
    left = before(catalogue.item_by_code[code])
    while left:
        found |= left
        left = {n for c in left for n in before(catalogue.item_by_code[c])} - found
    return found


@pytest.mark.parametrize("folder", [COUNTY, RESTAURANT], ids=["county", "restaurant"])
def test_lint_refuses_nothing(folder: Path) -> None:
    findings = lint.lint(catalogue_files.read_all(folder))
    assert [str(finding) for finding in lint.errors(findings)] == []
    assert {finding.code for finding in findings} <= {"group-budget"}


def test_the_catalogue_has_every_item_of_construction_approval(county: Catalogue) -> None:
    assert len(STATUTORY) == 45
    renewals = {item.code for item in county.items if item.renewal is not None}
    assert renewals == {"DRAINAGE-RENEWAL"}
    assert set(county.item_by_code) - renewals == set(STATUTORY)
    assert len(county.departments) >= 20


@pytest.mark.parametrize("code", STATUTORY)
def test_the_statutory_figure_is_the_one_in_law(county: Catalogue, code: str) -> None:
    item, expected = county.item_by_code[code], STATUTORY[code]
    if expected is None:
        assert item.statutory is None
        assert any("未见办理期限" in note for note in item.notes), "the gap must be told"
        return
    assert item.statutory is not None
    limit = item.statutory.limit
    assert (limit.value, limit.unit, item.statutory.start) == expected
    basis = item.statutory.basis
    assert basis.article or not basis.verified or basis.source in DECREES_WITHOUT_ARTICLE


@pytest.mark.parametrize("code", [code for code, figure in STATUTORY.items() if figure])
def test_a_promise_is_at_most_a_third_in_the_same_unit(county: Catalogue, code: str) -> None:
    item = county.item_by_code[code]
    assert item.statutory is not None
    assert item.project_construction
    assert item.promised.unit is item.statutory.limit.unit
    assert item.promised.value * 3 <= item.statutory.limit.value


def test_extensions_name_who_may_grant_them(county: Catalogue) -> None:
    granted = {
        code: (item.statutory.extension.limit.value, item.statutory.extension.approver)
        for code, item in county.item_by_code.items()
        if item.statutory and item.statutory.extension
    }
    assert granted.pop("ENT-APPROVAL") == (40, "principal")
    assert granted.pop("SOIL-WATER") == (10, "approving_body")
    assert set(granted.values()) == {(10, "department_head")}


def test_a_result_is_used_only_after_its_item(county: Catalogue) -> None:
    """Else a paper nobody asks for would not be there yet when it is needed."""
    for item in county.items:
        used = {county.material_by_id[use.material].result_of for use in item.materials} - {None}
        assert used <= all_before(county, item.code), item.code


def test_a_paper_that_may_follow_is_a_secondary_one_with_a_term(county: Catalogue) -> None:
    for item in county.items:
        for use in item.materials:
            secondary = county.material_by_id[use.material].secondary
            assert secondary is (use.may_follow is not None), (item.code, use.material)


def test_no_item_decided_on_the_spot_stands_in_a_group(county: Catalogue) -> None:
    """A merged step is due by its earliest promise: 0 days would be the promise of all."""
    assert [i.code for i in county.items if i.group and i.promised.value == 0] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_kind_of_project_keeps_the_target(
    county: Catalogue, calendar: WorkingCalendar, scenario: str
) -> None:
    answers = county.scenario_by_code[scenario].example
    for start in STARTS:
        plan = planner.plan(county, calendar, scenario, answers, {}, start)
        assert plan.target.met, (start, plan.target.breakers)
        assert plan.target.strict, (start, plan.totals)
        assert plan.totals.promised_critical * 3 <= plan.totals.statutory_critical


def test_the_scenarios_of_the_county_are_the_ones_tested(county: Catalogue) -> None:
    assert set(county.scenario_by_code) == {*SCENARIOS, RENEWAL}
    asked = [county.scenario_by_code[code].example["phase"] for code in SCENARIOS]
    assert set(asked) == {"before-construction"}


def test_a_permit_is_prolonged_thirty_days_before_it_expires(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    plan = example(county, calendar, RENEWAL)
    assert applying(plan) == {"DRAINAGE-RENEWAL"}
    assert not paper(plan, "sewer-permit").asked
    item = county.item_by_code["DRAINAGE-RENEWAL"]
    assert item.renewal is not None
    assert item.renewal.apply_before.value == 30
    assert item.renewal.apply_before.unit is CALENDAR
    assert item.renewal.basis.article == "50"
    expires = (MONDAY + timedelta(days=29)).isoformat()
    with pytest.raises(FactsError) as refused:
        planner.plan(county, calendar, RENEWAL, {"sewer_permit_expires": expires}, {}, MONDAY)
    assert [problem.code for problem in refused.value.problems] == ["renewal_late"]


def test_the_plant_is_a_large_joint_case(county: Catalogue, calendar: WorkingCalendar) -> None:
    plan = example(county, calendar, "plant")
    assert len(applying(plan)) >= 20
    assert len(windows(plan)) >= 10
    groups = [step.code for step in plan.steps if step.group]
    assert groups == [
        "joint-evaluation",
        "joint-design-review",
        "joint-drawing-review",
        "joint-inspection",
    ]


def test_the_plant_asks_for_no_result_of_its_own_items(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    plan = example(county, calendar, "plant")
    results = [material for material in plan.materials if material.result_of is not None]
    assert len(results) >= 10
    assert [material.id for material in results if material.asked] == []
    drawings = paper(plan, "construction-drawings")
    assert drawings.asked
    assert len(drawings.used_by_items) >= 3


def test_a_small_low_risk_warehouse_has_no_joint_design_review(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    plan = example(county, calendar, "warehouse")
    assert {"BUILD-PLAN", "DRAW-REVIEW", "CONSTRUCTION-PERMIT"} <= applying(plan)
    assert "joint-design-review" not in {step.code for step in plan.steps}


def test_a_school_goes_from_proposal_to_study_before_its_land(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    plan = example(county, calendar, "school")
    start = {step.code: step.promised.start for step in plan.steps}
    order = ["GOV-PROPOSAL", "LAND-PRE", "GOV-FEASIBILITY", "LAND-USE-PLAN", "LAND-ALLOCATE"]
    assert [start[code] for code in order] == sorted({start[code] for code in order})
    assert "ENT-FILING" not in applying(plan)
    assert "education" in windows(plan)


def test_a_renovation_within_the_walls_needs_no_planning_papers(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    within = example(county, calendar, "renovation")
    assert not applying(within) & {"LAND-USE-PLAN", "DESIGN-REVIEW", "BUILD-PLAN"}
    assert paper(within, "land-certificate").asked


def test_the_logistics_park_asks_for_water_and_forest(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    plan = example(county, calendar, "logistics-park")
    assert {"WATER-INTAKE", "FLOOD-IMPACT", "FOREST-LAND"} <= applying(plan)
    assert {"water-resources", "forestry", "transport"} <= windows(plan)
    assert {fee.id for fee in plan.fees} >= {"water-resource-fee", "shelter-relocation-fee"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_acceptance_is_an_application_of_its_own(
    county: Catalogue, calendar: WorkingCalendar, scenario: str
) -> None:
    before = applying(example(county, calendar, scenario))
    after = applying(example(county, calendar, scenario, phase="acceptance"))
    stages = {county.item_by_code[code].stage for code in after}
    assert not before & after
    assert stages == {"acceptance"}
    assert {"JOINT-ACCEPT", "COMPLETION-FILING"} <= after


def test_acceptance_takes_the_results_of_the_first_application(
    county: Catalogue, calendar: WorkingCalendar
) -> None:
    answers = county.scenario_by_code["plant"].example | {"phase": "acceptance"}
    held = {"BUILD-PLAN": "MX-2026-00001-07"}
    held_plan = planner.plan(county, calendar, "plant", answers, held, MONDAY)
    bare_plan = planner.plan(county, calendar, "plant", answers, {}, MONDAY)
    assert not paper(held_plan, "building-planning-permit").asked
    assert paper(bare_plan, "building-planning-permit").asked


@pytest.mark.parametrize(
    ("scenario", "changed", "question"),
    [
        ("plant", {"underground_area_m2": 90000}, "underground_area_m2"),
        ("plant", {"occupies_road": False, "digs_road": False}, "affects_traffic"),
        ("plant", {"has_civil_building": False}, "builds_shelter"),
        ("warehouse", {"building_area_m2": 12000}, "low_risk"),
        ("warehouse", {"land_supply": "allocated"}, "land_supply"),
        ("renovation", {"changes_outline": "partly"}, "changes_outline"),
    ],
)
def test_what_cannot_be_is_refused_by_question(
    county: Catalogue,
    calendar: WorkingCalendar,
    scenario: str,
    changed: dict[str, bool | float | str],
    question: str,
) -> None:
    answers = county.scenario_by_code[scenario].example | changed
    with pytest.raises(FactsError) as refused:
        planner.plan(county, calendar, scenario, answers, {}, MONDAY)
    assert question in {problem.question for problem in refused.value.problems}


def test_a_constraint_names_a_question_of_its_own_rule(county: Catalogue) -> None:
    assert len(county.constraints) >= 4
    for constraint in county.constraints:
        assert constraint.question in names(constraint.never)


def test_another_county_runs_through_the_same_code(
    restaurant: Catalogue, county: Catalogue, calendar: WorkingCalendar
) -> None:
    assert not set(restaurant.item_by_code) & set(county.item_by_code)
    assert not set(restaurant.department_by_code) & set(county.department_by_code)
    assert {item.project_construction for item in restaurant.items} == {True, False}
    plan = example(restaurant, calendar, "restaurant")
    assert plan.target.met
    assert applying(plan) == set(restaurant.item_by_code)
    assert windows(plan) == set(restaurant.department_by_code)
    joint = next(step for step in plan.steps if step.group)
    assert joint.issue_order == ("FIRE-CHECK", "FOOD-PERMIT", "SIGNBOARD")
    assert [str(fee.total) for fee in plan.fees] == ["180.00"]


def test_the_other_county_asks_only_what_matters(
    restaurant: Catalogue, calendar: WorkingCalendar
) -> None:
    answers: dict[str, bool | float | str] = {
        "area_m2": 90,
        "seats": 24,
        "premises": "mall",
        "fits_out": False,
    }
    plan = planner.plan(restaurant, calendar, "restaurant", answers, {}, MONDAY)
    assert applying(plan) == {"BUSINESS-LICENCE", "FOOD-PERMIT"}
    assert plan.fees == ()
