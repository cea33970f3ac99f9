"""The drawing of a plan stands where its dates are."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.domain.planner import plan
from services.intake.pages import gantt
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import load
from services.runtime.web.site.gantt import Line, Stretch, draw

ROOT = Path(__file__).parents[2]
CATALOGUE = load(ROOT / "deploy/catalogue/2026.1")
CALENDAR = load_calendar(ROOT / "deploy/calendar")


@pytest.mark.parametrize("code", sorted(CATALOGUE.scenario_by_code))
@pytest.mark.parametrize("start", [date(2026, 2, 10), date(2026, 9, 24)])
def test_bars_and_days_off_lie_on_one_scale(code: str, start: date) -> None:
    example = dict(CATALOGUE.scenario_by_code[code].example)
    found = plan(CATALOGUE, CALENDAR, code, example, {}, start)
    chart = gantt.chart(found, CALENDAR)
    days = (max(step.promised.due for step in found.steps) - start).days + 1
    unit = chart.width / days
    for bar in chart.bars:
        step, x = bar.line.step, bar.planned.x
        assert x == pytest.approx((step.promised.start - start).days * unit, abs=0.02)
        last = x + bar.planned.width
        assert last == pytest.approx(((step.promised.due - start).days + 1) * unit, abs=0.05)
        assert 0 <= x < last <= chart.width + 0.05
        assert bar.line.merged == (len(step.parts) > 1)
        assert bar.happened is None
    drawn = sorted(bar.line.step.code for bar in chart.bars)
    assert drawn == sorted(step.code for step in found.steps)
    shaded = {
        start + timedelta(days=round(band.x / unit) + place)
        for band in chart.bands
        for place in range(round(band.width / unit))
    }
    assert shaded == {
        day
        for day in (start + timedelta(days=place) for place in range(days))
        if not CALENDAR.is_working(day)
    }
    assert chart.promised_x == pytest.approx(
        ((found.promised_on - start).days + 1) * unit, abs=0.02
    )


def test_a_step_is_named_once_for_each_department() -> None:
    example = dict(CATALOGUE.scenario_by_code["plant"].example)
    found = plan(CATALOGUE, CALENDAR, "plant", example, {}, date(2026, 3, 2))
    for bar in gantt.chart(found, CALENDAR).bars:
        line = bar.line
        assert len(line.departments) == len({part.department for part in line.step.parts})
        assert len(line.items) == len({part.item for part in line.step.parts})


def test_what_happened_is_drawn_on_the_scale_of_the_plan() -> None:
    name = CATALOGUE.items[0].name
    first, due, today = date(2026, 3, 2), date(2026, 3, 6), date(2026, 3, 10)
    line = Line(
        step="one",
        name=name,
        departments=(name,),
        items=(name,),
        planned=Stretch(first=first, last=due),
        happened=Stretch(first=first + timedelta(days=1), last=today),
        late=True,
    )
    chart = draw([line], CALENDAR, start=first, promised_on=due, today=today)
    unit = chart.width / 9
    [bar] = chart.bars
    assert bar.happened is not None
    assert bar.happened.x == pytest.approx(unit, abs=0.02)
    assert bar.happened.x + bar.happened.width == pytest.approx(chart.width, abs=0.05)
    assert chart.promised_x == pytest.approx(5 * unit, abs=0.02)
    assert chart.today_x == pytest.approx(8.5 * unit, abs=0.02)
