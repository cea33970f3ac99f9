import pytest

from services.contracts.vocabulary import Authority, LimitStart, Part, Silence, Unit
from services.domain.catalogue import (
    Basis,
    Consulted,
    Limit,
    StatutoryLimit,
)
from services.domain.plan import Plan
from services.domain.planner import PlanError, route
from services.domain.route import Route
from tests.unit.builders import (
    CALENDAR,
    START,
    calendar,
    catalogue,
    days,
    due_by_hand,
    group,
    item,
    of,
    planned,
)

NUMBER = "LS20260302-000001-1"
CALENDAR_DAYS = Unit.CALENDAR_DAY


def routed(found: Plan) -> Route:
    return route(found, NUMBER, CALENDAR)


def test_the_route_is_what_the_workflow_needs_of_the_plan() -> None:
    found = planned(catalogue())
    made = routed(found)
    assert (made.application, made.start, made.promised_at) == (NUMBER, START, found.promised_at)
    assert (made.plan_digest, made.promised_days) == (found.digest, 9)
    assert (made.catalogue_version, made.calendar_version) == ("2026.1", "test")
    joint = next(s for s in made.steps if s.code == "joint")
    assert [(p.item, p.promised.value, p.requires) for p in joint.parts] == [
        ("C-FIRE", 4, ("A-FILING",)),
        ("D-DRAWING", 4, ("A-FILING",)),
        ("C-FIRE", 4, ("A-FILING",)),
    ]
    assert joint.group == "joint"
    assert joint.rectification is not None
    assert (joint.rectification.budget.value, joint.rectification.rounds) == (3, 1)
    statute = joint.parts[0].statute
    assert statute is not None
    assert (statute.budget.value, statute.article) == (15, "行政许可法 42")
    assert joint.parts[2].silence is Silence.NO_OBJECTION
    assert joint.parts[2].statute is None


def test_the_route_keeps_authority_start_and_law_without_article() -> None:
    law = StatutoryLimit(limit=days(20), start=LimitStart.RECEIPT, basis=Basis(law="某办法"))
    only = item("AA", authority=Authority.HIGHER_LEVEL).model_copy(update={"statutory": law})
    part = routed(planned(of([only]))).steps[0].parts[0]
    assert part.authority is Authority.HIGHER_LEVEL
    assert part.statute is not None
    assert (part.statute.start, part.statute.article) == (LimitStart.RECEIPT, "某办法")


@pytest.mark.parametrize(
    ("leads", "lead"),
    [({"joint": "housing"}, "housing"), ({"joint": "planning"}, "fire"), ({}, "fire")],
)
def test_a_merged_step_is_convened_by_one_that_takes_part(leads: dict[str, str], lead: str) -> None:
    steps = route(planned(catalogue()), NUMBER, CALENDAR, leads).steps
    found = {step.code: step.lead for step in steps}
    assert found.pop("joint") == lead
    assert set(found.values()) == {None}


def test_a_route_under_another_calendar_is_refused() -> None:
    with pytest.raises(PlanError, match="planned with calendar test, not with other"):
        route(planned(catalogue()), NUMBER, calendar("other"))


@pytest.mark.parametrize(
    ("promises", "budget", "budgets"),
    [
        ([days(6), days(4)], days(5), [4, 4]),
        ([days(6), days(7)], days(5), [5, 5]),
        ([days(9), days(20, CALENDAR_DAYS)], days(7), [7, (20, CALENDAR_DAYS)]),
        ([days(9), days(8)], days(10, CALENDAR_DAYS), [8, (10, CALENDAR_DAYS)]),
        ([days(9)], days(10, CALENDAR_DAYS), [(9, CALENDAR_DAYS)]),
        ([days(20, CALENDAR_DAYS)], days(27), [(20, CALENDAR_DAYS)]),
    ],
)
def test_the_deciding_parts_of_a_step_carry_its_promise(
    promises: list[Limit], budget: Limit, budgets: list[int | tuple[int, Unit]]
) -> None:
    items = [
        item(f"A-{number}", statutory=60, promised=promised, group="joint")
        for number, promised in enumerate(promises)
    ]
    units = (Consulted(department="fire"),)
    made = planned(of(items, groups=[group(budget=budget, consulted=units)]))
    parts = [p for p in routed(made).steps[0].parts if p.part is Part.DECIDE]
    wanted = [(b, Unit.WORKING_DAY) if isinstance(b, int) else b for b in budgets]
    assert [(p.promised.value, p.promised.unit) for p in parts] == wanted
    due = min(due_by_hand(p.promised, START) for p in parts)
    assert made.steps[0].promised.due == due
    assert due <= min(due_by_hand(limit, START) for limit in [*promises, budget])
