"""Joint sessions: openings, clocks, officers; every way of solving answers equally well."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import Part
from services.domain import sessions_solver
from services.domain.sessions import (
    GRID,
    Breach,
    Cost,
    Interval,
    Member,
    Obstacle,
    Officer,
    Opening,
    Placement,
    Round,
    Timetable,
    Wanted,
    breaches,
    clock_of,
    obstacles,
    officers_needed,
    openings,
    shortest,
    waiting,
)
from services.domain.sessions_search import search
from services.runtime.calendar_files import load
from tests.unit.routes import CALENDAR

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in Asia/Shanghai; business is 09:00-17:00
FRIDAY = datetime(2026, 3, 6, 9, tzinfo=UTC)
HOURS, AFTER = (Breach.OUTSIDE_HOURS, None), (Breach.AFTER_CLOCK, None)
PUBLISHED = load(Path(__file__).parents[2] / "deploy" / "calendar")
installed = pytest.mark.skipif(
    not sessions_solver.is_installed(), reason="the extra `solver` (OR-tools) is not installed"
)


def at(hour: float, days: int = 0) -> datetime:
    """An instant of Monday (or so many days later) by the clock on the wall."""
    return MONDAY + timedelta(hours=hour - 9, days=days)


def span(start: float, end: float, days: int = 0) -> Interval:
    return Interval(start=at(start, days), end=at(end, days))


def member(department: str, *officers: str, needed: int = 1, until: object = FRIDAY) -> Member:
    return Member(department=department, needed=needed, officers=officers, until=until)  # type: ignore[arg-type]  # None or an instant


def wanted(*members: Member, key: str = "s", hours: float = 2, travel: float = 0.5) -> Wanted:
    return Wanted(
        key=key,
        length=hours * HOUR,
        travel=travel * HOUR,
        earliest=MONDAY,
        latest=FRIDAY,
        members=members,
    )


def round_of(*asked: Wanted, **busy: list[Interval]) -> Round:
    refs = {ref for one in asked for found in one.members for ref in found.officers}
    return Round(
        wanted=asked,
        officers={ref: Officer(ref=ref, busy=tuple(busy.get(ref, ()))) for ref in refs},
        calendar=CALENDAR,
    )


def only(found: Timetable) -> Placement:
    assert found.proven
    [placed] = found.placed
    return placed


def test_the_ways_are_in_business_hours() -> None:
    found = list(openings(round_of(one := wanted(member("fire", "a"))), one))
    assert found[0].time == span(9.5, 11.5)
    assert found[0].block == span(9, 12)
    monday = [opening for opening in found if opening.time.start < at(24)]
    assert monday[-1].time == span(14.5, 16.5)
    assert {opening.time.start.weekday() for opening in found} == {0, 1, 2, 3, 4}


def test_holidays_are_not_met_on() -> None:
    spring = Wanted(
        key="s",
        length=HOUR,
        travel=0 * HOUR,
        earliest=datetime(2026, 2, 13, 9, tzinfo=UTC),
        latest=datetime(2026, 2, 25, 9, tzinfo=UTC),
        members=(member("fire", "a", until=None),),
    )
    round_ = replace(round_of(spring), calendar=PUBLISHED)
    days = {opening.time.start.day for opening in openings(round_, spring)}
    assert days == {14, 24, 25}  # the make-up Saturday; the festival is over on the 24th


def test_a_session_ends_inside_the_shortest_clock() -> None:
    one = wanted(member("fire", "a", until=at(11.5)), member("plan", "b"))
    assert [opening.time for opening in openings(round_of(one), one)] == [span(9.5, 11.5)]


def test_two_officers_verify_and_ways_take_their_time() -> None:
    one = wanted(member("fire", "a", "b", "c", needed=2), member("plan", "d"))
    busy = {"a": [span(9, 17)], "b": [span(9, 9.5)], "d": [span(9, 13)]}
    placed = only(search(round_of(one, **busy)))
    assert placed.time == span(13.5, 15.5)  # d is back at 13:00, the way takes half an hour
    assert placed.attendees == {"fire": ("b", "c"), "plan": ("d",)}


def test_the_least_loaded_are_sent() -> None:
    one = wanted(member("fire", "a", "b", "c", needed=2))
    loads = {"a": 3, "b": 1, "c": 2}
    officers = {ref: Officer(ref=ref, load=load) for ref, load in loads.items()}
    found = search(Round(wanted=(one,), officers=officers, calendar=CALENDAR))
    assert only(found).attendees == {"fire": ("b", "c")}
    assert found.cost == Cost(waiting=30, load=3)


def test_sessions_that_want_the_same_officer_follow_each_other() -> None:
    first = wanted(member("fire", "a"), key="one", travel=0, hours=4)
    second = wanted(member("fire", "a"), key="two", travel=0, hours=4)
    found = search(round_of(first, second))
    assert [one.time for one in found.placed] == [span(9, 13), span(13, 17)]
    assert found.cost == Cost(waiting=240)


def test_the_more_urgent_session_goes_first_and_one_finds_no_time() -> None:
    late = wanted(member("fire", "a"), key="one", travel=0, hours=4)
    urgent = wanted(member("fire", "a", until=at(13)), key="two", travel=0, hours=4)
    hopeless = wanted(member("fire", "a", until=at(12.5)), key="three", travel=0, hours=4)
    found = search(round_of(late, urgent, hopeless))
    assert [(one.key, one.time) for one in found.placed] == [
        ("one", span(13, 17)),
        ("two", span(9, 13)),
    ]
    assert found.unplaced == ("three",)


@pytest.mark.parametrize(
    ("one", "busy", "why"),
    [
        (wanted(member("fire", "a", needed=2)), {}, (Obstacle.TOO_FEW, "fire")),
        (wanted(member("fire", "a", until=at(11))), {}, (Obstacle.CLOCK, "fire")),
        (
            wanted(member("fire", "a", until=at(17)), member("plan", "b")),
            {"a": [span(9, 17)]},
            (Obstacle.NEVER_FREE, "fire"),
        ),
        (
            wanted(member("fire", "a", until=at(17)), member("plan", "b", until=at(17))),
            {"a": [span(9, 12)], "b": [span(12, 17)]},
            (Obstacle.NO_COMMON_TIME, None),
        ),
    ],
)
def test_what_stands_in_the_way_is_named(
    one: Wanted, busy: dict[str, list[Interval]], why: tuple[Obstacle, str | None]
) -> None:
    found = round_of(one, **busy)
    assert obstacles(found, one) == (why,)
    assert search(found).unplaced == ("s",)


def test_nothing_stands_in_the_way_of_a_session_that_can_be_held() -> None:
    one = wanted(member("fire", "a"))
    assert obstacles(round_of(one), one) == ()


@pytest.mark.parametrize(
    ("time", "sent", "found"),
    [
        (span(9.5, 11.5), {"fire": ["a", "b"]}, ()),
        (span(9.25, 11.25), {"fire": ["a", "b"]}, (HOURS,)),
        (span(15, 17), {"fire": ["a", "b"]}, (HOURS,)),
        (span(10, 12, 5), {"fire": ["a", "b"]}, (HOURS, AFTER)),
        (span(9.5, 11.5), {"fire": ["a"]}, ((Breach.TOO_FEW, "fire"),)),
        (span(9.5, 11.5), {"fire": ["a", "a"]}, ((Breach.TOO_FEW, "fire"),)),
        (span(9.5, 11.5), {"fire": ["a", "x"]}, ((Breach.STRANGER, "fire"),)),
        (span(9.5, 11.5), {"fire": ["a", "b"], "sea": ["y"]}, ((Breach.STRANGER, "sea"),)),
        (span(9.5, 11.5), {"fire": ["a", "c"]}, ((Breach.NOT_FREE, "fire"),)),
        (span(9.5, 11.5, -3), {"fire": ["a", "b"]}, ((Breach.TOO_EARLY, None),)),
        (span(9.5, 11.5, 7), {"fire": ["a", "b"]}, (AFTER,)),
    ],
)
def test_a_placement_that_breaks_a_rule_is_known(
    time: Interval, sent: dict[str, list[str]], found: tuple[tuple[Breach, str | None], ...]
) -> None:
    one = wanted(member("fire", "a", "b", "c", needed=2, until=None))
    assert breaches(round_of(one, c=[span(8, 17)]), one, time, sent) == found


def test_a_members_clock_binds_a_placement() -> None:
    one = wanted(member("fire", "a", until=at(11)))
    found = breaches(round_of(one), one, span(9.5, 11.5), {"fire": ["a"]})
    assert found == ((Breach.AFTER_CLOCK, "fire"),)


def test_on_site_departments_that_decide_send_two() -> None:
    assert officers_needed("joint_acceptance", [Part.CONSULT, Part.DECIDE]) == 2
    assert officers_needed("joint_inspection", [Part.CONSULT]) == 1
    assert officers_needed("joint_design_review", [Part.DECIDE]) == 1


def test_the_clock_is_the_promise_while_it_can_be_kept() -> None:
    assert clock_of(at(17), at(17, 20), at(11)) == at(17)
    assert clock_of(at(10), at(17, 20), at(11)) == at(17, 20)
    assert clock_of(at(10), None, at(11)) is None
    assert clock_of(at(9), at(10), at(11)) is None
    assert shortest([at(17), at(12)]) == at(12)
    assert shortest([at(17), None]) is None


# Random rounds: three ways of solving, and the rules

HALVES = st.integers(0, 15)
STRETCH = st.tuples(HALVES, st.integers(1, 8)).map(
    lambda pair: Interval(start=at(9 + pair[0] / 2), end=at(9 + (pair[0] + pair[1]) / 2))
)
OFFICER = st.tuples(st.lists(STRETCH, max_size=2), st.integers(0, 3))


@st.composite
def rounds(draw: st.DrawFn, most: int = 3) -> Round:
    staff = {
        department: draw(st.lists(OFFICER, min_size=1, max_size=3)) for department in ("x", "y")
    }
    officers = {
        f"{department}{n}": Officer(ref=f"{department}{n}", busy=tuple(busy), load=load)
        for department, found in staff.items()
        for n, (busy, load) in enumerate(found)
    }
    asked = tuple(_drawn(draw, str(n), staff) for n in range(draw(st.integers(1, most))))
    return Round(wanted=asked, officers=officers, calendar=CALENDAR)


def _drawn(draw: st.DrawFn, key: str, staff: dict[str, list[object]]) -> Wanted:
    who = draw(st.sampled_from([("x",), ("y",), ("x", "y")]))
    return Wanted(
        key=key,
        length=draw(st.integers(2, 6)) * GRID,
        travel=draw(st.integers(0, 2)) * GRID,
        earliest=MONDAY + draw(st.integers(0, 4)) * GRID,
        latest=at(17),
        members=tuple(
            Member(
                department=department,
                needed=draw(st.integers(1, 2)),
                officers=tuple(f"{department}{n}" for n in range(len(staff[department]))),
                until=at(9 + draw(st.integers(6, 16)) / 2),
            )
            for department in who
        ),
    )


def _sound(round_: Round, found: Timetable) -> None:
    """Every rule is kept, nobody is in two places, and the cost is what it says."""
    by_key = {one.key: one for one in round_.wanted}
    assert sorted([*(one.key for one in found.placed), *found.unplaced]) == sorted(by_key)
    blocks: dict[str, list[Interval]] = {}
    for placed in found.placed:
        asked = by_key[placed.key]
        assert breaches(round_, asked, placed.time, placed.attendees) == ()
        for ref in (ref for refs in placed.attendees.values() for ref in refs):
            block = Interval(
                start=placed.time.start - asked.travel, end=placed.time.end + asked.travel
            )
            assert not any(block.meets(other) for other in blocks.get(ref, ()))
            blocks.setdefault(ref, []).append(block)
    assert found.cost == Cost(
        unplaced=len(found.unplaced),
        waiting=sum(waiting(by_key[one.key], one.time) for one in found.placed),
        load=sum(round_.officers[ref].load * len(taken) for ref, taken in blocks.items()),
    )


def _everything(round_: Round) -> Iterator[Cost]:
    """The cost of every timetable there is: by trying all of them, without any thought."""
    choices = [list(_ways(one, round_)) for one in round_.wanted]
    for picked in product(*choices):
        placed = [one for one in picked if one is not None]
        taken = [(ref, block) for _, block, refs in placed for ref in refs]
        if any(a == b and one.meets(two) for (a, one), (b, two) in combinations(taken, 2)):
            continue
        yield Cost(
            unplaced=len(picked) - len(placed),
            waiting=sum(minutes for minutes, _, _ in placed),
            load=sum(round_.officers[ref].load for ref, _ in taken),
        )


def _ways(asked: Wanted, round_: Round) -> Iterator[tuple[int, Interval, tuple[str, ...]] | None]:
    yield None
    found: list[Opening] = list(openings(round_, asked))
    for opening in found:
        groups = [combinations(opening.free[m.department], m.needed) for m in asked.members]
        for sent in product(*groups):
            yield waiting(asked, opening.time), opening.block, tuple(r for g in sent for r in g)


@given(rounds(most=2))
@settings(max_examples=150, deadline=None)
def test_the_search_finds_the_best_timetable_there_is(round_: Round) -> None:
    found = search(round_)
    assert found.proven
    _sound(round_, found)
    assert found.cost == min(_everything(round_))


@installed
@given(rounds())
@settings(max_examples=80, deadline=None)
def test_the_solver_answers_as_well_as_the_search(round_: Round) -> None:
    found, solved = search(round_), sessions_solver.solve(round_)
    assert found.proven
    assert solved.proven
    _sound(round_, solved)
    assert solved.cost == found.cost


@installed
def test_a_solver_without_time_places_nothing_and_says_so() -> None:
    round_ = round_of(wanted(member("x", "a"), key="s"), wanted(member("x", "b"), key="r"))
    solved = sessions_solver.solve(round_, seconds=0)
    assert (solved.placed, solved.unplaced, solved.proven) == ((), ("r", "s"), False)


def test_a_search_that_is_cut_short_says_so() -> None:
    asked = [wanted(member("x", "a", "b"), key=str(n), hours=1) for n in range(4)]
    found = search(round_of(*asked), steps=30)
    assert not found.proven
    _sound(round_of(*asked), found)


def test_a_search_that_is_called_off_answers_with_what_it_has() -> None:
    asked = [wanted(member("x", "a", "b"), key=str(n), hours=1) for n in range(4)]
    looks = iter(range(1000))
    found = search(round_of(*asked), stop=lambda: next(looks) >= 60)
    assert (found.proven, next(looks)) == (False, 61)
    assert found.placed
    _sound(round_of(*asked), found)
    none = sessions_solver.timetable(round_of(*asked), stop=lambda: True)
    assert (none.placed, none.proven) == ((), False)


def test_what_the_search_cannot_prove_is_given_to_the_solver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = [wanted(member("x", "a", "b"), key=str(n), hours=1) for n in range(3)]
    round_ = round_of(*asked)
    monkeypatch.setattr(sessions_solver, "search", lambda given, stop: search(given, steps=30))
    found = sessions_solver.timetable(round_)
    assert found.proven is sessions_solver.is_installed()
    _sound(round_, found)
