"""The drawing of a plan stands where its dates are."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.domain.planner import plan
from services.intake.pages import gantt
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import load

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
        assert bar.x == pytest.approx((bar.step.promised.start - start).days * unit, abs=0.02)
        last = bar.x + bar.width
        assert last == pytest.approx(((bar.step.promised.due - start).days + 1) * unit, abs=0.05)
        assert 0 <= bar.x < last <= chart.width + 0.05
        assert bar.merged == (len(bar.step.parts) > 1)
    assert sorted(bar.step.code for bar in chart.bars) == sorted(step.code for step in found.steps)
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
        assert len(bar.departments) == len({part.department for part in bar.step.parts})
        assert len(bar.items) == len({part.item for part in bar.step.parts})
