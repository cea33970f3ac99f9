"""Whole plans in virtual time: a case done by hand, what always holds, the promise."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import Conclusion, Outcome, Unit
from services.domain import planner
from services.domain.approval import apply, begin
from services.domain.case import Accepted, Decided, IssueTask
from services.domain.examination import Supplemented
from services.domain.later_events import AskPapers
from services.domain.route import Budget, Route, RouteAcceptance
from services.domain.simulation import World
from services.domain.simulation_lives import INVESTOR, Assumptions, Life, Run
from services.domain.simulation_plans import (
    arrivals,
    assume,
    capacity,
    handed_in,
    one_after_another,
    promised_from,
    unmerged,
)
from services.domain.simulation_report import Study, summary
from services.domain.simulation_times import (
    HOUR_S,
    Chance,
    Draws,
    Times,
    WorkingTime,
    around,
    constant,
    measured,
)
from services.runtime import calendar_files, catalogue_files
from tests.unit.builders import CALENDAR as BUILT
from tests.unit.builders import catalogue, planned
from tests.unit.routes import CALENDAR, consult, decide, route, routes, step

FIRST = date(2026, 1, 5)
DAY_H = 8.0
DAY = 8 * HOUR_S


def life_of(
    of: Route,
    days: dict[str, float],
    places: Sequence[int] = (0,),
    officers: dict[str, int] | None = None,
    **more: Any,
) -> Run:
    """Run applications whose parts take so many working days of an officer each."""
    parts = [part for one in of.steps for part in one.parts]
    assumed = Assumptions(
        officers={part.department: 1 for part in parts} | (officers or {}),
        hours={
            f"{part.item}/{part.department}": constant(days[part.department] * DAY_H)
            for part in parts
        },
        **more,
    )
    line = WorkingTime(CALENDAR, FIRST)
    world = World(line=line, route_of=handed_in(of, CALENDAR), assumptions=assumed, seed=1)
    return world.run(places)


def days_of(run: Run) -> list[float]:
    return [life.ended / DAY for life in run.lives]


# Paper and pencil. A (1 day), then B (2 days) and C (1 day) at the same time; one officer each; two
# investors at the opening of Monday.
#           day 1   day 2   day 3   day 4   day 5   day 6
# A:        one     two
# B:                one     one     two     two            two ends with day 5, has waited a day
# C:                one     two
# One after another (C after B): one ends with day 4 (A 1, B 2-3, C 4), two with day 6.
# Two officers at B: two works at B on days 3 and 4, and ends with day 4.
THREE = route(step(decide("A", "a")), step(decide("B", "b", "A")), step(decide("C", "c", "A")))
TOOK = {"a": 1.0, "b": 2.0, "c": 1.0}


def test_three_departments_on_paper() -> None:
    run = life_of(THREE, TOOK, (0, 0))
    assert days_of(run) == [3.0, 5.0]
    assert [life.used_days for life in run.lives] == [2, 4], "the day of submission is not counted"
    found = summary(run)
    assert found.bottleneck == "b"
    by = {share.department: share for share in found.departments}
    # The chains: one is A 1 + B 2; two is A (1 waiting) 1, B (1 waiting) 2. Of 8 days B holds 5.
    assert (by["a"].holds, by["b"].holds, by["c"].holds) == (3 / 8, 5 / 8, 0.0)
    assert (by["a"].busy, by["b"].busy, by["c"].busy) == (2 / 5, 4 / 5, 2 / 5)
    assert by["b"].waiting_h == DAY_H / 2


def test_three_departments_one_after_another() -> None:
    assert days_of(life_of(one_after_another(THREE), TOOK, (0, 0))) == [4.0, 6.0]


def test_three_departments_with_one_more_officer() -> None:
    assert days_of(life_of(THREE, TOOK, (0, 0), {"b": 2})) == [3.0, 4.0]
    assert days_of(life_of(THREE, TOOK, (0, 0), {"c": 2})) == [3.0, 5.0], "not the bottleneck"


def test_a_merged_step_waits_for_its_slowest_signature() -> None:
    joint = route(step(decide("A", "a"), decide("B", "b"), decide("C", "c"), code="joint"))
    run = life_of(joint, TOOK)
    assert days_of(run) == [2.0]
    assert [s.department for s in run.lives[0].chain] == ["b"]


def test_the_earliest_promise_is_worked_first() -> None:
    """Two tasks wait for one officer: the one promised sooner, though it came later, goes first."""
    long, short = decide("L", "x", promised=9), decide("S", "x", "F", promised=1)
    of = route(step(decide("F", "f")), step(long), step(decide("M", "x", promised=5)), step(short))
    run = life_of(of, {"f": 1.0, "x": 2.0})
    # x works on M (days 1-2) before L; S comes after day 1 and is promised for day 2: days 3-4.
    assert days_of(run) == [6.0]
    assert run.lives[0].chain[-1].waited == 4 * DAY, "L came last of all"


def test_what_ends_with_its_last_day_is_in_time() -> None:
    of = promised_from(route(step(decide("A", "a", promised=1))), FIRST, CALENDAR)
    on_the_day = life_of(of, {"a": 2.0})
    assert [(life.used_days, life.in_time) for life in on_the_day.lives] == [(1, True)]
    late = life_of(of, {"a": 2.0 + 1 / DAY})
    assert [(life.used_days, life.in_time) for life in late.lives] == [(2, False)]
    assert late.loads[0].late == 1


def test_a_silent_unit_lapses_and_holds_nobody_longer() -> None:
    of = route(step(decide("A", "a", promised=3), consult("A", "u"), code="joint"))
    run = life_of(of, {"a": 1.0, "u": 0.1}, silent=1.0)
    assert [life.conclusion for life in run.lives] == [Conclusion.GRANTED]
    # Its opinion was due a working day before the promise (Monday + 3): at the close of day 3.
    assert days_of(run) == [3.0]
    assert {load.department: load.lapsed for load in run.loads} == {"a": 0, "u": 1}


def test_an_opinion_that_waits_too_long_lapses() -> None:
    """The unit would speak, but its queue is longer than its time: the officer is free at once."""
    of = route(step(decide("A", "a", promised=2), consult("A", "u"), code="joint"))
    run = life_of(of, {"a": 1.0, "u": 5.0})
    assert [life.conclusion for life in run.lives] == [Conclusion.GRANTED]
    assert run.span < 5 * DAY + DAY
    load = next(load for load in run.loads if load.department == "u")
    assert (load.lapsed, load.worked) == (1, 2 * DAY)


def test_what_the_investor_puts_right_is_not_the_departments_time() -> None:
    of = route(step(decide("A", "a"), consult("A", "u"), code="joint", rounds=1, rectify=5))
    run = life_of(of, {"a": 0.5, "u": 1.0}, objected=1.0)
    life = run.lives[0]
    assert [(s.department, s.waited / DAY, s.worked / DAY) for s in life.chain] == [
        ("u", 0.0, 1.0),
        (INVESTOR, 2.0, 0.0),
        ("u", 0.0, 1.0),
    ]
    assert life.conclusion is Conclusion.REFUSED, "objected to once more, and no round is left"
    assert summary(run).investor_holds == 0.5


def test_what_the_investor_never_puts_right_ends_with_its_term() -> None:
    of = route(step(decide("A", "a"), consult("A", "u"), code="joint", rounds=1, rectify=1))
    run = life_of(of, {"a": 0.5, "u": 1.0}, objected=1.0)
    (life,) = run.lives
    assert life.conclusion is Conclusion.REFUSED
    assert [s.department for s in life.chain] == ["u", INVESTOR]
    assert life.chain[-1].waited == DAY, "two days were needed, one was given"


EXAMINED = RouteAcceptance(
    departments=("a", "b"),
    budget=Budget(value=5, unit=Unit.WORKING_DAY),
    article="行政许可法 32",
    uses={"plan": ("a", "b")},
)


def test_the_papers_are_looked_at_by_all_at_once_before_anything_begins() -> None:
    of = replace(route(step(decide("A", "a")), step(decide("B", "b"))), acceptance=EXAMINED)
    run = life_of(of, {"a": 1.0, "b": 1.0}, examine=constant(DAY_H))
    assert days_of(run) == [2.0]
    assert [s.worked for s in run.lives[0].chain] == [DAY, DAY]
    assert [load.tasks for load in run.loads] == [2, 2]


def test_what_is_missing_is_asked_for_and_looked_at_again() -> None:
    of = replace(route(step(decide("A", "a")), step(decide("B", "b"))), acceptance=EXAMINED)
    often = life_of(of, {"a": 1.0, "b": 1.0}, (0,) * 40, {"a": 99, "b": 99}, incomplete=0.5)
    assert {life.conclusion for life in often.lives} == {Conclusion.GRANTED}
    with_investor = [sum(s.department == INVESTOR for s in life.chain) for life in often.lives]
    assert {0, 1, 2} <= set(with_investor), "no notice, one, and one more"
    for life in often.lives:
        assert sum(s.waited + s.worked for s in life.chain) == life.ended - life.arrived


def test_who_never_looks_misses_nothing() -> None:
    of = replace(route(step(decide("A", "a")), step(decide("B", "b"))), acceptance=EXAMINED)
    run = life_of(of, {"a": 1.0, "b": 1.0}, examine=constant(100 * DAY_H))
    assert [life.conclusion for life in run.lives] == [Conclusion.GRANTED]
    assert [load.lapsed for load in run.loads] == [1, 1]
    # Five working days after Monday have passed unused; the limits count from the receipt.
    assert run.lives[0].ended == 7 * DAY
    assert run.lives[0].used_days == 6


def test_a_refusal_ends_what_needs_it_and_frees_nobody_twice() -> None:
    run = life_of(THREE, TOOK, (0, 0, 0), refused=1.0)
    assert {life.conclusion for life in run.lives} == {Conclusion.REFUSED}
    assert [load.department for load in run.loads] == ["a"], "B and C were never issued"


@settings(max_examples=60, deadline=None)
@given(
    of=routes(),
    seed=st.integers(0, 1_000),
    shares=st.tuples(*[st.sampled_from((0.0, 0.3, 1.0))] * 3),
)
def test_every_application_ends_and_its_chain_is_its_whole_time(
    of: Route, seed: int, shares: tuple[float, float, float]
) -> None:
    line = WorkingTime(CALENDAR, FIRST)
    assumed = assume(
        [of], day_s=line.day, share=0.8, spread=0.9, officers={}, officers_otherwise=1, known={}
    )
    refused, objected, silent = shares
    assumed = Assumptions(
        officers=assumed.officers,
        hours=assumed.hours,
        refused=refused,
        objected=objected,
        silent=silent,
    )

    def run() -> Run:
        line = WorkingTime(CALENDAR, FIRST)
        return World(
            line=line, route_of=handed_in(of, CALENDAR), assumptions=assumed, seed=seed
        ).run(arrivals(6, 1.0, seed, line.day))

    found = run()
    assert [life.number for life in found.lives] == list(range(6))
    for life in found.lives:
        assert sum(s.waited + s.worked for s in life.chain) == life.ended - life.arrived
    for load in found.loads:
        assert 0 <= load.worked <= load.officers * found.span
    assert found == run(), "the same seed, the same lives"


def test_another_seed_is_another_run() -> None:
    lives = {seed: _study(seed).run(20).lives for seed in (1, 2)}
    assert lives[1] != lives[2]


def _study(seed: int = 1, **officers: int) -> Study:
    plan = planned(catalogue())
    of = planner.route(plan, "X", BUILT)
    alone = planner.route(planned(unmerged(catalogue())), "X", BUILT)
    line = WorkingTime(BUILT, plan.start)
    assumed = assume(
        [of, alone],
        day_s=line.day,
        share=0.3,
        spread=0.5,
        officers=officers,
        officers_otherwise=1,
        known={},
    )
    return Study(
        calendar=BUILT,
        first=plan.start,
        seed=seed,
        per_day=0.8 * capacity(of, assumed, line.day)[0],
        assumed=assumed,
        route=of,
        unmerged=alone,
    )


def test_changes_differ_by_the_change_alone() -> None:
    study = _study()
    changes = study.changes(60)
    kinds = [(change.kind, change.department) for change in changes]
    assert kinds[:3] == [("as_is", None), ("unmerged", None), ("one_after_another", None)]
    base = changes[0].summary
    assert kinds[3] == ("one_more_officer", base.bottleneck)
    assert base == summary(study.run(60)), "nothing is refused in this study anyway"
    assert changes[2].summary.mean_days > changes[1].summary.mean_days
    assert changes[2].summary.on_time < base.on_time
    assert changes[3].summary.mean_days < base.mean_days
    assert all(change.summary.applications == 60 for change in changes)
    assert {change.summary.promised_days for change in changes} == {base.promised_days}


def test_without_merging_every_item_is_a_step_and_nobody_is_forgotten() -> None:
    merged = planner.route(planned(catalogue()), "X", BUILT)
    alone = planner.route(planned(unmerged(catalogue())), "X", BUILT)
    assert any(len({part.item for part in one.parts}) > 1 for one in merged.steps)
    assert all(len({part.item for part in one.parts}) == 1 for one in alone.steps)

    def asked(of: Route) -> set[tuple[str, str, str]]:
        return {(p.item, p.department, p.part) for one in of.steps for p in one.parts}

    assert asked(alone) >= {who for who in asked(merged) if who[2] == "decide"}
    consulted = [
        sum(p.part == "consult" for s in r.steps for p in s.parts) for r in (merged, alone)
    ]
    assert consulted[0] == consulted[1] > 0


COUNTY = catalogue_files.load(Path("deploy/catalogue/2026.1"))
DAYS = calendar_files.load(Path("deploy/calendar"))


@pytest.mark.parametrize("scenario", COUNTY.scenarios, ids=lambda scenario: scenario.code)
def test_the_promise_on_any_day_is_the_planners(scenario: object) -> None:
    """Five scenarios, on days before, in and after holidays."""
    of = None
    for day in (date(2026, 3, 2), date(2026, 2, 13), date(2026, 4, 30), date(2026, 9, 21)):
        plan = planner.plan(COUNTY, DAYS, scenario.code, scenario.example, {}, day)  # type: ignore[attr-defined]  # parametrised
        made = planner.route(plan, "X", DAYS)
        of = of or made
        found = promised_from(of, day, DAYS)
        assert (found.start, found.promised_at, found.promised_days) == (
            made.start,
            made.promised_at,
            made.promised_days,
        )
        assert found.steps == made.steps


@pytest.mark.parametrize("code", ["plant", "renovation"])
def test_it_is_the_core_that_is_simulated(code: str) -> None:
    """With nobody waiting and all work alike, the run is what the core says event by event."""
    scenario = COUNTY.scenario_by_code[code]
    day = date(2026, 3, 2)
    of = planner.route(planner.plan(COUNTY, DAYS, code, scenario.example, {}, day), "S0", DAYS)
    parts = {f"{p.item}/{p.department}": p for s in of.steps for p in s.parts}
    line = WorkingTime(DAYS, day)
    assumed = Assumptions(
        officers={part.department: 99 for part in parts.values()},
        hours=dict.fromkeys(parts, constant(1.0)),
    )
    run = World(line=line, route_of=handed_in(of, DAYS), assumptions=assumed, seed=1).run([0])
    at = DAYS.opening_of(day)
    case, commands = apply(begin(of, DAYS, at), Accepted(at=at))
    while case.conclusion is None:
        at += timedelta(hours=1)
        tasks = [(c.task, parts[c.key].part) for c in commands if isinstance(c, IssueTask)]
        commands = ()
        for task, part in tasks:
            outcome = Outcome.GRANTED if part == "decide" else Outcome.NO_OBJECTION
            case, more = apply(case, Decided(at=at, task=task, outcome=outcome))
            commands += more
        for asked in [c for c in commands if isinstance(c, AskPapers)]:
            papers = tuple(f"material/{one}" for one in asked.awaited.materials)
            case, more = apply(case, Supplemented(at=at, round=0, subjects=papers))
            commands += more
    assert line.opened(run.lives[0].ended) == at == case.at


def test_the_line_of_working_time() -> None:
    line = WorkingTime(CALENDAR, date(2026, 1, 3))  # a Saturday: the line begins on Monday
    assert line.day == DAY
    monday, close = datetime(2026, 1, 5, 1, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert (line.opened(0), line.closed(0)) == (monday, monday)
    assert line.closed(DAY) == close
    assert line.opened(DAY) == monday + timedelta(days=1)
    assert line.place_of(close) == line.place_of(close + timedelta(seconds=1)) == DAY
    assert line.place_of(monday - timedelta(days=3)) == 0
    friday = 4 * DAY + HOUR_S
    assert line.opened(friday + DAY) == datetime(2026, 1, 10, 2, tzinfo=UTC), "the make-up Saturday"
    assert line.opened(friday + 2 * DAY) == datetime(2026, 1, 12, 2, tzinfo=UTC), "not the Sunday"
    assert line.date_of(5 * DAY) == date(2026, 1, 10)


@given(st.integers(0, 400 * DAY))
def test_a_place_is_found_again(place: int) -> None:
    line = WorkingTime(CALENDAR, FIRST)
    assert line.place_of(line.opened(place)) == place
    assert line.place_of(line.closed(place)) == place
    assert line.closed(place) <= line.opened(place)


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=30), st.floats(0, 1))
def test_a_distribution_of_what_was_measured(hours: list[float], share: float) -> None:
    times = measured(hours)
    assert min(hours) <= times.at(share) <= max(hours)
    assert (times.at(0), times.at(1)) == (min(hours), max(hours))
    assert times.at(times.below(times.at(share))) == pytest.approx(times.at(share))
    assert times.left(share, 0.0) >= 0


def test_a_smooth_distribution_has_its_mean_and_a_case_gets_shorter() -> None:
    times = around(10.0, 0.5)
    assert times.mean == pytest.approx(10.0, rel=0.02)
    assert around(10.0, 0.0) == constant(10.0)
    assert times.left(0.5, 9.0) < times.at(0.5)
    assert constant(4.0).left(0.5, 1.0) == 3.0
    assert constant(4.0).left(0.5, 5.0) == 4.0, "longer than any known: it begins anew"


@pytest.mark.parametrize("hours", [(), (2.0, 1.0), (-1.0,)])
def test_what_is_no_distribution_is_refused(hours: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sorted"):
        Times(hours=hours)


def test_draws_are_found_again_by_name_and_even() -> None:
    chance = Chance(7, 1)
    assert chance("a") == Chance(7, 1)("a")
    assert len({chance("a"), chance("b"), Chance(7, 2)("a"), Chance(8, 1)("a")}) == 4
    found = sorted(Chance(7, n)("a") for n in range(2_000))
    assert max(abs(share - place / 2_000) for place, share in enumerate(found)) < 0.04


def test_a_sequence_of_draws_is_even_and_the_same_for_the_same_seed() -> None:
    first, again, other = Draws(1), Draws(1), Draws(2)
    found = [first() for _ in range(4_000)]
    assert found == [again() for _ in range(4_000)]
    assert found[:3] != [other() for _ in range(3)]
    shares = enumerate(sorted(found))
    assert max(abs(share - place / 4_000) for place, share in shares) < 0.03
    assert all(0 <= share < 1 for share in found)


def test_investors_come_as_often_as_is_said() -> None:
    places = arrivals(2_000, 4.0, 1, DAY)
    assert list(places) == sorted(places)
    assert places[-1] / DAY == pytest.approx(500, rel=0.06)


def test_a_run_without_applications_says_nothing() -> None:
    with pytest.raises(ValueError, match="says nothing"):
        summary(Run(lives=(), loads=(), span=0, day=DAY))


def test_figures_are_read_off_the_lives() -> None:
    lives = tuple(
        Life(
            number=n,
            arrived=0,
            ended=DAY,
            conclusion=Conclusion.GRANTED,
            used_days=n,
            promised_days=6,
            in_time=n <= 6,
            chain=(),
        )
        for n in range(1, 11)
    )
    found = summary(Run(lives=lives, loads=(), span=DAY, day=DAY))
    assert (found.median_days, found.p90_days, found.longest_days) == (5, 9, 10)
    assert (found.mean_days, found.on_time, found.bottleneck) == (5.5, 0.6, None)
    assert found.completed == dict.fromkeys(range(1, 11), 1)


def test_ten_thousand_applications_of_twenty_items_take_a_minute() -> None:
    """A twentieth of them, in a twentieth of twice that: the machine has other work too."""
    layers = [[f"I{layer}{place}" for place in range(4)] for layer in range(5)]
    steps = [
        step(decide(item, f"d{place}", *(layers[number - 1] if number else ())))
        for number, items in enumerate(layers)
        for place, item in enumerate(items)
    ]
    of = route(*steps)
    line = WorkingTime(CALENDAR, FIRST)
    assumed = assume(
        [of], day_s=line.day, share=0.2, spread=0.6, officers={}, officers_otherwise=2, known={}
    )
    often = 0.7 * capacity(of, assumed, line.day)[0]
    world = World(line=line, route_of=handed_in(of, CALENDAR), assumptions=assumed, seed=1)
    tracer = sys.gettrace()
    sys.settrace(None)  # the simulator is measured, not what measures the coverage of the suite
    begun = time.process_time()
    run = world.run(arrivals(500, often, 1, line.day))
    took = time.process_time() - begun
    sys.settrace(tracer)
    assert len(run.lives) == 500
    assert took < 60 / 20 * 2, f"{took:.1f} s of CPU for 500 applications"


def test_investors_take_their_time_for_papers_and_no_clock_runs() -> None:
    """The example of the plant: what comes later is handed in after ten working days."""
    day = date(2026, 3, 2)
    example = COUNTY.scenario_by_code["plant"].example
    of = planner.route(planner.plan(COUNTY, DAYS, "plant", example, {}, day), "S0", DAYS)
    assert any(one.papers for one in of.steps)
    parts = {f"{p.item}/{p.department}": p for s in of.steps for p in s.parts}
    line = WorkingTime(DAYS, day)
    lives = []
    for papers in (constant(0.0), constant(10.0 * line.day / HOUR_S)):
        assumed = Assumptions(
            officers={part.department: 9 for part in parts.values()},
            hours=dict.fromkeys(parts, constant(1.0)),
            papers=papers,
        )
        world = World(line=line, route_of=handed_in(of, DAYS), assumptions=assumed, seed=1)
        lives += world.run([0]).lives
    at_once, later = lives
    waited = sum(one.waited for one in later.chain if not one.department)
    assert waited >= 10 * line.day
    assert not any(one.waited for one in at_once.chain if not one.department)
    assert later.ended - at_once.ended >= waited
    assert later.used_days <= at_once.used_days + 2, "the investor's days are not used up"
    assert (later.in_time, later.conclusion) == (True, at_once.conclusion)


def test_a_paper_that_does_not_come_in_its_term_is_given_up() -> None:
    day = date(2026, 3, 2)
    example = COUNTY.scenario_by_code["plant"].example
    of = planner.route(planner.plan(COUNTY, DAYS, "plant", example, {}, day), "S0", DAYS)
    term = Budget(value=5, unit=Unit.WORKING_DAY)
    steps = tuple(
        replace(step, papers=tuple(replace(paper, term=term) for paper in step.papers))
        for step in of.steps
    )
    line = WorkingTime(DAYS, day)
    parts = {f"{p.item}/{p.department}": p for s in of.steps for p in s.parts}
    assumed = Assumptions(
        officers={part.department: 9 for part in parts.values()},
        hours=dict.fromkeys(parts, constant(1.0)),
        papers=constant(20.0 * line.day / HOUR_S),
    )
    promised = handed_in(replace(of, steps=steps), DAYS)
    [life] = World(line=line, route_of=promised, assumptions=assumed, seed=1).run([0]).lives
    assert life.conclusion is Conclusion.PARTLY_GRANTED
