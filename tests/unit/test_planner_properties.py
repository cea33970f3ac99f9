import itertools
import json
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import Part, Unit
from services.domain.catalogue import (
    Catalogue,
    Consulted,
    Item,
    Limit,
)
from services.domain.plan import Plan, Verdict
from services.domain.planner import plan, route
from services.domain.route import Route
from tests.unit.builders import (
    CALENDAR,
    START,
    due_by_hand,
    group,
    item,
    of,
)

NUMBER = "LS20260302-000001-1"


def routed(found: Plan) -> Route:
    return route(found, NUMBER, CALENDAR)


LIMITS = st.builds(Limit, value=st.integers(0, 30), unit=st.sampled_from(Unit))
RULES = st.sampled_from(["True", "is_large", "not is_large", "floor_area > 5000", "False"])


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Random items in layers; merged ones share a layer, so that no cycle can come of it."""
    layers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    items: list[Item] = []
    groups = []
    for layer, size in enumerate(layers):
        earlier = [i.code for i in items]
        some = (
            st.lists(st.sampled_from(earlier), max_size=3, unique=True) if earlier else st.just([])
        )
        for number in range(size):
            items.append(
                item(
                    f"L{layer}-{number}",
                    draw(st.sampled_from(["fire", "housing", "planning"])),
                    statutory=draw(st.one_of(st.none(), LIMITS)),
                    promised=draw(LIMITS),
                    after=draw(some),
                    any_of=[choice] if (choice := tuple(draw(some))) else [],
                    on_trust=draw(some),
                    co_deciders=draw(st.sampled_from([(), ("water",)])),
                    group=f"group-{layer}" if draw(st.booleans()) else None,
                    applies_when=draw(RULES),
                )
            )
        units = draw(st.sampled_from([(), (Consulted(department="water", when="is_large"),)]))
        groups.append(group(f"group-{layer}", budget=draw(LIMITS), consulted=units))
    return of(items, groups=groups)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Catalogue, Plan]:
    found = draw(catalogues())
    codes = [i.code for i in found.items]
    held = dict.fromkeys(draw(st.lists(st.sampled_from(codes), max_size=2, unique=True)), "1")
    answers = {"floor_area": draw(st.sampled_from([10, 9000])), "is_large": draw(st.booleans())}
    start = START + timedelta(days=draw(st.integers(0, 330)))
    return found, plan(found, CALENDAR, "plant", answers, held, start)


@given(situations())
def test_every_applicable_item_is_in_exactly_one_step(made: tuple[Catalogue, Plan]) -> None:
    _, found = made
    needed = [v.item for v in found.verdicts if v.verdict is Verdict.APPLIES]
    decided = [i for s in found.steps for i in {p.item for p in s.parts if p.part is Part.DECIDE}]
    assert sorted(decided) == sorted(needed)
    for s in found.steps:
        keys = [(p.item, p.department) for p in s.parts]
        assert len(keys) == len(set(keys))


@given(situations())
def test_nothing_starts_before_what_it_needs_is_due(made: tuple[Catalogue, Plan]) -> None:
    _, found = made
    step_of = {p.item: s for s in found.steps for p in s.parts}
    for s in found.steps:
        for needed in {code for p in s.parts for code in p.requires}:
            before = step_of[needed]
            assert before.code in s.after
            assert before.promised.due <= s.promised.start
            assert before.statutory.due <= s.statutory.start


@given(situations())
def test_the_forward_pass_agrees_with_one_made_by_hand(made: tuple[Catalogue, Plan]) -> None:
    source, found = made
    steps = {s.code: s for s in found.steps}

    def due(code: str, *, statutory: bool) -> date:
        start = begins(code, statutory=statutory)
        items = {source.item_by_code[p.item] for p in steps[code].parts}
        if statutory:
            limits = [i.statutory.limit if i.statutory else i.promised for i in items]
            return min(due_by_hand(limit, start) for limit in limits)
        parts = next(s.parts for s in routed(found).steps if s.code == code)
        return min(due_by_hand(p.promised, start) for p in parts if p.part is Part.DECIDE)

    def begins(code: str, *, statutory: bool) -> date:
        dues = [due(before, statutory=statutory) for before in steps[code].after]
        return max(dues, default=found.start)

    for s in found.steps:
        assert s.promised.start == begins(s.code, statutory=False)
        assert s.promised.due == due(s.code, statutory=False)
        assert s.statutory.start == begins(s.code, statutory=True)
        assert s.statutory.due == due(s.code, statutory=True)
        for p in s.parts:
            assert s.promised.due <= due_by_hand(p.promised, s.promised.start)
        if s.budget:
            assert s.promised.due <= due_by_hand(s.budget, s.promised.start)


@given(situations())
def test_the_critical_path_is_an_unbroken_chain_to_the_promise(
    made: tuple[Catalogue, Plan],
) -> None:
    _, found = made
    steps = {s.code: s for s in found.steps}
    path = [steps[code] for code in found.critical_path]
    for before, after in itertools.pairwise(path):
        assert before.code in after.after
        assert after.promised.start == before.promised.due
    if path:
        assert path[0].after == ()
        assert path[0].promised.start == found.start
        assert path[-1].promised.due == found.promised_on
    assert found.promised_on == max([s.promised.due for s in found.steps], default=found.start)
    between = CALENDAR.working_days_between
    taken = sum(between(s.promised.start, s.promised.due) for s in path)
    assert taken == found.promised_days == found.totals.promised_critical


@given(situations())
def test_the_totals_are_what_they_say(made: tuple[Catalogue, Plan]) -> None:
    source, found = made
    day = found.start
    for s in found.steps:
        for code in sorted({p.item for p in s.parts}):
            one = source.item_by_code[code]
            day = due_by_hand(one.statutory.limit if one.statutory else one.promised, day)
    assert found.totals.statutory_serial == CALENDAR.working_days_between(found.start, day)
    assert found.totals.statutory_critical <= found.totals.statutory_serial
    if found.target.met:
        assert found.totals.promised_critical * 3 <= found.totals.statutory_serial


@given(catalogues(), st.booleans())
def test_planning_twice_gives_the_same_bytes(found: Catalogue, is_large: bool) -> None:
    answers = {"floor_area": 10, "is_large": is_large}
    first = plan(found, CALENDAR, "plant", answers, {}, START)
    again = plan(found.model_copy(), CALENDAR, "plant", answers, {}, START)
    assert first.to_json() == again.to_json()
    assert json.loads(first.to_json())["start"] == "2026-03-02"
