"""The league table and the heat map: who is first, and which cell is how dark."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.figures_models import CardCount, Figures, FollowUps, Period, Wholes
from services.orchestrator.pages.supervision import Cell, heat_map, instant_of, late_of, league

MONDAY = date(2026, 3, 2)


def figures(department: str, item: str | None = None, **changes: object) -> Figures:
    given: dict[str, object] = {
        "department": department,
        "department_name": None,
        "item": item,
        "item_name": None,
        "volume": 10,
        **dict.fromkeys(("granted", "refused", "objections", "silent"), 0),
        **dict.fromkeys(("used", "promised", "statutory", "lawful", "rating")),
        "on_time": 1.0,
        "saved_days": 0.0,
        "cards": CardCount(),
        "ratings": {},
    }
    return Figures.model_validate(given | changes)


def week(place: int, *rows: Figures) -> Period:
    return Period(
        since=MONDAY + timedelta(weeks=place),
        until=MONDAY + timedelta(weeks=place, days=6),
        by="item",
        wholes=Wholes(
            applications=0, in_time=None, used_median=None, promised_median=None, saved_days=0
        ),
        follow_ups=FollowUps(opened=0, closed=0, overdue=0),
        rows=list(rows),
    )


def test_punctual_comes_before_clean_before_quick() -> None:
    rows = [
        figures("late", on_time=0.9, saved_days=50.0),
        figures("red", cards=CardCount(red=1), saved_days=50.0),
        figures("yellow", cards=CardCount(yellow=2), saved_days=50.0),
        figures("slow", saved_days=1.0),
        figures("quick", saved_days=9.0),
        figures("nothing", on_time=None, volume=0),
    ]
    names = [row.department for row in league(rows)]
    assert names == ["quick", "slow", "yellow", "red", "late", "nothing"]


@given(st.integers(1, 5000), st.data())
def test_late_tasks_are_counted_back_from_their_share(volume: int, data: st.DataObject) -> None:
    late = data.draw(st.integers(0, volume))
    share = 1.0 if not late else min(round((volume - late) / volume, 4), 0.9999)
    assert late_of(figures("one", volume=volume, on_time=share)) == late


def test_a_cell_is_as_dark_as_its_share_of_late_tasks() -> None:
    cells = [Cell(volume=20, late=late) for late in (0, 1, 3, 6, 11)]
    assert [cell.heat for cell in cells] == [0, 1, 2, 3, 4]
    assert Cell(volume=0, late=0).heat == 0


def test_the_map_has_the_items_that_were_late_the_worst_first() -> None:
    two = figures("city", "DRAINS", volume=4, on_time=0.5)
    three = figures("roads", "DRAINS", volume=6, on_time=0.5)
    found = heat_map(
        [
            week(0, two, three, figures("fire", "FIRE", on_time=1.0)),
            week(1, figures("city", "DRAINS"), figures("food", "FOOD", volume=2, on_time=0.5)),
        ]
    )
    assert found.weeks == (MONDAY, MONDAY + timedelta(weeks=1))
    assert [item for item, _ in found.rows] == ["DRAINS", "FOOD"]
    assert found.rows[0][1] == (Cell(volume=10, late=5), Cell(volume=10, late=0))
    assert found.rows[1][1] == (Cell(volume=0, late=0), Cell(volume=2, late=1))


def test_only_an_instant_is_shown_as_one() -> None:
    found = instant_of("2026-03-09T09:00:00Z")
    assert found is not None
    assert found.hour == 9
    assert [instant_of(one) for one in ("2026-03-09", "T", 7, None)] == [None] * 4
