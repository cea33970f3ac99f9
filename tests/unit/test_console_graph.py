"""The drawings of an application: every step once, in its layer, and on the dates of the plan."""

from datetime import date
from pathlib import Path

import pytest

from services.domain.plan import Plan
from services.domain.planner import plan, route
from services.orchestrator.pages.applications_drawing import planned
from services.orchestrator.pages.graph import BOX, Node, Row, draw, fitted, layers_of, reduced
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import load

ROOT = Path(__file__).parents[2]
CATALOGUE = load(ROOT / "deploy/catalogue/2026.1")
CALENDAR = load_calendar(ROOT / "deploy/calendar")
START = date(2026, 3, 2)
LEADS = {group.code: group.lead for group in CATALOGUE.groups}


def plan_of(code: str) -> Plan:
    example = dict(CATALOGUE.scenario_by_code[code].example)
    return plan(CATALOGUE, CALENDAR, code, example, {}, START)


def nodes_of(code: str) -> list[Node]:
    found = plan_of(code)
    return [
        Node(
            code=step.code,
            title=step.name.zh,
            state="waiting",
            after=step.after,
            rows=tuple(Row(text=part.department, state="waiting") for part in step.parts),
            merged=len(step.parts) > 1,
        )
        for step in found.steps
    ]


@pytest.mark.parametrize("code", sorted(CATALOGUE.scenario_by_code))
def test_every_step_is_drawn_once_behind_what_it_waits_for(code: str) -> None:
    nodes = nodes_of(code)
    drawing = draw(nodes)
    boxes = {box.node.code: box for box in drawing.boxes}
    assert sorted(boxes) == sorted(node.code for node in nodes)
    for node in nodes:
        for before in node.after:
            assert boxes[before].x + BOX < boxes[node.code].x
    for box in boxes.values():
        assert box.x >= 0
        assert box.x + BOX <= drawing.width
        assert box.y >= 0
        assert box.y + box.height <= drawing.height + 0.1
    for one in boxes.values():
        for other in boxes.values():
            if one is not other and one.x == other.x:
                assert one.y + one.height < other.y or other.y + other.height < one.y


@pytest.mark.parametrize("code", sorted(CATALOGUE.scenario_by_code))
def test_what_is_not_drawn_follows_from_what_is(code: str) -> None:
    nodes = nodes_of(code)
    kept, layers = reduced(nodes), layers_of(nodes)

    def reached(code: str) -> set[str]:
        return {before for one in kept[code] for before in (one, *reached(one))}

    for node in nodes:
        assert set(kept[node.code]) <= set(node.after)
        assert set(node.after) <= reached(node.code)
        assert layers[node.code] == max((layers[one] + 1 for one in node.after), default=0)


@pytest.mark.parametrize("code", sorted(CATALOGUE.scenario_by_code))
def test_a_step_is_planned_for_when_the_plan_promised_it(code: str) -> None:
    found = plan_of(code)
    there = [one.id for one in found.materials]
    windows = planned(route(found, "LS20260302-000001-1", CALENDAR, LEADS, there), START, CALENDAR)
    for step in found.steps:
        window = windows[step.code]
        assert (window.first, window.last) == (step.promised.start, step.promised.due), step.code


def test_a_text_is_cut_where_there_is_no_room() -> None:
    assert fitted("消防", 100, 10) == "消防"
    assert fitted("消防验收备案意见书", 50, 10) == "消防验收…"
    assert fitted("a" * 100, 50, 10) == "a" * 9 + "…"
