"""The chance of a promise and who holds it back: by hand, and against the core itself."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import Outcome, Part, StepState, TaskState
from services.domain.approval import apply, begin
from services.domain.case import Accepted, Case, Decided
from services.domain.route import Route, RoutePart
from services.domain.simulation import World
from services.domain.simulation_forecast import INVESTOR, OpenTask, Standing, forecast
from services.domain.simulation_lives import Assumptions
from services.domain.simulation_plans import handed_in, promised_from
from services.domain.simulation_times import HOUR_S, Times, WorkingTime, constant, measured
from tests.unit.routes import CALENDAR, consult, decide, route, routes, step, task

FIRST = date(2026, 1, 5)
OPENING = CALENDAR.opening_of(FIRST)
DAY_H = 8.0
DAY = timedelta(days=1)


def standing_of(case: Case, now: datetime) -> Standing:
    dates = {k: t.dates for k, t in case.tasks.items() if t.state is TaskState.OPEN and t.dates}
    return Standing(
        now=now,
        promised_at=case.promised_at,
        steps={code: status.state for code, status in case.steps.items()},
        open={
            key: OpenTask(issued_at=found.issued_at, promised_at=found.promised_at)
            for key, found in dates.items()
        },
    )


def accepted(of: Route) -> Case:
    of = promised_from(of, FIRST, CALENDAR)
    return apply(begin(of, CALENDAR, OPENING), Accepted(at=OPENING))[0]


def days(**each: float) -> dict[str, Times]:
    return {department: constant(number * DAY_H) for department, number in each.items()}


def foreseen(case: Case, now: datetime, times: dict[str, Times], **changes: object) -> object:
    line = WorkingTime(CALENDAR, FIRST)
    standing = replace(standing_of(case, now), **changes)
    return forecast(case.route, standing, lambda part: times[part.department], line)


THREE = route(step(decide("A", "a")), step(decide("B", "b", "A")), step(decide("C", "c", "A")))


def test_the_chain_is_added_up() -> None:
    """A 1 day, then B 2 and C 1 at the same time: the end is that of Wednesday, promised for +6."""
    found = foreseen(accepted(THREE), OPENING, days(a=1, b=2, c=1))
    assert found.likely_on == found.latest_on == date(2026, 1, 7)
    assert (found.chance, found.holding, found.holding_share) == (1.0, "A/a", 1.0)


def test_of_two_open_tasks_the_one_on_the_longer_chain_holds_it_back() -> None:
    of = route(step(decide("A", "a")), step(decide("B", "b", "A")), step(decide("C", "c")))
    case = accepted(of)
    assert foreseen(case, OPENING, days(a=1, b=1, c=3)).holding == "C/c"
    assert foreseen(case, OPENING, days(a=1, b=3, c=3)).holding == "A/a"
    case, _ = apply(case, Decided(at=OPENING + DAY, task=task("A", "a"), outcome=Outcome.GRANTED))
    found = foreseen(case, OPENING + DAY, days(a=1, b=3, c=3))
    assert found.holding == "B/b"
    assert found.likely_on == date(2026, 1, 8), "B needs three days from Tuesday morning"


def test_the_chance_is_the_share_of_futures_in_time() -> None:
    """Promised for Thursday; a tenth of such tasks take a day, the others seven: by hand."""
    of = route(step(decide("A", "a", promised=3)))
    case = accepted(of)
    times = {"a": measured([DAY_H] * 10 + [7 * DAY_H] * 90)}
    assert foreseen(case, OPENING, times).chance == pytest.approx(0.1, abs=0.06)
    later = foreseen(case, OPENING + 2 * DAY, times)
    assert later.chance < 0.02, "whoever has not done it in a day needs seven"
    assert later.latest_on == date(2026, 1, 12), "seven days from Monday, the make-up Saturday too"


def test_what_is_late_already_has_no_chance() -> None:
    case = accepted(route(step(decide("A", "a", promised=1))))
    assert foreseen(case, OPENING + 3 * DAY, days(a=1)).chance == 0.0


def test_a_silent_unit_holds_nobody_longer_than_its_time() -> None:
    of = route(step(decide("A", "a", promised=4), consult("A", "u"), code="joint"))
    found = foreseen(accepted(of), OPENING, days(a=1, u=100))
    assert found.chance == 1.0
    assert (found.holding, found.likely_on) == ("A/u", date(2026, 1, 8))


def test_a_pause_is_waited_for_and_is_not_work() -> None:
    case = accepted(route(step(decide("A", "a", promised=3))))
    now = OPENING + DAY
    paused = OpenTask(
        issued_at=OPENING,
        promised_at=case.promised_at,
        paused_from=date(2026, 1, 5),
        paused_until=date(2026, 1, 7),
    )
    found = foreseen(case, now, days(a=2), open={"A/a": paused})
    assert found.likely_on == date(2026, 1, 9), "two whole days after Wednesday"


def test_putting_right_moves_the_promise() -> None:
    of = route(step(decide("A", "a"), consult("A", "u"), code="joint", rounds=1, rectify=3))
    case = accepted(of)
    found = foreseen(
        case,
        OPENING,
        days(a=1, u=3),
        open={},
        steps={"joint": StepState.RECTIFYING},
        adverse=frozenset({"A/u"}),
        asked={"joint": OPENING},
    )
    assert (found.chance, found.holding) == (1.0, INVESTOR)
    assert found.latest_on > CALENDAR.local_date(case.promised_at)


def test_what_is_over_has_no_future() -> None:
    case = accepted(route(step(decide("A", "a"))))
    with pytest.raises(ValueError, match="over"):
        foreseen(case, OPENING, days(a=1), steps={"A": StepState.DONE})


@settings(max_examples=80, deadline=None)
@given(of=routes(), hours=st.lists(st.integers(1, 30), min_size=9, max_size=9))
def test_the_forward_pass_is_what_the_core_does(of: Route, hours: list[int]) -> None:
    """Everything granted, enough officers: one future, and the core's own run has the same end."""
    took: dict[str, Times] = {}

    def times(part: RoutePart) -> Times:
        name = f"{part.item}/{part.department}"
        if part.part is Part.CONSULT:
            return took.setdefault(name, constant(0.01))  # never late: silence is tested by hand
        return took.setdefault(name, constant(float(hours[len(took) % len(hours)])))

    for one in of.steps:
        for part in one.parts:
            times(part)
    departments = {part.department: 99 for one in of.steps for part in one.parts}
    line = WorkingTime(CALENDAR, FIRST)
    world = World(
        line=line,
        route_of=handed_in(of, CALENDAR),
        assumptions=Assumptions(officers=departments, hours=took),
        seed=1,
    )
    (life,) = world.run([0]).lives
    case = accepted(of)
    found = forecast(case.route, standing_of(case, OPENING), times, line, draws=3)
    assert found.likely_on == found.latest_on == line.date_of(life.ended - 1)
    assert found.chance == (1.0 if life.in_time else 0.0)
    assert case.tasks[found.holding].state is TaskState.OPEN
    assert life.ended % HOUR_S in {0, 36}


def test_a_step_that_waits_for_papers_is_held_by_the_investor_and_moves_the_promise() -> None:
    """A day of work is left; it waited past its promise, which all those days have moved."""
    alone = route(step(decide("A", "a")), promised_days=3)
    case = apply(begin(alone, CALENDAR, OPENING), Accepted(at=OPENING))[0]
    now = CALENDAR.opening_of(date(2026, 1, 14))
    steps: dict[str, StepState] = {}
    waiting = foreseen(case, now, days(a=1), steps=steps, open={}, awaited={"A": FIRST})
    assert (waiting.chance, waiting.holding) == (1.0, INVESTOR)  # type: ignore[attr-defined]  # a forecast
    late = foreseen(case, now, days(a=1), steps=steps, open={})
    assert late.chance == 0.0  # type: ignore[attr-defined]  # a forecast
