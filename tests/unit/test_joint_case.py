"""What a joint case is, which limits it has beside those of tasks, which plan is too long."""

import pytest

from services.contracts.vocabulary import Authority, Unit
from services.domain.catalogue import Catalogue, Group, Item, ItemKind
from services.domain.joint_case import overrun, route_limits
from services.domain.plan import Plan
from services.domain.planner import plan
from services.domain.route import Budget
from tests.unit.builders import ANSWERS, CALENDAR, START, group, item, of, scenario
from tests.unit.linting import codes, notes


def county(*items: Item, groups: tuple[Group, ...] = ()) -> Catalogue:
    return of(items, scenarios=[scenario(one.code for one in items)], groups=groups)


def planned(catalogue: Catalogue) -> Plan:
    return plan(catalogue, CALENDAR, catalogue.scenarios[0].code, ANSWERS, {}, START)


def test_several_departments_make_a_joint_case_and_one_does_not() -> None:
    one = county(item("AA"), item("BB"))
    assert route_limits(one, planned(one)).joint is None
    two = county(item("AA"), item("BB", "fire"))
    joint = route_limits(two, planned(two)).joint
    assert joint is not None
    assert joint.budget == Budget(value=45, unit=Unit.WORKING_DAY)
    assert joint.extension == Budget(value=15, unit=Unit.WORKING_DAY)
    assert joint.article == "行政许可法 42(2)"


def test_what_a_higher_authority_decides_is_reviewed_first() -> None:
    usual = county(item("AA"), item("BB", authority=Authority.GOVERNMENT_HEAD))
    assert route_limits(usual, planned(usual)).review is None
    above = county(item("AA"), item("BB", authority=Authority.HIGHER_LEVEL))
    review = route_limits(above, planned(above)).review
    assert review is not None
    assert (review.budget.value, review.article) == (20, "行政许可法 43")


def test_licences_are_delivered_and_other_papers_are_not() -> None:
    both = county(item("AA"), item("BB", kind=ItemKind.FILING))
    limits = route_limits(both, planned(both))
    assert limits.licences == ("AA",)
    assert limits.delivery is not None
    assert (limits.delivery.budget.value, limits.delivery.article) == (10, "行政许可法 44")
    none = county(item("BB", kind=ItemKind.FILING))
    assert route_limits(none, planned(none)).delivery is None


def chain(promised: int, second: str = "fire") -> Catalogue:
    return county(
        item("AA", promised=promised, statutory=90),
        item("BB", second, promised=promised, statutory=90, after=("AA",)),
    )


def test_a_plan_that_promises_more_than_the_joint_limit_names_it() -> None:
    long = planned(chain(23)).joint_overrun
    assert long is not None
    assert (long.promised_days, long.over, long.article) == (46, 1, "行政许可法 42(2)")
    assert "46" in long.reason.zh
    assert "46" in long.reason.en
    fits = planned(chain(22))
    assert fits.joint_overrun is None
    assert "joint_overrun" not in fits.to_json().decode()
    assert planned(chain(23, second="planning")).joint_overrun is None
    assert overrun([], 1_000) is None


def test_the_linter_names_scenarios_that_may_be_too_long() -> None:
    assert "joint-limit" in notes(chain(23))
    assert "joint-limit" not in notes(chain(22))
    assert "joint-limit" not in notes(chain(23, second="planning"))
    assert "joint-limit" not in codes(chain(23))


@pytest.mark.parametrize(("budget", "expected"), [(46, ["joint-limit"]), (45, [])])
def test_the_linter_refuses_a_group_that_can_never_keep_the_limit(
    budget: int, expected: list[str]
) -> None:
    members = (
        item("AA", group="joint", promised=50, statutory=150),
        item("BB", "fire", group="joint", promised=50, statutory=150),
    )
    assert [
        c for c in codes(county(*members, groups=(group(budget=budget),))) if c == "joint-limit"
    ] == expected


def test_a_ring_of_items_is_named_by_another_rule() -> None:
    ring = county(item("AA", after=("BB",)), item("BB", "fire", after=("AA",)))
    assert "joint-limit" not in notes(ring)
